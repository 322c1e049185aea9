package main

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/examples/internal/program"
)

// asShop, if set in the environment, makes the test binary run as the shop.
const asShop = "SHOP_RUNS_AS_A_PROGRAM"

// A child is a shop in a process of its own.
type child struct {
	t      testing.TB
	cmd    *exec.Cmd
	errors bytes.Buffer
	addr   string
}

// startShop starts a shop, and waits until it listens.
func startShop(t testing.TB, args ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(os.Args[0], args...)}
	c.cmd.Env = append(os.Environ(), asShop+"=1")
	c.cmd.Stderr = &c.errors
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill(); _ = c.cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	_, addr, ok := strings.Cut(line, "listening on ")
	if !ok {
		_ = c.cmd.Wait()
		t.Fatalf("the shop says %q, %v: %s", line, err, &c.errors)
	}
	c.addr = strings.TrimSpace(addr)
	return c
}

// kill kills the shop with SIGKILL, and waits for its end.
func (c *child) kill() {
	c.t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		c.t.Error(err)
	}
	_ = c.cmd.Wait() // it was killed
}

// stop stops the shop as an operator does.
func (c *child) stop() {
	c.t.Helper()
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		c.t.Error(err)
	}
	if err := c.cmd.Wait(); err != nil {
		c.t.Errorf("the shop ends with %v: %s", err, &c.errors)
	}
}

// client returns a client with connections of its own.
func (c *child) client() *client {
	transport := &http.Transport{MaxIdleConnsPerHost: 1000}
	c.t.Cleanup(transport.CloseIdleConnections)
	return &client{c.t, http.Client{Transport: transport}, "http://" + c.addr}
}

// Issue 9.9: the exit status says what kind of end it was, and standard error says why.
func TestExits(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	startShop(t, "-addr", "127.0.0.1:0", "-journal", dir)
	program.Exits(t,
		program.Exit{Args: "-h", Status: 0, Says: "-journal"},
		program.Exit{Args: "-color red", Status: 2, Says: "-color"},
		program.Exit{Args: "-stock tea", Status: 2, Says: `"tea" is not an item and a number`},
		program.Exit{Args: "-stock tea=1,tea=2", Status: 2, Says: "is there twice"},
		program.Exit{Args: "-addr 127.0.0.1:0 now", Status: 2, Says: `"now" is one argument too many`},
		program.Exit{Args: "-step", Status: 2, Says: "-step needs -replay"},
		program.Exit{Args: "-replay " + t.TempDir() + "/none", Status: 1, Says: "none"},
		program.Exit{Args: "-addr 127.0.0.1:0 -journal " + dir, Status: 1, Says: "another process has the journal open"},
		program.Exit{Args: "-addr " + l.Addr().String(), Status: 1, Says: "listen tcp " + l.Addr().String()},
	)
}

// TestCurl: the commands in the comment of the program work as they are there.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("there is no curl")
	}
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	var commands [][]string
	for line := range strings.Lines(string(source)) {
		if args, ok := strings.CutPrefix(line, "//\tgo run ./examples/shop "); ok {
			flags = strings.Fields(strings.Replace(args, "shop.journal", t.TempDir(), 1))
		}
		if args, ok := strings.CutPrefix(line, "//\tcurl "); ok {
			commands = append(commands, words(args))
		}
	}
	shop := startShop(t, append(flags, "-addr", "127.0.0.1:0")...)
	want := []string{
		`{"milk":3,"tea":5}`,
		`{"id":1,"item":"tea","quantity":2,"status":"awaiting payment"}`,
		`{"id":1,"item":"tea","quantity":2,"status":"awaiting payment"}`,
		`{"paid":true}`,
		": this is the stock\n\nevent: stock\ndata: {\"item\":\"milk\",\"left\":3}\n\nevent: stock\ndata: {\"item\":\"tea\",\"left\":3}\n",
	}
	if len(commands) != len(want) {
		t.Fatalf("the comment has %d commands, want %d", len(commands), len(want))
	}
	for i, args := range commands {
		last := len(args) - 1
		args[last] = strings.Replace(args[last], "127.0.0.1:8080", shop.addr, 1)
		cmd := exec.Command(curl, append([]string{"-sS"}, args...)...)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		got, in := "", bufio.NewReader(out)
		for err == nil && strings.Count(got, "\n") <= strings.Count(want[i], "\n")-1 || got == "" && err == nil {
			var line string
			line, err = in.ReadString('\n')
			got += line
		}
		_ = cmd.Process.Kill() // a stream has no end
		_ = cmd.Wait()
		if strings.TrimSpace(got) != strings.TrimSpace(want[i]) {
			t.Errorf("curl %q says %q (%v), want %q", args, got, err, want[i])
		}
	}
	shop.stop()
}

// words splits a command line as a shell does, if it has no quotes but single ones.
func words(line string) (all []string) {
	for i, part := range strings.Split(strings.TrimSpace(line), "'") {
		if i%2 == 1 {
			all = append(all, part)
		} else {
			all = append(all, strings.Fields(part)...)
		}
	}
	return all
}
