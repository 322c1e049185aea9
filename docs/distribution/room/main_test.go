package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain runs the program instead of the tests in the processes that TestRoom starts.
func TestMain(m *testing.M) {
	if os.Getenv("ROOM_PROCESS") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A terminal is one in which the program runs.
type terminal struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Scanner
	errs  bytes.Buffer
	lines []string // that the program has printed
}

func start(t *testing.T, args ...string) *terminal {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &terminal{t: t, cmd: exec.Command(exe, args...)}
	c.cmd.Env = append(os.Environ(), "ROOM_PROCESS=1")
	c.cmd.Stderr = &c.errs
	c.in, err = c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.cmd.ProcessState == nil {
			_ = c.cmd.Process.Kill()
			_ = c.cmd.Wait()
		}
	})
	return c
}

// read reads lines that the program prints.
func (c *terminal) read(n int) {
	c.t.Helper()
	for range n {
		if !c.out.Scan() {
			_ = c.cmd.Wait()
			c.t.Fatalf("%v has ended: %s", c.cmd.Args, &c.errs)
		}
		c.lines = append(c.lines, c.out.Text())
	}
}

func (c *terminal) say(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// TestRoom: two processes print what the guide says, which is in testdata. A line there that
// ends with … is the beginning of one.
func TestRoom(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close()
	key := filepath.Join(t.TempDir(), "realm.key")
	if err := os.WriteFile(key, []byte("2f1d6a3c0b9e48d7a5f0c3b2e1d4978602f1d6a3c0b9e48d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	berlin := start(t, "-node", "berlin", "-listen", at, "-realm-key", key)
	berlin.read(1)
	paris := start(t, "-node", "paris", "-peers", "berlin="+at, "-realm-key", key)
	berlin.read(1)
	paris.read(2)
	berlin.say("hello")
	berlin.read(1)
	paris.read(1)
	paris.say("bonjour")
	berlin.read(1)
	paris.read(1)
	if err := paris.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	berlin.read(1)
	_ = berlin.in.Close()
	if err := berlin.cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, &berlin.errs)
	}
	for name, c := range map[string]*terminal{"berlin": berlin, "paris": paris} {
		text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
		for i, line := range c.lines {
			begin, long := strings.CutSuffix(want[min(i, len(want)-1)], "…")
			if line != begin && !(long && strings.HasPrefix(line, begin)) || len(c.lines) != len(want) {
				t.Fatalf("%s prints\n%s\nwant\n%s", name, strings.Join(c.lines, "\n"), text)
			}
		}
	}
}
