package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// hang is how long a program may take to end, or to react, before it counts as hanging.
const hang = 30 * time.Second

const module = "github.com/go-marketplace/marketplace"

// packages are the programs to attack.
var packages = []string{
	module + "/examples/chat",
	module + "/examples/echo",
	module + "/bench/attack/internal/sender",
	module + "/bench/attack/internal/printer",
}

// build builds the programs into a folder.
func build(ctx context.Context, folder string) error {
	args := append([]string{"build", "-o", folder + string(filepath.Separator)}, packages...)
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("building the programs: %w\n%s", err, out)
	}
	return nil
}

// options say how to start a program.
type options struct {
	args        []string
	descriptors int      // the most file descriptors; 0 for the limit of the system
	stdout      *os.File // where its output goes; nil to collect it
}

// A server is a program under attack.
type server struct {
	name     string
	cmd      *exec.Cmd
	out, err *collector
	at       string        // its address, if it does not print it
	done     chan struct{} // closed when it has ended
	memory   atomic.Int64  // the most so far, in bytes
}

// launch starts a program, and kills it when the attack is over.
func (s *scene) launch(name string, o options) (*server, error) {
	path := filepath.Join(s.folder, name)
	cmd := exec.Command(path, o.args...)
	if o.descriptors > 0 { // the shell sets the limit, and then becomes the program
		limit := fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, o.descriptors)
		cmd = exec.Command("/bin/sh", append([]string{"-c", limit, path}, o.args...)...)
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "MARKETPLACE_LOG=") { // which is not what is attacked
			cmd.Env = append(cmd.Env, v)
		}
	}
	p := &server{name: name, cmd: cmd, out: newCollector(), err: newCollector(), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = p.out, p.err, time.Second
	if o.stdout != nil {
		cmd.Stdout = o.stdout
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // the status is in cmd.ProcessState
	}()
	measured := make(chan struct{})
	go func() {
		defer close(measured)
		p.measure()
	}()
	s.after(func() {
		_ = cmd.Process.Kill()
		<-p.done
		<-measured
	})
	return p, nil
}

// serve starts a server, and waits until it listens.
func (s *scene) serve(name string, o options) (*server, error) {
	o.args = append([]string{"-addr", "127.0.0.1:0"}, o.args...)
	p, err := s.launch(name, o)
	if err != nil {
		return nil, err
	}
	return p, s.listens(p)
}

// listens waits until the server listens.
func (s *scene) listens(p *server) error {
	select {
	case <-p.out.listening:
		return nil
	case <-p.done:
		return fmt.Errorf("%s has ended at once: %s", p.name, p.lastWords())
	case <-s.ctx.Done():
		return fmt.Errorf("%s does not listen", p.name)
	}
}

// addr returns the address at which the server listens.
func (p *server) addr() string {
	if p.at != "" {
		return p.at
	}
	return p.out.address()
}

// measure follows the memory of the server until it ends.
func (p *server) measure() {
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for {
		p.sample()
		select {
		case <-every.C:
		case <-p.done:
			return
		}
	}
}

// sample notes the most memory that the server has used so far.
func (p *server) sample() {
	if m, ok := highestMemory(p.cmd.Process.Pid); ok {
		p.memory.Store(m)
	}
}

// ended reports whether the server has ended.
func (p *server) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// status returns the exit status of a server that has ended, as a text.
func (p *server) status() string {
	if code := p.cmd.ProcessState.ExitCode(); code >= 0 {
		return fmt.Sprint(code)
	}
	return p.cmd.ProcessState.String()
}

// lastWords returns the exit status of a server that has ended, and the end of its output.
func (p *server) lastWords() string {
	text := "exit status " + p.status()
	for _, c := range []*collector{p.out, p.err} {
		if said := strings.TrimSpace(c.end(2000)); said != "" {
			text += "\n" + said
		}
	}
	return text
}

// end sends a signal to a server, waits until it has ended, and notes how long that took.
func (s *scene) end(p *server, signal os.Signal) {
	if p.ended() {
		s.noteMemory(p)
		s.fail("%s has ended during the attack: %s", p.name, p.lastWords())
		return
	}
	p.sample()
	began := time.Now()
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.fail("sending a signal to %s: %v", p.name, err)
	}
	s.await(p, began, signal.String())
	if p.ended() && p.status() != "0" {
		s.fail("after %v: %s", signal, p.lastWords())
	}
}

// await waits for the end of a server that got a signal when began.
func (s *scene) await(p *server, began time.Time, signal string) {
	select {
	case <-p.done:
		s.noteEnd(p, "exit "+p.status(), time.Since(began))
	case <-time.After(hang):
		s.fail("%s still runs %s after the signal: %s", p.name, seconds(hang), signal)
		s.noteEnd(p, "no end", time.Since(began))
	case <-s.ctx.Done():
		s.fail("%s does not end", p.name)
		s.noteEnd(p, "no end", time.Since(began))
	}
}

func (s *scene) noteEnd(p *server, status string, took time.Duration) {
	s.noteMemory(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.ended, s.report.took = status, took
}

// noteMemory notes the most memory that a server has used.
func (s *scene) noteMemory(p *server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.memory = max(s.report.memory, p.memory.Load())
}

// A collector keeps what a program prints, up to a limit, and finds its address in it.
type collector struct {
	mu        sync.Mutex
	text      []byte
	addr      string
	listening chan struct{} // closed when addr is set
}

func newCollector() *collector { return &collector{listening: make(chan struct{})} }

// Write implements [io.Writer].
func (c *collector) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, b[:min(len(b), 4<<20-len(c.text))]...)
	if c.addr == "" {
		_, after, _ := bytes.Cut(c.text, []byte("listening on "))
		if addr, _, ok := bytes.Cut(after, []byte("\n")); ok {
			c.addr = string(bytes.TrimSpace(addr))
			close(c.listening)
		}
	}
	return len(b), nil
}

func (c *collector) address() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addr
}

// end returns the last n bytes.
func (c *collector) end(n int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text[max(0, len(c.text)-n):])
}

// count returns how many lines contain a text.
func (c *collector) count(text string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for line := range bytes.Lines(c.text) {
		if bytes.Contains(line, []byte(text)) {
			n++
		}
	}
	return n
}
