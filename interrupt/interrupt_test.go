package interrupt_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/interrupt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A process is a program that runs, and can be stopped slowly.
type process struct {
	*testing.T
	cmd *exec.Cmd
	in  io.Closer
	out *bufio.Reader
}

func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{T: t, cmd: exec.Command(name, args...)}
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	p.says("running")
	return p
}

func (p *process) says(want string) {
	p.Helper()
	if line, err := p.out.ReadString('\n'); err != nil || line != want+"\n" {
		p.Fatalf("it says %q (%v), not %q", line, err, want)
	}
}

func (p *process) signal(s os.Signal) {
	p.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.Fatal(err)
	}
}

// ends expects an exit status, after the given text.
func (p *process) ends(status int, text string) {
	p.Helper()
	rest, err := io.ReadAll(p.out)
	if err != nil || string(rest) != text {
		p.Errorf("it says %q (%v), not %q", rest, err, text)
	}
	p.cmd.Wait()
	if got := p.cmd.ProcessState.ExitCode(); got != status {
		p.Errorf("its exit status is %d, not %d", got, status)
	}
}

// Issue 9.7: the first signal stops a program in good order; the second, while the
// stop is slow, ends it at once. That is so for one that has been started in the
// background of a shell, which ignores SIGINT, too.
func TestSecondSignal(t *testing.T) {
	slow := filepath.Join(t.TempDir(), "slow")
	if out, err := exec.Command("go", "build", "-o", slow, "./testdata/slow").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, tt := range []struct {
		first  syscall.Signal
		second syscall.Signal // 0 if there is none
		status int
	}{
		{syscall.SIGINT, 0, 0},
		{syscall.SIGTERM, 0, 0},
		{syscall.SIGINT, syscall.SIGINT, 130},
		{syscall.SIGTERM, syscall.SIGTERM, 143},
		{syscall.SIGTERM, syscall.SIGINT, 130},
		{syscall.SIGINT, syscall.SIGTERM, 143},
	} {
		for _, args := range [][]string{{slow}, {"sh", "-c", `trap "" INT; exec "$0"`, slow}} {
			p := start(t, args[0], args[1:]...)
			p.signal(tt.first)
			p.says("stopping: interrupt: the program got the signal " + tt.first.String())
			if tt.second == 0 {
				p.in.Close()
				p.ends(tt.status, "stopped\n")
				continue
			}
			p.signal(tt.second)
			p.ends(tt.status, "")
		}
	}
}

// After stop, signals do what they did before, and nothing is left.
func TestStop(t *testing.T) {
	ctx, stop := interrupt.Context(t.Context())
	if ctx.Err() != nil {
		t.Error("it is done at once")
	}
	stop()
	stop()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) || strings.Contains(cause.Error(), "signal") {
		t.Error(cause)
	}
	if os.Getenv("INTERRUPT_TEST") != "" {
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if err := self.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStop$")
	cmd.Env = append(os.Environ(), "INTERRUPT_TEST=1")
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Errorf("a signal after stop: %v", err)
	}
}

// A context whose parent is done is done.
func TestParent(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	ctx, stop := interrupt.Context(parent)
	defer stop()
	cancel()
	<-ctx.Done()
}
