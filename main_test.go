package marketplace

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/cli"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// In a process that TestCollector starts, TestMain is Main of a program that prints
// the target of the garbage collector.
func TestMain(m *testing.M) {
	if os.Getenv(printsTarget) != "" {
		Main(Program{Start: func() actions.Action {
			target := debug.SetGCPercent(-1)
			debug.SetGCPercent(target)
			fmt.Print(target)
			return endpoint.Exit(nil)
		}})
	}
	goleak.VerifyTestMain(m)
}

const printsTarget = "MARKETPLACE_TEST_PRINTS_TARGET"

// A greeter greets somebody a number of times, and is then done.
type greeter struct {
	Whom string
	Left int
}

var greeters = actions.Define("test.greeter", greeter.open)

func (g greeter) open() actions.Action {
	return endpoint.Subscriber(timer.Expiring("greet"), endpoint.OnMessageState(greeter.greet)).As("timer")
}

func (g greeter) greet(timer.Expired) actions.Transition[greeter] {
	g.Left--
	return actions.Next(g, console.Printf("hello, %s", g.Whom), actions.When(g.Left == 0, actions.Quit()))
}

// hello greets the world at once, and is done.
func hello(out io.Writer) Program {
	return Program{
		Types:   []actions.Type{greeters.Type},
		Console: console.Config{Out: out},
		Start: func() actions.Action {
			return greeters.Spawn(greeter{"world", 1}, timer.After("greet", 0))
		},
	}
}

// run runs p with arguments.
func run(ctx context.Context, p Program, args ...string) (status int, stderr string) {
	var b strings.Builder
	set := flag.NewFlagSet("test", flag.ContinueOnError)
	set.SetOutput(&b)
	status = p.run(ctx, set, append([]string{"/bin/test.exe"}, args...), &b)
	return status, b.String()
}

// Issue 10.3: the exit status says how the program has ended, and standard error
// says why. HL-01.
func TestStatus(t *testing.T) {
	fails := Program{Start: func() actions.Action { return endpoint.Exit(errors.New("no flour")) }}
	serves := hello(io.Discard)
	serves.Serves = true
	instead := func(err error) Program {
		p := hello(io.Discard)
		p.Instead = func(context.Context, bool) (bool, error) { return err == nil, err }
		return p
	}
	configured := func(err error) Program {
		return Program{Configure: func(p *Program) error {
			p.Start = hello(io.Discard).Start
			return err
		}}
	}
	for _, tt := range []struct {
		name   string
		p      Program
		args   string
		status int
		says   string
	}{
		{"an end", hello(io.Discard), "", 0, ""},
		{"a failure", fails, "", 1, "test: no flour\n"},
		{"an end of a server", serves, "", 1, cli.ErrEnded.Error()},
		{"help", hello(io.Discard), "-h", 0, "-journal"},
		{"an unknown flag", hello(io.Discard), "-color red", 2, "-color"},
		{"an argument", hello(io.Discard), "now", 2, `"now" is one argument too many`},
		{"flags that do not fit", hello(io.Discard), "-step", 2, "-step needs -replay"},
		{"no journal", hello(io.Discard), "-replay " + t.TempDir() + "/none", 1, "none"},
		{"nothing to start", Program{}, "", 1, "no Start"},
		{"something else", instead(nil), "", 0, ""},
		{"something else that fails", instead(errors.New("no luck")), "", 1, "no luck"},
		{"flags that configure it", configured(nil), "", 0, ""},
		{"flags that do not configure it", configured(errors.New("no such colour")), "", 2, "no such colour"},
		{"flags that do not fit something else", instead(cli.ErrUsage), "", 2, "invalid flags"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, stderr := run(t.Context(), tt.p, strings.Fields(tt.args)...)
			if status != tt.status || !strings.Contains(stderr, tt.says) || tt.says == "" && stderr != "" {
				t.Errorf("status %d, not %d; it says %q, not %q", status, tt.status, stderr, tt.says)
			}
		})
	}
}

// TestCollector: Main sets the target of the garbage collector to 400 %, unless the
// environment has GOGC.
func TestCollector(t *testing.T) {
	others := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOGC=") })
	for _, tt := range []struct{ gogc, want string }{{"", "400"}, {"GOGC=150", "150"}, {"GOGC=off", "-1"}} {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(slices.Clone(others), printsTarget+"=1")
		if tt.gogc != "" {
			c.Env = append(c.Env, tt.gogc)
		}
		if out, err := c.CombinedOutput(); err != nil || string(out) != tt.want {
			t.Errorf("with %q, a program that prints the target prints %q, not %q: %v", tt.gogc, out, tt.want, err)
		}
	}
}

// Issue 10.3: the drivers are there, and a program prints. HL-01.
func TestDriversAreThere(t *testing.T) {
	var out strings.Builder
	if status, stderr := run(t.Context(), hello(&out)); status != 0 || out.String() != "hello, world\n" {
		t.Errorf("status %d, it says %q and %q", status, &out, stderr)
	}
}

// Issue 10.3: all processes of a program are of types, the drivers and the reporter
// as well, so that its journal has snapshots. It replays.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	p := hello(io.Discard)
	start := p.Start
	p.Start = func() actions.Action {
		return actions.Group(start(), Report("test", tcp.Listener("127.0.0.1", 0)), actions.Spawn(vm.Nested()))
	}
	p.Journal.SnapshotEvery = 1
	var log strings.Builder
	p.Journal.Logger = slog.New(slog.NewTextHandler(&log, nil))
	ctx, stop := context.WithCancel(t.Context())
	p.Ground.Watch = func(r *vm.Record) {
		if r.Kind == vm.Ended && r.Name() == "greeter" {
			stop()
		}
	}
	if status, stderr := run(ctx, p, "-journal", dir); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	p.Ground.Watch = nil
	if strings.Count(log.String(), "WARN") != strings.Count(log.String(), "a new journal begins") {
		t.Errorf("the journal warns:\n%s", &log)
	}
	if snapshots, err := filepath.Glob(filepath.Join(dir, "*.snapshot")); len(snapshots) == 0 || err != nil {
		t.Errorf("there is no snapshot: %v", err)
	}
	if status, stderr := run(t.Context(), p, "-replay", dir); status != 0 {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// Issue 10.3: a program that stays goes on although nothing can happen, until it is
// stopped. HL-06.
func TestStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hello(io.Discard)
		p.Stay = true
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan int)
		go func() {
			status, _ := run(ctx, p)
			over <- status
		}()
		synctest.Wait()
		select {
		case status := <-over:
			t.Fatalf("it has ended, with status %d", status)
		default:
		}
		stop()
		if status := <-over; status != 0 {
			t.Errorf("status %d", status)
		}
	})
}

// Issue 10.3: a listener that fails ends the program with the reason.
func TestReportFails(t *testing.T) {
	p := hello(io.Discard)
	at := tcp.Listener("192.0.2.1", 1) // which is nobody's address
	p.Start = func() actions.Action {
		return actions.Group(Report("test", at), actions.Spawn(actions.Stateless(endpoint.ObservePublishers(tcp.Arriving(at)))))
	}
	p.Serves = true
	if status, stderr := run(t.Context(), p); status != 1 || !strings.Contains(stderr, "192.0.2.1") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// A flag for an address has a default, and refuses what is no address.
func TestListenFlag(t *testing.T) {
	set := flag.NewFlagSet("test", flag.ContinueOnError)
	at := listenFlag(set, "addr", "127.0.0.1:5999", "`host:port`")
	value := func() string { return withListenFlags(set, map[string]string{"other": ":1"})["addr"] }
	if at != tcp.NamedListener("addr") || value() != "127.0.0.1:5999" {
		t.Errorf("%v has the default %q", at, value())
	}
	if err := set.Set("addr", "nonsense"); err == nil || value() != "127.0.0.1:5999" {
		t.Error("nonsense is an address")
	}
	if err := set.Set("addr", "127.0.0.1:6000"); err != nil || value() != "127.0.0.1:6000" {
		t.Errorf("it is %q, %v", value(), err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a default may be nonsense")
		}
	}()
	listenFlag(set, "other", "nonsense", "")
}

// TestIssue14Addresses: a program that goes on from its journal with another address listens
// there, and its state does not have the former one.
func TestIssue14Addresses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "test.journal")
	network := simnet.New("test")
	for _, addr := range []string{"10.0.0.1:80", "10.0.0.2:81", "10.0.0.1:80"} {
		set := flag.NewFlagSet("test", flag.ContinueOnError)
		at := listenFlag(set, "addr", "127.0.0.1:1", "`host:port`")
		r, w := io.Pipe()
		p := Program{TCP: tcp.Config{Network: network}, Console: console.Config{Out: w}, Types: []actions.Type{doors.Type}, Serves: true,
			Start: func() actions.Action { return actions.Group(doors.Spawn(door{at}), Report("test", at)) }}
		ctx, cancel := context.WithCancel(t.Context())
		status := make(chan int, 1)
		var stderr strings.Builder
		go func() { status <- p.run(ctx, set, []string{"test", "-journal", dir, "-addr", addr}, &stderr) }()
		line, err := bufio.NewReader(r).ReadString('\n')
		if want := "test: listening on " + addr + "\n"; err != nil || line != want {
			t.Errorf("it says %q, %v; want %q", line, err, want)
		}
		c, err := network.Dial(ctx, "tcp", addr)
		if err != nil {
			t.Error(err)
		} else if err := c.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		if got := <-status; got != 0 {
			t.Errorf("status %d\n%s", got, &stderr)
		}
		_ = w.Close()
	}
	h, err := journal.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if all := h.Stretches(); len(all) != 3 || all[1].Settings[0] != (journal.Setting{Name: "addr", Value: "10.0.0.2:81"}) {
		t.Errorf("stretches %+v", all)
	}
}

// A door lets everybody in at an address.
type door struct{ At tcp.Addr }

var doors = actions.Define("test.door", func(d door) actions.Action {
	return endpoint.ObservePublishers(tcp.Arriving(d.At))
})
