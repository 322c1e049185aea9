package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/examples/internal/program"
)

// TestClient: what is typed goes to the server, and what the server says is
// printed; the client ends with its input. LL-15, LL-16.
func TestClient(t *testing.T) {
	l := listen(t)
	defer l.Close()
	p := program.Start(t, "-addr", l.Addr().String())
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, piece := range []string{"You ar", "e user1.\nuser", "2 arrived.\n"} {
		if _, err := io.WriteString(c, piece); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"You are user1.", "user2 arrived."} {
		if got := p.Line(); got != want {
			t.Errorf("it prints %q, not %q", got, want)
		}
	}
	p.Type("hello")
	p.Type("world")
	in := bufio.NewReader(c)
	for _, want := range []string{"hello\n", "world\n"} {
		if got, err := in.ReadString('\n'); err != nil || got != want {
			t.Errorf("it sends %q (%v), not %q", got, err, want)
		}
	}
	p.CloseInput()
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("after the end of the input: %q, %v", rest, err)
	}
	c.Close()
	if status, rest := p.Wait(); status != 0 || len(rest) > 0 {
		t.Errorf("status %d, %q", status, rest)
	}
}

// TestMine: what the user has said is not printed, whatever the user's name is
// at the moment; and output that is no terminal gets no escape codes. Issue
// 9.13.
func TestMine(t *testing.T) {
	l := listen(t)
	p := program.Start(t, "-addr", l.Addr().String())
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	said := "user2 is here.\nYou are user1.\nuser1: mine\nuser12: one\nYou are ann.\nann: mine\nuser1: two\nbob: ann: three\nno end"
	if _, err := io.WriteString(c, said); err != nil {
		t.Fatal(err)
	}
	p.CloseInput()
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	c.Close()
	want := []string{"user2 is here.", "You are user1.", "user12: one", "You are ann.", "user1: two", "bob: ann: three", "no end"}
	if status, lines := p.Wait(); status != 0 || !slices.Equal(lines, want) {
		t.Errorf("status %d, and %q, not %q", status, lines, want)
	}
}

// TestStatus: the exit status says whether all went well, and standard error why
// it did not. Issue 9.9.
func TestStatus(t *testing.T) {
	binary := build(t)
	closed := listen(t)
	closed.Close()
	open := listen(t)
	defer open.Close()
	leave := func(end func(*net.TCPConn) error) func() error {
		return func() error {
			c, err := open.Accept()
			if err != nil {
				return err
			}
			return end(c.(*net.TCPConn))
		}
	}
	for _, test := range []struct {
		name   string
		args   []string
		server func() error
		status int
		errors string
	}{
		{"nobody there", []string{"-addr", closed.Addr().String()}, nil, 1, "refused"},
		{"the server leaves", []string{"-addr", open.Addr().String()}, leave(func(c *net.TCPConn) error { return c.Close() }), 1, "the server has closed the connection"},
		{"the server breaks off", []string{"-addr", open.Addr().String()}, leave(func(c *net.TCPConn) error { return errors.Join(c.SetLinger(0), c.Close()) }), 1, "reset"},
		{"no address", []string{"-addr", "nowhere"}, nil, 2, "nowhere"},
		{"a flag that there is not", []string{"-port", "5999"}, nil, 2, "-port"},
		{"an argument too many", []string{"-addr", open.Addr().String(), "hello"}, nil, 2, `"hello" is one argument too many`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out, errors strings.Builder
			cmd := exec.Command(binary, test.args...)
			cmd.Stdout, cmd.Stderr = &out, &errors
			in, err := cmd.StdinPipe() // which does not end
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if test.server != nil {
				if err := test.server(); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Wait()
			if status := cmd.ProcessState.ExitCode(); status != test.status || out.Len() > 0 || !strings.Contains(errors.String(), test.errors) {
				t.Errorf("status %d, not %d; output %q; errors %q, in which is no %q", status, test.status, &out, &errors, test.errors)
			}
		})
	}
}

// TestInterrupted: a signal ends the client, and is no failure.
func TestInterrupted(t *testing.T) {
	l := listen(t)
	defer l.Close()
	p := program.Start(t, "-addr", l.Addr().String())
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "You are user1.\n"); err != nil {
		t.Fatal(err)
	}
	if got := p.Line(); got != "You are user1." {
		t.Errorf("it prints %q", got)
	}
	p.Signal(syscall.SIGTERM)
	if status, rest := p.Wait(); status != 0 || len(rest) > 0 {
		t.Errorf("status %d, %q", status, rest)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// build builds the client.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "client")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}
