//go:build unix

package main

import (
	"bufio"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

var (
	kills    = flag.Int("kills", 10, "how often to kill the till or the projection")
	killSeed = flag.Uint64("killseed", 0, "of what to kill when; 0 for another one each time")
)

// mainEnv is the variable that makes this program the example.
const mainEnv = "MARKETPLACE_PROJECTION"

func TestMain(m *testing.M) {
	if os.Getenv(mainEnv) != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestKill: the till and the projection are killed, again and again. At any time, the read model is
// what the payments up to its position make, and it comes to the end of the journal.
func TestKill(t *testing.T) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-killseed %d", seed)
	r := &rig{T: t, dir: filepath.Join(t.TempDir(), "till.journal"), db: filepath.Join(t.TempDir(), "till.db"), random: rand.New(rand.NewPCG(seed, 0))}
	var till, projection *process
	for range *kills {
		if till == nil {
			till = r.till()
		}
		if projection == nil {
			projection = r.projection()
		}
		for range r.random.IntN(200) {
			till.pay(fmt.Sprintf("%c %d", 'a'+r.random.IntN(20), r.random.IntN(100)-20))
		}
		victim := r.random.IntN(3)
		if victim != 0 {
			till.kill()
			till = nil
		}
		if victim != 1 {
			projection.kill()
			projection = nil
		}
		r.check()
	}
	if till == nil {
		till = r.till()
	}
	if projection == nil {
		projection = r.projection()
	}
	till.pay("zoe 1")
	till.stop()
	r.comesToEnd()

	// The same from zero; and when the history is changed.
	projection.stop()
	want, last := r.check()
	r.db += ".new"
	projection = r.projection()
	r.comesToEnd()
	if got, _ := r.check(); !maps.Equal(got, want) {
		t.Errorf("from zero, the balances are %v, want %v", got, want)
	}
	if _, err := journal.Truncate(r.dir, last/2); err != nil {
		t.Fatal(err)
	}
	r.comesToEnd()
	projection.stop()
	t.Logf("%d inputs, %d accounts", last, len(want))
}

type rig struct {
	*testing.T
	dir, db string
	random  *rand.Rand
}

// A process is a till or a projection.
type process struct {
	*testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (r *rig) start(args ...string) *process {
	r.Helper()
	self, err := os.Executable()
	if err != nil {
		r.Fatal(err)
	}
	p := &process{T: r.T, cmd: exec.Command(self, args...)}
	p.cmd.Env = append(os.Environ(), mainEnv+"=1")
	in, err1 := p.cmd.StdinPipe()
	out, err2 := p.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, p.cmd.Start()); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.in, p.out = in, bufio.NewReader(out)
	return p
}

func (r *rig) till() *process {
	return r.start("-journal", r.dir, "-durability", "sync")
}

func (r *rig) projection() *process { return r.start("-project", r.dir, "-db", r.db) }

// pay pays, and waits for the answer.
func (p *process) pay(line string) {
	p.Helper()
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		p.Fatal(err)
	}
	if _, err := p.out.ReadString('\n'); err != nil {
		p.Fatal(err)
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_, _ = io.Copy(io.Discard, p.out)
	_ = p.cmd.Wait()
}

func (p *process) stop() {
	p.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_, _ = io.Copy(io.Discard, p.out)
	if err := p.cmd.Wait(); err != nil {
		p.Fatal(err)
	}
}

// check compares the read model with the journal up to its position.
func (r *rig) check() (balances map[string]int64, position uint64) {
	r.Helper()
	balances, position, payments := r.read()
	want, paid := map[string]int64{}, 0
	h, err := journal.Read(r.dir)
	if err != nil {
		if position == 0 && errors.Is(err, wal.ErrNoLog) {
			return balances, position
		}
		r.Fatal(err)
	}
	if position > h.Last() {
		r.Fatalf("the read model is at input %d, and the journal ends with %d", position, h.Last())
	}
	for in, err := range h.Inputs(0) {
		if err != nil {
			r.Fatal(err)
		}
		if in.Seq > position {
			break
		}
		if v, err := in.Value(); err != nil {
			r.Fatal(err)
		} else if line, ok := v.(console.Line); ok && in.Kind == vm.Value {
			p, _ := parse(line.Text)
			want[p.Account] += p.Amount
			paid++
		}
	}
	if !maps.Equal(balances, want) || payments != paid {
		r.Fatalf("after input %d, there are %d payments and the balances %v, want %d and %v", position, payments, balances, paid, want)
	}
	return balances, position
}

// read reads the read model.
func (r *rig) read() (balances map[string]int64, position uint64, payments int) {
	r.Helper()
	db, err := openModel(r.db)
	if err != nil {
		r.Fatal(err)
	}
	defer db.Close()
	balances = map[string]int64{}
	err = inTransaction(db, func(tx *sql.Tx) error {
		var text string
		var at journal.Position
		err := errors.Join(
			tx.QueryRow("SELECT text FROM position").Scan(&text),
			tx.QueryRow("SELECT count(*) FROM payments").Scan(&payments))
		err = errors.Join(err, at.UnmarshalText([]byte(text)))
		position = at.Seq
		rows, e := tx.Query("SELECT account, balance FROM balances")
		if err = errors.Join(err, e); err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var account string
			var balance int64
			if err := rows.Scan(&account, &balance); err != nil {
				return err
			}
			balances[account] = balance
		}
		return rows.Err()
	})
	if err != nil {
		r.Fatal(err)
	}
	return balances, position, payments
}

// comesToEnd waits until the read model is at the end of the journal, and compares it.
func (r *rig) comesToEnd() {
	r.Helper()
	h, err := journal.Read(r.dir)
	if err != nil {
		r.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; <-time.After(5 * time.Millisecond) {
		_, position, _ := r.read()
		if position == h.Last() {
			break
		}
		if time.Now().After(deadline) {
			r.Fatalf("the read model is at input %d, and the journal ends with %d", position, h.Last())
		}
	}
	r.check()
}
