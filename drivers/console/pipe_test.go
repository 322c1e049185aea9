package console_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
)

// A series is a process that prints lines with numbers, up to last, one in each
// turn, and then calls done.
type series struct {
	next, last int
	done       func()
}

func (s series) print() actions.Transition[series] {
	if s.next == s.last {
		s.done()
		return actions.Next(s)
	}
	s.next++
	return actions.Next(s, console.Printf("line %d", s.next-1), actions.Yield(series.print))
}

func printing(lines int, done func()) actions.Action {
	s := series{last: lines, done: done}
	return actions.Spawn(actions.Next(s, actions.Yield(series.print)))
}

// expectLines reads lines with numbers, in order, up to last.
func expectLines(t *testing.T, r io.Reader, last int) {
	t.Helper()
	in := bufio.NewScanner(r)
	for i := range last {
		if !in.Scan() {
			t.Fatalf("there are %d lines, not %d (%v)", i, last, in.Err())
		}
		if want := fmt.Sprint("line ", i); in.Text() != want {
			t.Fatalf("got %q, want %q", in.Text(), want)
		}
	}
}

// pipe returns a pipe of the system. Both ends are closed after the test.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// Issue 9.2: lines to a pipe that nobody reads wait, without a goroutine for
// each; and all of them arrive, in order, once somebody reads.
func TestStalledPipe(t *testing.T) {
	for _, lines := range []int{10_000, 30_000} {
		r, w := pipe(t)
		before := runtime.NumGoroutine()
		printed, over := make(chan struct{}), make(chan error, 1)
		go func() {
			over <- ground.Run(t.Context(), console.Config{In: strings.NewReader(""), Out: w}.Driver(),
				printing(lines, func() { close(printed) }))
		}()
		<-printed
		if n := runtime.NumGoroutine() - before; n > 20 {
			t.Errorf("%d lines wait, in %d goroutines", lines, n)
		}
		expectLines(t, r, lines)
		if err := <-over; err != nil {
			t.Error(err)
		}
	}
}

// Issue 9.2: a machine whose output is stalled stops in CloseLimit. One goroutine
// stays in Write, and does no harm.
func TestStopStalled(t *testing.T) {
	for _, limit := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			ctx, stop := context.WithCancel(t.Context())
			over := make(chan error, 1)
			go func() {
				g := ground.Ground{CloseLimit: limit}
				over <- g.Run(ctx, console.Config{In: strings.NewReader(""), Out: w}.Driver(), printing(10_000, func() {}))
			}()
			synctest.Wait()
			stop()
			began := time.Now()
			if err := <-over; err != nil {
				t.Error(err)
			}
			if limit == 0 {
				limit = 5 * time.Second
			}
			if took := time.Since(began); took != limit {
				t.Errorf("the stop has taken %v, with a limit of %v", took, limit)
			}
			if n := runtime.NumGoroutine(); n > 10 {
				t.Errorf("%d goroutines are left", n)
			}
			r.Close() // ends the Write
		})
	}
}

// Issue 9.2: when a machine stops, the texts that wait are written, as far as
// CloseLimit allows.
func TestStopWritesTheRest(t *testing.T) {
	const lines = 10_000
	r, w := pipe(t)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() {
		g := ground.Ground{CloseLimit: time.Hour}
		over <- g.Run(ctx, console.Config{In: strings.NewReader(""), Out: w}.Driver(), printing(lines, stop))
	}()
	<-ctx.Done()
	expectLines(t, r, lines)
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// Issue 9.2: a program that prints what it reads goes at the pace of its output,
// and loses nothing, however much it is.
func TestCopy(t *testing.T) {
	const lines = 60_000 // many more than may wait
	inR, inW := pipe(t)
	outR, outW := pipe(t)
	over := make(chan error, 1)
	go func() {
		over <- ground.Run(t.Context(), console.Config{In: inR, Out: outW, Limit: 1 << 18}.Driver(),
			endpoint.Subscriber(topic.All[console.Line](),
				endpoint.OnMessage(func(l console.Line) actions.Action { return console.Printf("%s", l.Text) })))
	}()
	go func() {
		b := bufio.NewWriter(inW)
		for i := range lines {
			fmt.Fprintln(b, "line", i)
		}
		b.Flush()
		inW.Close()
	}()
	expectLines(t, outR, lines)
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// A paced process prints as long as the console is Writable.
type paced struct {
	next, last int
	pending    bool // it has a turn coming
	may        bool
}

func (p paced) print() actions.Transition[paced] {
	p.pending = false
	if !p.may || p.next == p.last {
		return actions.Next(p)
	}
	p.next++
	p.pending = true
	return actions.Next(p, console.Printf("line %d", p.next-1), actions.Yield(paced.print))
}

func (p paced) open() actions.Action {
	return endpoint.ObservePublishers(topic.All[console.Writable](),
		endpoint.OnPresenceState(func(p paced, _ console.Writable) actions.Transition[paced] {
			p.may = true
			if p.pending {
				return actions.Next(p)
			}
			return p.print()
		}),
		endpoint.OnAbsenceState(func(p paced, _ console.Writable, _ error) actions.Transition[paced] {
			p.may = false
			return actions.Next(p)
		}))
}

// Issue 9.2: a process that observes Writable prints as much as it likes, to an
// output that is slow, and nothing is lost.
func TestPaced(t *testing.T) {
	const lines = 60_000
	r, w := pipe(t)
	over := make(chan error, 1)
	go func() {
		p := paced{last: lines}
		over <- ground.Run(t.Context(), console.Config{In: strings.NewReader(""), Out: w, Limit: 1 << 18}.Driver(),
			actions.Spawn(actions.Next(p, p.open())))
	}()
	expectLines(t, r, lines)
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// An output that fails for a while loses only the texts that it refuses; the
// console says so where it goes on.
func TestOutputFails(t *testing.T) {
	out := &faulty{failed: make(chan struct{})}
	in, typing := io.Pipe()
	go func() {
		fmt.Fprintln(typing, "one")
		<-out.failed
		fmt.Fprint(typing, "two\nthree\n")
		typing.Close()
	}()
	err := ground.Run(t.Context(), console.Config{In: in, Out: out}.Driver(), upper())
	lines := strings.SplitAfter(out.String(), "\n")
	said := slices.Index(lines, "console: 1 text has been left out here, 4 bytes in all\n")
	if err != nil || said < 0 || strings.Join(slices.Delete(lines, said, said+1), "") != "TWO\nTHREE\nover: <nil>\n" {
		t.Errorf("%v, printed %q", err, out.String())
	}
}

// faulty is a writer that fails once.
type faulty struct {
	bytes.Buffer
	failed chan struct{} // closed when it has
	once   sync.Once
}

func (f *faulty) Write(b []byte) (int, error) {
	fails := false
	f.once.Do(func() { fails = true; close(f.failed) })
	if fails {
		return 0, errors.New("no space left on device")
	}
	return f.Buffer.Write(b)
}

// Issue 9.2: a real program, whose standard output is a pipe that nobody reads,
// ends when it gets SIGTERM.
func TestProgramStalled(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "printer")
	if out, err := exec.Command("go", "build", "-o", binary, "./testdata/printer").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r, w := pipe(t)
	cmd := exec.Command(binary)
	cmd.Stdout = w
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	w.Close()
	said := bufio.NewReader(stderr)
	if line, err := said.ReadString('\n'); line != "all is printed\n" {
		t.Fatalf("it says %q (%v)", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(said)
	if err := cmd.Wait(); err != nil || string(rest) != "stopped\n" {
		t.Errorf("%v; it says %q", err, rest)
	}
	expectLines(t, r, 1000) // what was in the pipe
}
