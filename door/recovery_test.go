package door_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A result is what a call returned.
type result struct {
	n   int
	err error
}

// buy starts a call, and returns where its result arrives.
func buy(ctx context.Context, d *door.Door, o order, opts ...rpc.Option) <-chan result {
	c := make(chan result, 1)
	go func() {
		n, err := rpc.Do(ctx, d, Buy, o, opts...)
		c <- result{n, err}
	}()
	return c
}

// wantResult waits for the result of a call.
func wantResult(t testing.TB, c <-chan result, n int) {
	t.Helper()
	if r := <-c; r.n != n || r.err != nil {
		t.Errorf("the result is %d, %v; want %d", r.n, r.err, n)
	}
}

// A call with the key of an earlier one joins it, or gets the recorded answer: in the
// same run, and in a run after a crash, in which the machine goes on with what it has not
// answered. No effect happens twice. A replay needs no Go code behind the door.
func TestKeysAcrossACrash(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	d := door.New("shop")
	run(t, keep(t, dir, d), d.Driver(), shops.Spawn(shop{}))
	heard := read(t, door.Subscribe(soon(t), d, topic.All[receipt](), door.Observing()))
	heard.want(door.Started, receipt{})
	ctx := soon(t)
	wantResult(t, buy(ctx, d, order{"tea", 1}, door.Key("answered")), 1)
	wantResult(t, buy(ctx, d, order{"tea", 1}, door.Key("answered")), 1)
	if r := <-buy(ctx, d, order{"milk", 1}, door.Key("refused")); !errors.Is(r.err, errSoldOut) {
		t.Error(r.err)
	}
	buy(ctx, d, order{"later", 10}, door.Key("open"))
	heard.want(door.Message, receipt{"later", 10})
	buy(ctx, d, order{"later", 100})
	heard.want(door.Message, receipt{"later", 100})
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}

	d = door.New("shop")
	stop := run(t, keep(t, copied, d), d.Driver(), shops.Spawn(shop{}))
	wantResult(t, buy(ctx, d, order{"tea", 1}, door.Key("answered")), 1)
	if r := <-buy(ctx, d, order{"milk", 1}, door.Key("refused")); !errors.Is(r.err, errSoldOut) {
		t.Error(r.err)
	}
	if r := <-buy(ctx, d, order{"tea", 2}, door.Key("answered")); !errors.Is(r.err, door.ErrKeyReused) {
		t.Error(r.err)
	}
	one, two := buy(ctx, d, order{"later", 10}, door.Key("open")), buy(ctx, d, order{"later", 10}, door.Key("open"))
	if err := d.Send(ctx, order{"now", 0}); err != nil {
		t.Fatal(err)
	}
	wantResult(t, one, 11)
	wantResult(t, two, 11)
	wantResult(t, buy(ctx, d, order{"later", 10}, door.Key("open")), 11)
	wantResult(t, buy(ctx, d, order{"tea", 1}), 112)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	replay(t, copied, shops.Spawn(shop{}))
}

// The time of the answers is that of the clock of the door.
func TestRememberOnAClock(t *testing.T) {
	clock := world.NewManualClock("test", time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC))
	d := door.New("shop", door.Remember(5, time.Hour), door.OnClock(clock))
	run(t, new(ground.Ground), shops.Spawn(shop{}), d.Driver())
	ctx := soon(t)
	for _, want := range []int{1, 1, 2} { // the time of an answer begins with the next call
		wantResult(t, buy(ctx, d, order{"tea", 1}, door.Key("k")), want)
		if want == 1 {
			clock.Advance(time.Hour + time.Minute)
		}
	}
}

// shopEnv makes the test program a shop with a journal in a folder.
const shopEnv = "DOOR_TEST_SHOP"

// serveShop reads a key from each line, buys a tea with it, and writes the key and the
// number of the tea. An empty key asks how many are sold.
func serveShop(dir string) int {
	d := door.New("shop")
	j, err := journal.Config{Durability: journal.Sync, Types: append(door.Types(d), shops.Type), SnapshotEvery: 20}.Open(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			key, o := in.Text(), order{"tea", 1}
			if key == "" {
				o.N = 0
			}
			go func() {
				n, err := rpc.Do(context.Background(), d, Buy, o, door.Key(key), rpc.Patient())
				fmt.Printf("%q %d %v\n", key, n, err)
			}()
		}
	}()
	g := ground.Ground{Journal: j}
	fmt.Fprintln(os.Stderr, g.Run(context.Background(), shops.Spawn(shop{}), d.Driver()))
	return 1
}

// A program is killed again and again while it carries out calls with keys, and clients
// repeat calls without an answer. Each is carried out once.
func TestKill(t *testing.T) {
	const rounds, each = 5, 20
	dir := t.TempDir()
	answers := map[string]int{}
	var open []string
	for round := range rounds + 1 {
		for i := range each {
			open = append(open, fmt.Sprintf("order-%d.%d", round, i))
		}
		left := 3 * round // how many answers are waited for
		if round == rounds {
			left = len(open)
		}
		p := startShop(t, dir)
		for _, key := range open {
			p.ask(t, key)
		}
		for range left {
			key, n := p.answer(t)
			if was, ok := answers[key]; ok && was != n {
				t.Errorf("the answers to %s are %d and %d", key, was, n)
			}
			answers[key] = n
		}
		if round == rounds {
			p.ask(t, "")
			if _, n := p.answer(t); n != (rounds+1)*each {
				t.Errorf("%d are sold for %d keys", n, (rounds+1)*each)
			}
		}
		p.kill()
		// Half of those that have an answer are repeated as well.
		again := open[:0]
		for i, key := range open {
			if _, ok := answers[key]; !ok || i%2 == 0 {
				again = append(again, key)
			}
		}
		open = again
	}
	seen := map[int]bool{}
	for key, n := range answers {
		if seen[n] {
			t.Errorf("%s has a number that another one has: %d", key, n)
		}
		seen[n] = true
	}
	if len(answers) != (rounds+1)*each {
		t.Errorf("%d answers", len(answers))
	}
}

// A shopProcess is a program that runs serveShop.
type shopProcess struct {
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func startShop(t *testing.T, dir string) shopProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := shopProcess{cmd: exec.Command(self)}
	p.cmd.Env = append(os.Environ(), shopEnv+"="+dir)
	in, err1 := p.cmd.StdinPipe()
	out, err2 := p.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, p.cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	p.in, p.out = in, bufio.NewReader(out)
	return p
}

func (p shopProcess) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func (p shopProcess) ask(t *testing.T, key string) {
	t.Helper()
	if _, err := fmt.Fprintln(p.in, key); err != nil {
		t.Fatal(err)
	}
}

func (p shopProcess) answer(t *testing.T) (key string, n int) {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var failed string
	if _, err := fmt.Sscanf(line, "%q %d %s\n", &key, &n, &failed); err != nil || failed != "<nil>" {
		t.Fatalf("the shop says %q", line)
	}
	return key, n
}
