//go:build linux

package node_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/rpc"
)

// journalVariable says that this program is a node with a journal in a folder, which it
// names.
const journalVariable = "NODE_TEST_JOURNAL"

// hostVariable says that the machine of such a node is that of a Host.
const hostVariable = "NODE_TEST_HOST"

// A wanter wants a node, and a counter there.
type wanter struct{}

var wanters = actions.Define("node_test.wanter", func(wanter) actions.Action {
	return actions.Group(node.Spawn("far", node.Local{}, soon), node.Run(place, counters.With(5), node.Always))
})

// keptMachine returns what is in a machine with a journal that starts a node, and its types.
func keptMachine() (d *door.Door, boot []actions.Action, types []actions.Type) {
	c, d := node.Private("master"), door.New("door")
	return d, []actions.Action{timer.Driver(), c.Driver(), c.Keep(), c.Launch(), d.Driver(), wanters.Spawn(wanter{})},
		append(append(c.Types(), door.Types(d)...), wanters.Type)
}

// runKept runs such a machine. For each line of standard input, which is a key, it adds 1 to the
// counter with a call of plain Go, and prints the key, the result and the error. The key "pid"
// asks for the process of the node.
func runKept(dir string) {
	ctx := context.Background()
	open := func(types []actions.Type) (ground.Journal, error) {
		return journal.Config{Durability: journal.Sync, Types: types, SnapshotEvery: 100}.Open(dir)
	}
	if os.Getenv(hostVariable) != "" {
		c := node.Private("master")
		c.Journal = open
		h := c.Start(ctx)
		answerKeys(ctx, h.Client())
		err := h.Spawn(ctx, "far", node.Local{}, soon)
		if err == nil {
			err = h.Run(ctx, place, counters.With(5), node.Always)
		}
		if err != nil {
			fmt.Println(err, h.Close())
			os.Exit(1)
		}
		select {}
	}
	d, boot, types := keptMachine()
	j, err := open(types)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	answerKeys(ctx, d)
	fmt.Println((&ground.Ground{Journal: j, Stay: true}).Run(ctx, boot...))
}

// answerKeys makes the calls of runKept.
func answerKeys(ctx context.Context, d *door.Door) {
	go func() {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			go func(key string) {
				var n int
				var err error
				if key == "pid" {
					n, err = rpc.Do(ctx, d, whoami, struct{}{}, rpc.At(place), rpc.Patient())
				} else {
					n, err = rpc.Do(ctx, d, add, 1, rpc.At(place), rpc.Patient(), door.Key(key))
				}
				fmt.Printf("%s %d %q\n", key, n, fmt.Sprint(err))
			}(in.Text())
		}
	}()
}

// A keptProcess is a process that does runKept.
type keptProcess struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func startKept(t *testing.T, dir, host string) *keptProcess {
	t.Helper()
	p := &keptProcess{t: t, cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), journalVariable+"="+dir, hostVariable+"="+host, "MARKETPLACE_LOG=off")
	in, err1 := p.cmd.StdinPipe()
	out, err2 := p.cmd.StdoutPipe()
	must(t, errors.Join(err1, err2, p.cmd.Start()))
	t.Cleanup(p.kill)
	p.in, p.out = in, bufio.NewReader(out)
	return p
}

func (p *keptProcess) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func (p *keptProcess) ask(key string) {
	p.t.Helper()
	_, err := fmt.Fprintln(p.in, key)
	must(p.t, err)
}

// answer returns the result of the call with a key, for which alone the process was asked.
func (p *keptProcess) answer(key string) (n int, failed string) {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	must(p.t, err)
	var got string
	if _, err := fmt.Sscanf(line, "%s %d %q\n", &got, &n, &failed); err != nil || got != key {
		p.t.Fatalf("the process says %q, and was asked for %s", line, key)
	}
	return n, failed
}

// TestJournal: a machine with a journal that starts a node, and runs a program there, is killed
// again and again, and goes on: it starts the node anew, and the calls of plain Go that had an
// answer have the same one again. A call that was open ends. The node of the life before is gone. The journal replays,
// without any process.
func TestJournal(t *testing.T) {
	_, boot, types := keptMachine()
	testJournal(t, "", actions.Group(boot...), types)
}

// TestJournalOfAHost: the same with a Host that has a journal.
func TestJournalOfAHost(t *testing.T) {
	boot, types := node.Private("master").Hosting()
	testJournal(t, "host", boot, types)
}

func testJournal(t *testing.T, host string, boot actions.Action, types []actions.Type) {
	dir := t.TempDir()
	answers := map[string]int{}
	const rounds, each = 4, 5
	for round := range rounds {
		p := startKept(t, dir, host)
		for key, want := range answers {
			p.ask(key)
			if n, failed := p.answer(key); n != want || failed != "<nil>" {
				t.Errorf("round %d: the call %s has the answer %d, %s, and had %d", round, key, n, failed, want)
			}
		}
		p.ask("pid")
		pid, failed := p.answer("pid")
		if failed != "<nil>" {
			t.Fatalf("round %d: the node is not there: %s", round, failed)
		}
		count := 5
		if round > 0 { // nobody knew whether this one was carried out
			key := fmt.Sprint("open", round-1)
			p.ask(key)
			n, failed := p.answer(key)
			if !strings.Contains(failed, rpc.ErrGone.Error()) && (n != 6 || failed != "<nil>") {
				t.Errorf("round %d: the open call has the answer %d, %s", round, n, failed)
			}
			count = max(count, n)
		}
		for i := range each {
			key := fmt.Sprintf("%d.%d", round, i)
			p.ask(key)
			n, failed := p.answer(key)
			if count++; n != count || failed != "<nil>" {
				t.Errorf("round %d: call %d has the answer %d, %s, want %d", round, i, n, failed, count)
			}
			answers[key] = n
		}
		p.ask(fmt.Sprint("open", round))
		p.kill()
		gone(t, pid)
	}
	h, err := journal.Read(dir)
	must(t, err)
	program := journal.Booting(boot)
	program.Types = types
	_, err = h.Replay(t.Context(), program, journal.ReplayConfig{})
	must(t, err)
	t.Logf("%d inputs are replayed", h.Last())
}
