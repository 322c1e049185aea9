package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// TestTerminal: on a terminal, a line that is being typed stays whole whatever
// comes in, can be edited, and is not printed a second time when the server says
// it; at the end, the terminal is as it was. Issue 9.13.
func TestTerminal(t *testing.T) {
	l := listen(t)
	defer l.Close()
	s := openScreen(t, 40)
	before := s.modes()
	cmd := exec.Command(build(t), "-addr", l.Addr().String())
	cmd.Env = append(os.Environ(), "TERM=vt100")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.terminal, s.terminal, s.terminal
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	says := func(line string) { fmt.Fprintln(c, line) }
	hears := func(want string) {
		t.Helper()
		if got, err := in.ReadString('\n'); err != nil || got != want+"\n" {
			t.Errorf("the server hears %q, %v, not %q", got, err, want)
		}
	}

	says("You are user1.")
	s.shows("You are user1.", "> ")
	s.types("hello wor")
	s.shows("You are user1.", "> hello wor")
	says("user2: am I interrupting?")
	s.shows("You are user1.", "user2: am I interrupting?", "> hello wor")
	s.types("\x1b[D\x1b[D\x1b[D\x7fX\x1b[C\x1b[C\x1b[Cld\r") // three to the left, and three to the right
	hears("helloXworld")
	says("user1: helloXworld")
	says("user2: yes")
	s.shows("You are user1.", "user2: am I interrupting?", "> helloXworld", "user2: yes", "> ")

	s.types("/nick ann\r")
	hears("/nick ann")
	says("You are ann.")
	s.types("one that is longer than the screen is wide")
	const above = "You are user1.\nuser2: am I interrupting?\n> helloXworld\nuser2: yes\n> /nick ann\nYou are ann."
	s.shows(above, "> one that is longer than the screen is ", "wide")
	says("ann: of my own")
	says("user2: now?")
	s.shows(above, "user2: now?", "> one that is longer than the screen is ", "wide")
	s.types("\r")
	hears("one that is longer than the screen is wide")
	s.shows(above, "user2: now?", "> one that is longer than the screen is ", "wide", "> ")

	s.types("\x04")
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("after the end of the input: %q, %v", rest, err)
	}
	c.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if after := s.modes(); after != before {
		t.Errorf("the terminal is %+v, and was %+v", after, before)
	}
}

// TestTerminalGivenBack: the terminal is as it was, and the reason on it, when the
// server has gone away. Issue 9.13.
func TestTerminalGivenBack(t *testing.T) {
	l := listen(t)
	defer l.Close()
	s := openScreen(t, 60)
	before := s.modes()
	cmd := exec.Command(build(t), "-addr", l.Addr().String())
	cmd.Env = append(os.Environ(), "TERM=vt100")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.terminal, s.terminal, s.terminal
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(c, "You are user1.")
	s.types("half a li")
	s.shows("You are user1.", "> half a li")
	c.Close()
	s.shows("You are user1.", "> half a li", "client: the server has closed the connection", "")
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 1 {
		t.Errorf("status %d", status)
	}
	if after := s.modes(); after != before {
		t.Errorf("the terminal is %+v, and was %+v", after, before)
	}
}

// A screen is what somebody sees, and types at.
type screen struct {
	t         *testing.T
	user      *os.File // the side of the keyboard and the screen
	terminal  *os.File // the side of the program
	width     int
	lines     [][]rune
	line, col int
	keys      *bufio.Reader
}

// openScreen makes a pseudo-terminal.
func openScreen(t *testing.T, width int) *screen {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { user.Close() })
	if err := user.SetDeadline(time.Now().Add(time.Minute)); err != nil { // rather than hang
		t.Fatal(err)
	}
	var number, lock uint32
	control(t, user, syscall.TIOCGPTN, unsafe.Pointer(&number))
	control(t, user, syscall.TIOCSPTLCK, unsafe.Pointer(&lock))
	size := [4]uint16{24, uint16(width)}
	control(t, user, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return &screen{t: t, user: user, terminal: terminal, width: width, lines: make([][]rune, 1), keys: bufio.NewReader(user)}
}

func control(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var errno syscall.Errno
	if err := raw.Control(func(fd uintptr) { _, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg)) }); err != nil || errno != 0 {
		t.Fatal(err, errno)
	}
}

// modes returns how the terminal is set.
func (s *screen) modes() (m syscall.Termios) {
	control(s.t, s.terminal, syscall.TCGETS, unsafe.Pointer(&m))
	return m
}

func (s *screen) types(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.user, keys); err != nil {
		s.t.Fatal(err)
	}
}

// shows waits until the screen shows these lines, with the cursor in the last.
func (s *screen) shows(want ...string) {
	s.t.Helper()
	all := strings.Join(want, "\n")
	for {
		var got []string
		for _, l := range s.lines {
			got = append(got, string(l))
		}
		shown := strings.Join(got, "\n")
		if s.line == strings.Count(all, "\n") && strings.TrimRight(shown, " \n") == strings.TrimRight(all, " \n") {
			return
		}
		if err := s.draw(); err != nil {
			s.t.Fatalf("%v; the screen shows\n%s", err, shown)
		}
	}
}

// draw takes one character that the program prints, or does what it asks for, as
// a terminal does.
func (s *screen) draw() error {
	r, _, err := s.keys.ReadRune()
	if err != nil {
		return err
	}
	switch r {
	case '\r':
		s.col = 0
	case '\n':
		s.down(1)
	case '\x1b':
		var n int
		var command rune
		if r, _, err = s.keys.ReadRune(); err != nil || r != '[' {
			return fmt.Errorf("after an escape comes %q (%v)", r, err)
		}
		for command = '0'; '0' <= command && command <= '9'; {
			n = 10*n + int(command-'0')
			if command, _, err = s.keys.ReadRune(); err != nil {
				return err
			}
		}
		switch n = max(n, 1); command {
		case 'A':
			s.line -= n
		case 'B':
			s.down(n)
		case 'C':
			s.col += n
		case 'D':
			s.col -= n
		case 'K':
			s.lines[s.line] = s.lines[s.line][:min(s.col, len(s.lines[s.line]))]
		default:
			return fmt.Errorf("the program prints an escape with %q", command)
		}
	default:
		if s.col == s.width {
			s.col = 0
			s.down(1)
		}
		for len(s.lines[s.line]) <= s.col {
			s.lines[s.line] = append(s.lines[s.line], ' ')
		}
		s.lines[s.line][s.col] = r
		s.col++
	}
	if s.line < 0 || s.col < 0 || s.col > s.width {
		return fmt.Errorf("the cursor is in line %d, column %d", s.line, s.col)
	}
	return nil
}

func (s *screen) down(n int) {
	for s.line += n; s.line >= len(s.lines); {
		s.lines = append(s.lines, nil)
	}
}
