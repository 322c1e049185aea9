//go:build unix

package distributed_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// The tests below run nodes as processes of their own: this test program, which finds in its
// environment what it is.

func init() { runNode = nodeMain }

// A spec says what a node is.
type spec struct {
	Name, Listen, Key, Journal string
	Peers                      map[string]string
	Namespace                  string // of the network, or "" for that of the test
	Guest                      bool   // of TestChaosOfProcesses
	Life                       int    // of the guest
}

func (s spec) config(network distributed.Network) distributed.Config {
	c := distributed.Config{Network: network}
	if s.Guest {
		c.Heartbeat = time.Second // it has hundreds of links
	}
	return c
}

// boot returns what a node does: the home serves the room, and answers what is said; the others
// say something new for each answer.
func (s spec) boot(c distributed.Config) []actions.Action {
	if s.Guest {
		return s.guestBoot(c)
	}
	if s.Name == "home" {
		return []actions.Action{c.Serve("room"), spawn(
			endpoint.Publisher(topic.Where(sayer.Is("home"))),
			endpoint.Subscriber(topic.Where(topic.Glob(sayer, "client*")),
				endpoint.OnPresence(func(m says) actions.Action { return report("+" + m.Who) }),
				endpoint.OnAbsence(func(m says, reason error) actions.Action { return report("-" + m.Who + " " + kindOf(reason)) }),
				endpoint.OnMessage(func(m says) actions.Action { return actions.Send(says{"home", m.Who + m.What}) }),
			))}
	}
	home := distributed.Place{Node: "home", Name: "room"}
	return []actions.Action{c.Driver(), spawn(
		home.At(endpoint.Publisher(topic.Where(sayer.Is(s.Name)))),
		home.At(endpoint.Subscriber(topic.Where(sayer.Is("home")),
			endpoint.OnPresence(func(says) actions.Action { return report("+home") }),
			endpoint.OnAbsence(func(_ says, reason error) actions.Action { return report("-home " + kindOf(reason)) }),
			endpoint.OnMessage(func(m says) actions.Action {
				if !strings.HasPrefix(m.What, s.Name) {
					return nil
				}
				return actions.Group(actions.Tell(stdout{}, "."), distributed.Send(home, says{s.Name, strings.TrimPrefix(m.What, s.Name)}))
			}))),
		endpoint.Subscriber(distributed.Reach(home), endpoint.OnPresence(func(distributed.Up) actions.Action {
			var load actions.Tree
			for i := range 16 {
				load = append(load, distributed.Send(home, says{s.Name, fmt.Sprint(" ", i)}))
			}
			return load
		})),
	)}
}

// kindOf names the reason of an absence.
func kindOf(reason error) string {
	for _, k := range []struct {
		err  error
		name string
	}{{distributed.ErrLeft, "left"}, {distributed.ErrLease, "lease"}, {distributed.ErrCut, "cut"}, {distributed.ErrNoSession, "no session"}, {distributed.ErrReplaced, "replaced"}, {distributed.ErrLost, "lost"}} {
		if errors.Is(reason, k.err) {
			return k.name
		}
	}
	return fmt.Sprint(reason)
}

func report(line string) actions.Action { return actions.Tell(stdout{}, line) }

// stdout is the device that prints what it is told. It counts points.
type stdout struct{}

func (stdout) DeviceName() string { return "stdout" }
func (stdout) Open(context.Context, world.Env) (world.Handle, error) {
	return &openStdout{closed: make(chan struct{})}, nil
}

type openStdout struct {
	told   bool
	points int
	once   sync.Once
	closed chan struct{}
}

func (o *openStdout) Recv() (any, error) {
	if !o.told {
		o.told = true
		return "open", nil
	}
	<-o.closed
	return nil, io.EOF
}

func (o *openStdout) Try(cs []any) (int, error) {
	for _, c := range cs {
		if c == "." {
			if o.points++; o.points%1000 == 0 {
				fmt.Println(o.points)
			}
			continue
		}
		fmt.Println(c)
	}
	return len(cs), nil
}

func (o *openStdout) Do(c any) error { _, err := o.Try([]any{c}); return err }
func (o *openStdout) Close() error   { o.once.Do(func() { close(o.closed) }); return nil }

// withStdout holds the device of standard output for a process.
func withStdout(boot []actions.Action) []actions.Action {
	for i, a := range boot {
		if s, ok := a.(actions.SpawnProcess); ok && s.Name == "" {
			inner := s.Boot
			s.Boot = func(self actions.PID) actions.Process {
				_, as := inner(self).Erase()
				return actions.Stateless(actions.OpenDevice{Device: stdout{}}, as)
			}
			boot[i] = s
		}
	}
	return boot
}

// nodeMain is the main function of a node.
func nodeMain(text string) {
	var s spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		panic(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	before := descriptors()
	level := slog.LevelWarn
	if s.Guest {
		level = slog.LevelError // it loses hundreds of links at a time
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	network, err := distributed.TLS(distributed.TLSConfig{Node: s.Name, Listen: s.Listen, Peers: s.Peers, RealmKeyFile: s.Key, Logger: log})
	if err != nil {
		panic(err)
	}
	g := &ground.Ground{Logger: log}
	if s.Journal != "" {
		j, err := journal.Config{Durability: journal.Batch, Logger: log}.Open(s.Journal)
		if err != nil {
			panic(err)
		}
		g.Journal = j
	}
	if err := g.Run(ctx, withStdout(s.boot(s.config(network)))...); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if g.Journal != nil {
		g.Journal.(io.Closer).Close()
	}
	for began := time.Now(); s.Guest && runtime.NumGoroutine() > 2 && time.Since(began) < 10*time.Second; {
		<-time.After(time.Millisecond) // links close at the same time
	}
	if s.Guest && runtime.NumGoroutine() > 2 {
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
	}
	fmt.Println("end", runtime.NumGoroutine(), descriptors()-before)
}

// descriptors returns how many files and sockets this process has, where it can tell. The
// pollers of package net have some from their first use on.
func descriptors() (n int) {
	all, _ := os.ReadDir("/proc/self/fd")
	for _, f := range all {
		if to, _ := os.Readlink("/proc/self/fd/" + f.Name()); !strings.HasPrefix(to, "anon_inode:") {
			n++
		}
	}
	return n
}

// A node is a process that runs.
type node struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	lines chan string
	done  chan struct{}
}

func startNode(t *testing.T, s spec) *node {
	t.Helper()
	text, _ := json.Marshal(s)
	n := &node{t: t, name: s.Name, lines: make(chan string, 10_000), done: make(chan struct{})}
	n.cmd = exec.Command(os.Args[0])
	if s.Namespace != "" {
		n.cmd = exec.Command("ip", "netns", "exec", s.Namespace, os.Args[0])
	}
	n.cmd.Env = append(os.Environ(), nodeVariable+"="+string(text))
	n.cmd.Stderr = t.Output()
	out, err := n.cmd.StdoutPipe()
	if err == nil {
		err = n.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(n.done)
		for in := bufio.NewScanner(out); in.Scan(); {
			n.lines <- in.Text()
		}
		_ = n.cmd.Wait()
	}()
	t.Cleanup(n.kill)
	return n
}

func (n *node) signal(s os.Signal) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		n.t.Error(err)
	}
}

func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	<-n.done
}

// stop stops the node, and waits for its end. Until then it says what its own processes hear
// when the machine stops.
func (n *node) stop() {
	n.t.Helper()
	n.signal(syscall.SIGTERM)
	l := n.next()
	for strings.HasPrefix(l, "-") {
		l = n.next()
	}
	if l != "end 2 0" { // the main goroutine and that of package signal, and no new descriptor
		n.t.Errorf("%s says %q at its end", n.name, l)
	}
	<-n.done
}

// expectLeft expects that the home says that a client has left by itself: its endpoint was
// closed before the link, or with it.
func (n *node) expectLeft() {
	n.t.Helper()
	if l := n.next(); l != "-client <nil>" && l != "-client left" {
		n.t.Errorf("%s says %q, but the client has left", n.name, l)
	}
}

// next returns the next line that is no count.
func (n *node) next() string {
	n.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		select {
		case l := <-n.lines:
			if l[0] < '0' || l[0] > '9' {
				return l
			}
		case <-limit:
			n.t.Fatalf("%s says nothing more", n.name)
		}
	}
}

// expect expects the next lines.
func (n *node) expect(lines ...string) {
	n.t.Helper()
	for _, want := range lines {
		if got := n.next(); got != want {
			n.t.Errorf("%s says %q, want %q", n.name, got, want)
		}
	}
}

// works waits until the node has had thousands of answers.
func (n *node) works() {
	n.t.Helper()
	limit := time.After(30 * time.Second)
	for seen := 0; seen < 3; {
		select {
		case l := <-n.lines:
			if l[0] >= '0' && l[0] <= '9' {
				seen++
			} else {
				n.t.Errorf("%s says %q at work", n.name, l)
			}
		case <-limit:
			n.t.Fatalf("%s has no answers", n.name)
		}
	}
}

// A cable is a connection between nodes that a test can cut, or make a black hole of.
type cable struct {
	t  *testing.T
	to string
	l  net.Listener

	mu    sync.Mutex
	conns []net.Conn
	black bool
}

func newCable(t *testing.T, to string) *cable {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{t: t, to: to, l: l}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { c.carry(in) })
		}
	})
	t.Cleanup(func() { l.Close(); c.cut(); all.Wait() })
	return c
}

func (c *cable) carry(in net.Conn) {
	out, err := net.Dial("tcp", c.to)
	if err != nil {
		in.Close()
		return
	}
	c.mu.Lock()
	c.conns = append(c.conns, in, out)
	c.mu.Unlock()
	copy := func(to, from net.Conn) {
		b := make([]byte, 32<<10)
		for {
			n, err := from.Read(b)
			if !c.isBlack() {
				if err == nil {
					_, err = to.Write(b[:n])
				}
				if err != nil {
					to.Close()
					from.Close()
					return
				}
			} else if err != nil {
				return // and the other side hears nothing of it
			}
		}
	}
	var both sync.WaitGroup
	both.Go(func() { copy(in, out) })
	both.Go(func() { copy(out, in) })
	both.Wait()
}

func (c *cable) isBlack() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.black
}

// hole makes a black hole of the cable: what is sent vanishes. False mends it for connections
// that are made from then on.
func (c *cable) hole(black bool) {
	c.mu.Lock()
	c.black = black
	c.mu.Unlock()
	if !black {
		c.cut()
	}
}

// cut ends all connections.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

// A pairOfNodes is a home, and the specification of a client with a cable to it.
type pairOfNodes struct {
	home   *node
	client spec
	cable  *cable
	specs  []spec
}

func startHome(t *testing.T) *pairOfNodes {
	if testing.Short() {
		t.Skip("it starts processes: not with -short")
	}
	dir := t.TempDir()
	key := keyFile(t, "0123456789abcdef0123456789abcdef")
	at := freeAddress(t)
	c := newCable(t, at)
	h := spec{Name: "home", Listen: at, Key: key, Journal: filepath.Join(dir, "home")}
	client := spec{Name: "client", Key: key, Journal: filepath.Join(dir, "client"), Peers: map[string]string{"home": c.l.Addr().String()}}
	return &pairOfNodes{startNode(t, h), client, c, []spec{h, client}}
}

// startClient starts the client, and waits until both have heard of each other.
func (p *pairOfNodes) startClient(t *testing.T) *node {
	t.Helper()
	c := startNode(t, p.client)
	c.expect("+home")
	p.home.expect("+client")
	return c
}

// replay replays the journals of both nodes, without a network.
func (p *pairOfNodes) replay(t *testing.T) {
	t.Helper()
	for _, s := range p.specs {
		h, err := journal.Read(s.Journal)
		if err != nil {
			t.Fatal(err)
		}
		network := mustTLS(t, distributed.TLSConfig{Node: s.Name, RealmKeyFile: s.Key, Logger: slog.New(slog.DiscardHandler)})
		_, err = h.Replay(t.Context(), journal.Booting(withStdout(s.boot(s.config(network)))...), journal.ReplayConfig{})
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		t.Logf("%s: %d inputs are replayed", s.Name, h.Last())
	}
}

// TestProcessIsKilled: kill -9 of a client under load. The home hears of it at once, once; and
// hears a new client. The journals replay. B-F12.
func TestProcessIsKilled(t *testing.T) {
	p := startHome(t)
	var took []time.Duration
	for i := range 5 {
		c := startNode(t, p.client)
		if i > 0 { // it knows from its journal that the home was there
			c.expect("-home lost")
		}
		c.expect("+home")
		p.home.expect("+client")
		c.works()
		began := time.Now()
		c.kill()
		p.home.expect("-client cut")
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("from kill -9 to the absence: %v", took)
	p.home.stop()
	p.replay(t)
}

// TestHomeIsKilled: kill -9 of the home. The client hears of it, and is there again when the
// home is, which goes on from its journal. B-P17.
func TestHomeIsKilled(t *testing.T) {
	p := startHome(t)
	c := p.startClient(t)
	c.works()
	p.home.kill()
	c.expect("-home cut")
	p.home = startNode(t, p.specs[0])
	p.home.expect("-client lost", "+client")
	c.expect("+home")
	c.works()
	c.stop()
	p.home.expectLeft()
	p.home.stop()
	p.replay(t)
}

// TestProcessIsStopped: SIGSTOP for 3 s, and SIGCONT. The home gives the client up after a
// lease; the client hears of that when it goes on, and comes back.
func TestProcessIsStopped(t *testing.T) {
	p := startHome(t)
	c := p.startClient(t)
	c.works()
	c.signal(syscall.SIGSTOP)
	p.home.expect("-client lease")
	<-time.After(2 * time.Second)
	c.signal(syscall.SIGCONT)
	if l := c.next(); !slices.Contains([]string{"-home lease", "-home no session", "-home cut"}, l) {
		t.Errorf("the client says %q", l)
	}
	c.expect("+home")
	p.home.expect("+client")
	c.works()
	c.stop()
	p.home.expectLeft()
	p.home.stop()
	p.replay(t)
}

// TestCleanStop: SIGTERM of a client, and of a home. FC-03.
func TestCleanStop(t *testing.T) {
	p := startHome(t)
	c := p.startClient(t)
	c.works()
	c.stop()
	p.home.expectLeft()
	c = startNode(t, p.client)
	c.expect("-home lost", "+home")
	p.home.expect("+client")
	p.home.stop()
	c.expect("-home left")
	c.stop()
	p.replay(t)
}

// TestCableIsCut: both sides hear of it at once, and are together again.
func TestCableIsCut(t *testing.T) {
	p := startHome(t)
	c := p.startClient(t)
	for range 3 {
		c.works()
		p.cable.cut()
		c.expect("-home cut", "+home")
		p.home.expect("-client cut", "+client")
	}
	c.stop()
	p.home.expectLeft()
	p.home.stop()
	p.replay(t)
}

// TestBlackHole: both sides hear nothing for a lease, and give each other up.
func TestBlackHole(t *testing.T) {
	p := startHome(t)
	c := p.startClient(t)
	c.works()
	p.cable.hole(true)
	c.expect("-home lease")
	p.home.expect("-client lease")
	p.cable.hole(false)
	c.expect("+home")
	p.home.expect("+client")
	c.works()
	c.stop()
	p.home.expectLeft()
	p.home.stop()
	p.replay(t)
}
