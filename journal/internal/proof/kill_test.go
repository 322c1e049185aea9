//go:build unix

package proof

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/journal"
)

var (
	kills    = flag.Int("kills", 10, "how often to kill the keeper")
	killSeed = flag.Uint64("killseed", 0, "of when to kill the keeper; 0 for another one each time")
)

// TestKill: a program that is killed, again and again, while people talk to it,
// goes on each time as if only its connections had been lost. It knows what it
// has acknowledged, and nothing that nobody has said. Clients that were there
// when it was killed are gone, each of them once, with a reason. Timers that
// have fallen due ring, once, and others wait. A follower has the inputs that the journal has.
// U-07.
func TestKill(t *testing.T) { kill(t, false) }

// TestIssue14Kill is TestKill with a program that takes snapshots and drops what is old, while
// its journal is followed, and copied again and again.
func TestIssue14Kill(t *testing.T) { kill(t, true) }

func kill(t *testing.T, drops bool) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-killseed %d", seed)
	k := &killing{T: t, drops: drops, dir: t.TempDir(), random: rand.New(rand.NewPCG(seed, 0)),
		said: map[string]bool{}, acked: map[string]bool{}, cut: map[string]bool{}}
	var w *watch
	f := &follower{T: t, dir: k.dir}
	if drops {
		w = newWatch(t, k.dir)
	} else {
		f.start()
	}
	for k.round = range *kills {
		p := k.start()
		if k.random.IntN(5) == 0 { // so soon that it may not be ready
			time.AfterFunc(time.Duration(k.random.IntN(50))*time.Millisecond, func() { _ = p.cmd.Process.Kill() })
		} else if addr := p.address(); addr != "" {
			k.check(addr)
			k.load(addr, p)
		} // otherwise it has ended
		if text := p.wait(); p.cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("round %d: the keeper has not waited to be killed: %s", k.round, text)
		}
		if drops {
			continue
		}
		if h, err := journal.Read(k.dir); err == nil {
			f.upTo(h.Last())
		}
		if k.random.IntN(2) == 0 {
			f.restart()
		}
	}
	k.round = *kills
	p := k.start()
	addr := p.address()
	if addr == "" {
		t.Fatalf("the keeper does not come back: %s", p.wait())
	}
	k.check(addr)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if text := p.wait(); p.cmd.ProcessState.ExitCode() != 0 {
		t.Fatalf("the keeper has ended badly: %s", text)
	}
	if !drops {
		f.check()
	}
	h, err := journal.Read(k.dir)
	if err != nil {
		t.Fatal(err)
	}
	report, err := h.Replay(t.Context(), keeping(console.Config{}), journal.ReplayConfig{})
	if err != nil || report.Seq != h.Last() || report.Checks < report.Inputs/16 || k.drops && *kills >= 50 && h.First() == 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	if w != nil {
		w.check(h)
	}
	t.Logf("%d kills, inputs %d to %d, %d acknowledged, %d entries", *kills, h.First(), h.Last(), len(k.acked), k.entries)
}

// A killing is what the test knows of.
type killing struct {
	*testing.T
	dir     string
	drops   bool // the keeper takes snapshots, and drops what is old
	random  *rand.Rand
	round   int
	entries int

	mu    sync.Mutex
	said  map[string]bool // the entries that there may be
	acked map[string]bool // the entries that there must be
	cut   map[string]bool // the clients that have not gone on their own
}

// check sees that the keeper has all the entries that it should have, and no
// others. It waits for those that are about to come.
func (k *killing) check(addr string) {
	k.Helper()
	g, err := k.enter(addr, "checker")
	if err != nil {
		k.Fatal(err)
	}
	defer g.conn.Close()
	g.closed()
	_ = g.conn.SetDeadline(time.Now().Add(time.Minute)) // or it would wait for ever
	var log []string
	for missing := "everything"; missing != ""; {
		page, end, err := g.dump(len(log))
		if err != nil {
			k.Fatalf("%v; %s is missing", err, missing)
		}
		log = append(log, page...)
		if len(log) == end {
			missing = k.missing(log, g.name)
		}
	}
	k.entries = len(log)
}

// missing returns an entry that is still to come. An entry that should not be
// there is an error.
func (k *killing) missing(log []string, self string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := map[string]int{}
	for _, entry := range log {
		verb, rest, _ := strings.Cut(entry, " ")
		if verb == "left" {
			name, reason, _ := strings.Cut(rest, " ")
			entry = "left " + name
			if seen["arrived "+name] != 1 {
				k.Fatalf("%q, who was not there", entry)
			}
			if k.cut[name] && !strings.Contains(reason, tcp.ErrInterrupted.Error()[len("tcp: "):]) {
				k.Fatalf("%s was there when the keeper was killed, and is gone because of %q", name, reason)
			}
		} else if verb == "fired" && seen["timer "+rest] != 1 {
			k.Fatalf("%q, which was not set", entry)
		}
		if seen[entry]++; seen[entry] > 1 {
			k.Fatalf("%q comes twice", entry)
		}
		if !k.said[entry] {
			k.Fatalf("%q was never sent", entry)
		}
	}
	for entry := range k.acked {
		if seen[entry] == 0 {
			k.Fatalf("%q has been acknowledged, and is lost", entry)
		}
	}
	for entry := range seen { // what is about to come
		if name, ok := strings.CutPrefix(entry, "arrived "); ok && name != self && seen["left "+name] == 0 {
			return "left " + name
		}
		if key, ok := strings.CutPrefix(entry, "timer soon"); ok && seen["fired soon"+key] == 0 {
			return "fired soon" + key
		}
	}
	return ""
}

// load lets people talk to the keeper, and kills it after a while.
func (k *killing) load(addr string, p *process) {
	var left atomic.Int64
	left.Store(int64(1 + k.random.IntN(120)))
	var all sync.WaitGroup
	for i := range 4 {
		random := rand.New(rand.NewPCG(k.random.Uint64(), uint64(i)))
		all.Go(func() {
			for visit := 0; ; visit++ {
				g, err := k.enter(addr, fmt.Sprintf("guest%d.%d", i, visit))
				if err != nil {
					return // the keeper has been killed
				}
				err = g.talk(random, func() {
					if left.Add(-1) == 0 {
						_ = p.cmd.Process.Kill()
					}
				})
				_ = g.conn.Close()
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
}

// A guest is a client.
type guest struct {
	k    *killing
	name string
	conn net.Conn
	in   *bufio.Reader
	sent []string // entries that have not been acknowledged yet
}

// enter connects a client, and says hello.
func (k *killing) enter(addr, name string) (*guest, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	g := &guest{k: k, name: fmt.Sprintf("%s.%d", name, k.round), conn: c, in: bufio.NewReader(c)}
	k.mu.Lock()
	k.said["arrived "+g.name], k.said["left "+g.name] = true, true
	k.mu.Unlock()
	if err := g.say("hello "+g.name, "arrived "+g.name); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := g.hear(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	k.mu.Lock()
	k.cut[g.name] = true
	k.mu.Unlock()
	return g, nil
}

// closed notes that the client is about to go on its own.
func (g *guest) closed() {
	g.k.mu.Lock()
	defer g.k.mu.Unlock()
	delete(g.k.cut, g.name)
}

// say says a line, which may result in an entry.
func (g *guest) say(line string, entries ...string) error {
	g.k.mu.Lock()
	for _, e := range entries {
		g.k.said[e] = true
	}
	g.k.mu.Unlock()
	g.sent = append(g.sent, entries[0])
	_, err := io.WriteString(g.conn, line+"\n")
	return err
}

// hear waits for an acknowledgement.
func (g *guest) hear() error {
	line, err := g.in.ReadString('\n')
	if err != nil {
		return err
	}
	key, ok := strings.CutPrefix(strings.TrimSpace(line), "ok ")
	if !ok || !slices.Contains(strings.Fields(g.sent[0]), key) {
		g.k.Errorf("%s has said %q, and the keeper says %q", g.name, g.sent[0], line)
	}
	g.k.mu.Lock()
	g.k.acked[g.sent[0]] = true
	g.k.mu.Unlock()
	g.sent = g.sent[1:]
	return nil
}

// talk says some lines, several at a time, and then waits for all to be
// acknowledged. It returns an error when the keeper is gone.
func (g *guest) talk(random *rand.Rand, acked func()) error {
	for n := range 1 + random.IntN(20) {
		key := fmt.Sprintf("%s.%d", g.name, n)
		var err error
		switch random.IntN(8) {
		case 0:
			err = g.say(fmt.Sprintf("timer soon.%s %d", key, random.IntN(50)), "timer soon."+key, "fired soon."+key)
		case 1:
			err = g.say(fmt.Sprintf("timer late.%s 3600000", key), "timer late."+key)
		default:
			text := strings.Repeat("x", random.IntN(200))
			err = g.say("put "+key+" "+text, "put "+key+" "+text)
		}
		for err == nil && len(g.sent) > random.IntN(5) {
			if err = g.hear(); err == nil {
				acked()
			}
		}
		if err != nil {
			return err
		}
	}
	for len(g.sent) > 0 {
		if err := g.hear(); err != nil {
			return err
		}
		acked()
	}
	g.closed()
	return nil
}

// dump returns a page of entries, and how many there are in all.
func (g *guest) dump(from int) (page []string, end int, err error) {
	if _, err := fmt.Fprintf(g.conn, "dump %d\n", from); err != nil {
		return nil, 0, err
	}
	for {
		line, err := g.in.ReadString('\n')
		if err != nil {
			return nil, 0, err
		}
		line = strings.TrimSuffix(line, "\n")
		if _, err := fmt.Sscanf(line, "end %d", &end); err == nil {
			return page, end, nil
		}
		page = append(page, line)
	}
}

// A process is a keeper that runs.
type process struct {
	cmd  *exec.Cmd
	out  *bufio.Reader
	text bytes.Buffer // of its errors
}

// start starts the keeper. It is this test program, with an environment that
// makes it the keeper.
func (k *killing) start() *process {
	k.Helper()
	self, err := os.Executable()
	if err != nil {
		k.Fatal(err)
	}
	p := &process{cmd: exec.Command(self)}
	p.cmd.Env = append(os.Environ(), keeperEnv+"="+k.dir)
	if k.drops {
		p.cmd.Env = append(p.cmd.Env, keeperDropsEnv+"=1")
	}
	p.cmd.Stderr = &p.text
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		k.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		k.Fatal(err)
	}
	k.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// address returns where the keeper listens, or nothing if it has ended. A keeper that was
// killed before its console was open prints the line of that run first, after the
// restart: its console driver still has the line. Nobody listens at that port any more.
func (p *process) address() string {
	for {
		line, err := p.out.ReadString('\n')
		if err != nil {
			return ""
		}
		_, addr, _ := strings.Cut(line, "listening on ")
		addr = strings.TrimSpace(addr)
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
			return addr
		}
	}
}

// wait waits for the end of the keeper, and returns its error output.
func (p *process) wait() string {
	_, _ = io.Copy(io.Discard, p.out)
	_ = p.cmd.Wait()
	return p.text.String()
}
