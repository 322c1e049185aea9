// Package program runs the programs of this module in tests, as a person would:
// built, started, talked to, and ended by a signal.
package program

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A Program is a program that runs. It ends with its test.
type Program struct {
	t     testing.TB
	cmd   *exec.Cmd
	lines chan string
	in    io.WriteCloser
}

// A Binary is a program that was built. It is removed with its test.
type Binary struct {
	t    testing.TB
	path string
}

// Build builds the program in the current folder.
func Build(t testing.TB) Binary {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return Binary{t, binary}
}

// For returns b for a test that is part of the one for which it was built: the part ends the
// programs that it starts.
func (b Binary) For(t testing.TB) Binary { return Binary{t, b.path} }

// An Exit says how a program is expected to end without a signal.
type Exit struct {
	Args   string // that it gets, separated by spaces
	Status int
	Says   string // part of what it says on standard error
}

// Exits builds the program in the current folder, and runs it for each of the
// exits. A program that ends with another status than 0 says why on standard
// error.
func Exits(t testing.TB, exits ...Exit) {
	t.Helper()
	binary := Build(t).path
	for _, e := range exits {
		var stderr strings.Builder
		cmd := exec.Command(binary, strings.Fields(e.Args)...)
		cmd.Stderr = &stderr
		cmd.Run()
		if status := cmd.ProcessState.ExitCode(); status != e.Status || !strings.Contains(stderr.String(), e.Says) {
			t.Errorf("%q: status %d, not %d; it says %q, and is to say %q", e.Args, status, e.Status, &stderr, e.Says)
		}
	}
}

// Start builds the program in the current folder, and starts it.
func Start(t testing.TB, args ...string) *Program {
	t.Helper()
	return Build(t).Start(args...)
}

// Start starts the program. Its test ends it.
func (b Binary) Start(args ...string) *Program {
	t := b.t
	t.Helper()
	p := &Program{t: t, cmd: exec.Command(b.path, args...), lines: make(chan string, 1000)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p.cmd.Stdout
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	return p
}

// Type types a line.
func (p *Program) Type(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// CloseInput says that nothing more will be typed.
func (p *Program) CloseInput() { p.in.Close() }

// Line returns the next line that the program prints. The test fails if there is none within a
// minute.
func (p *Program) Line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatal("the program has ended")
		}
		return line
	case <-time.After(time.Minute):
		p.t.Fatal("the program prints nothing more")
		return ""
	}
}

// Address returns what follows "listening on" in the next line.
func (p *Program) Address() string {
	p.t.Helper()
	line := p.Line()
	_, addr, ok := strings.Cut(line, "listening on ")
	if !ok {
		p.t.Fatalf("it says %q, not where it listens", line)
	}
	return addr
}

// Signal sends a signal to the program.
func (p *Program) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// Wait waits for the program to end, and returns its status, and what it has
// printed since the last Line.
func (p *Program) Wait() (status int, rest []string) {
	for line := range p.lines {
		rest = append(rest, line)
	}
	p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode(), rest
}
