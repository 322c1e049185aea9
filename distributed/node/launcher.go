package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// A Launcher starts the process of a node. It is plain data of a registered type
// ([world.Register]), because machines and journals have it, and comparable.
type Launcher interface {
	// Launch starts the process, in which [Main] runs, with what it prints going to
	// stdout and stderr. The process ends when its standard input does.
	Launch(stdout, stderr io.Writer) (Running, error)

	// Listen returns the address on which the node listens, host:port; it may have no host
	// and port 0.
	Listen() string
}

// A Running is the process of a node.
type Running interface {
	// Stdin is the standard input of the process. Close ends it.
	Stdin() io.WriteCloser

	// Wait waits until the process has ended, and all that it printed was written. It
	// returns the reason if the process has not ended with status 0. It is called once.
	Wait() error

	// Kill ends the process at once. It may be called more than once, and after the end.
	Kill()
}

// Words is a list of words as plain data that can be compared.
type Words string

// List returns a list of words.
func List(words ...string) Words {
	if len(words) == 0 {
		return ""
	}
	text, _ := json.Marshal(words) // never fails
	return Words(text)
}

// Words returns the words of the list.
func (w Words) Words() (words []string) {
	_ = json.Unmarshal([]byte(w), &words)
	return words
}

// A Local starts a node as a process on this machine. The zero Local runs the program of
// this process once more.
type Local struct {
	Binary string // the program; its main function calls [Main]. Default: that of this process
	Args   Words  // its arguments
	Env    Words  // more variables of its environment, each NAME=value
	Dir    string // the folder in which it runs; default: that of this process
	Addr   string // the address on which the node listens; default: 127.0.0.1:0
}

// Launch implements [Launcher].
func (l Local) Launch(stdout, stderr io.Writer) (Running, error) {
	binary := l.Binary
	if binary == "" {
		var err error
		if binary, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(binary, l.Args.Words()...)
	cmd.Env = slices.Concat(os.Environ(), l.Env.Words(), []string{variable + "=1"})
	cmd.Dir = l.Dir
	return start(cmd, stdout, stderr)
}

// Listen implements [Launcher].
func (l Local) Listen() string { return l.Addr }

// An SSH starts a node on another machine, with the program ssh and its configuration.
type SSH struct {
	// Host is the machine: a name that ssh knows, user@host, or ssh://user@host:port.
	Host string

	// Binary is the program there. It is found as the remote shell finds it.
	Binary string

	// Args are the arguments of the program.
	Args Words

	// Addr is the address on which the node listens, host:port, as other nodes reach it:
	// "0.0.0.0:0" stands for all addresses of that machine, and a port that is free; the
	// others then use the host of Host. The default is loopback, which only nodes on that
	// machine reach.
	Addr string

	// Path is the program ssh. By default it is found in PATH.
	Path string

	// Options are options of ssh, such as "-i" and a file. BatchMode is always on, so ssh
	// never asks for a password.
	Options Words
}

// Launch implements [Launcher].
func (s SSH) Launch(stdout, stderr io.Writer) (Running, error) {
	switch {
	case s.Host == "" || strings.HasPrefix(s.Host, "-") || strings.ContainsFunc(s.Host, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return nil, fmt.Errorf("%w: ssh to the host %q, which is no name of a host", ErrLaunch, s.Host)
	case s.Binary == "" || strings.ContainsRune(s.Binary+string(s.Args), 0):
		return nil, fmt.Errorf("%w: ssh to %q needs the Binary to run there, and it is %q", ErrLaunch, s.Host, s.Binary)
	}
	path := s.Path
	if path == "" {
		var err error
		if path, err = exec.LookPath("ssh"); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrLaunch, err)
		}
	}
	// The words after the host are joined by ssh and go to a shell there, so each is quoted.
	command := "exec env " + quote(variable+"=1") + " " + quote(s.Binary)
	for _, a := range s.Args.Words() {
		command += " " + quote(a)
	}
	args := slices.Concat([]string{"-o", "BatchMode=yes", "-T"}, s.Options.Words(), []string{"--", s.Host, command})
	return start(exec.Command(path, args...), stdout, stderr)
}

// Listen implements [Launcher].
func (s SSH) Listen() string { return s.Addr }

// quote quotes a word for a POSIX shell.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

func init() {
	world.Register[Local]("node.Local")
	world.Register[SSH]("node.SSH")
}

// linger is how long the output of a process may stay open after its end, because another
// process has inherited it.
const linger = 500 * time.Millisecond

// start starts a command.
func start(cmd *exec.Cmd, stdout, stderr io.Writer) (Running, error) {
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdout, stderr, linger
	apart(cmd)
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrLaunch, filepath.Base(cmd.Path), err)
	}
	return &command{cmd, in}, nil
}

// A command is a [Running] of this system.
type command struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

func (c *command) Stdin() io.WriteCloser { return c.stdin }
func (c *command) Kill()                 { _ = c.cmd.Process.Kill() }

func (c *command) Wait() error {
	err := c.cmd.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}

// An InProcess runs a node in this process, for tests: a ground of its own, with programs
// that this process has. What programs print does not reach the parent.
type InProcess struct {
	Programs Words // their names
}

func init() { world.Register[InProcess]("node.InProcess") }

// Listen implements [Launcher].
func (InProcess) Listen() string { return "" }

// Launch implements [Launcher].
func (l InProcess) Launch(stdout, stderr io.Writer) (Running, error) {
	var all []Program
	for _, name := range l.Programs.Words() {
		p, ok := programs.Load(name)
		if !ok {
			return nil, fmt.Errorf("%w: %w: %q", ErrLaunch, ErrNoProgram, name)
		}
		all = append(all, p.(*definition))
	}
	in, out := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	r := &inProcess{out, func() { cancel(); _ = in.Close() }, make(chan error, 1)}
	go func() {
		r.ended <- serve(ctx, in, stdout, stderr, all)
		r.kill()
	}()
	return r, nil
}

// An inProcess is the [Running] of a node in this process.
type inProcess struct {
	stdin io.WriteCloser
	kill  func()
	ended chan error
}

func (r *inProcess) Stdin() io.WriteCloser { return r.stdin }
func (r *inProcess) Kill()                 { r.kill() }
func (r *inProcess) Wait() error           { return <-r.ended }
