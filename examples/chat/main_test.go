package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/examples/internal/program"
)

// A guest is somebody in the room.
type guest struct {
	t    *testing.T
	name string
	conn *net.TCPConn
	in   *bufio.Reader
}

func enter(t *testing.T, addr string) *guest {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	g := &guest{t: t, conn: c.(*net.TCPConn), in: bufio.NewReader(c)}
	line := g.line()
	name, ok := strings.CutPrefix(line, "You are ")
	if !ok || !strings.HasSuffix(name, ".") {
		t.Fatalf("the server says %q", line)
	}
	g.name = strings.TrimSuffix(name, ".")
	return g
}

func (g *guest) line() string {
	g.t.Helper()
	s, err := g.in.ReadString('\n')
	if err != nil {
		g.t.Fatalf("%s: %v after %q", g.name, err, s)
	}
	return strings.TrimSuffix(s, "\n")
}

func (g *guest) hears(want string) {
	g.t.Helper()
	if got := g.line(); got != want {
		g.t.Errorf("%s hears %q, not %q", g.name, got, want)
	}
}

// types sends text as it is, in pieces of the given size.
func (g *guest) types(text string, piece int) {
	g.t.Helper()
	for len(text) > 0 {
		n := min(piece, len(text))
		if _, err := g.conn.Write([]byte(text[:n])); err != nil {
			g.t.Fatal(err)
		}
		text = text[n:]
	}
}

// TestChat: people see each other arrive, talk and depart, however the stream
// of bytes is cut. LL-16.
func TestChat(t *testing.T) {
	p := program.Start(t, "-addr", "127.0.0.1:0")
	addr := p.Address()
	ann := enter(t, addr)
	bob := enter(t, addr)
	bob.hears(ann.name + " is here.")
	ann.hears(bob.name + " arrived.")
	for piece := range 4 {
		ann.types("hello\r\nhow are you?\n", piece+1)
		for _, g := range []*guest{ann, bob} {
			g.hears(ann.name + ": hello")
			g.hears(ann.name + ": how are you?")
		}
	}
	bob.types("half a li", 100)
	bob.types("ne\nand the \x1b[2Jlast, without an end", 100)
	ann.hears(bob.name + ": half a line")
	bob.hears(bob.name + ": half a line")
	if err := bob.conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	ann.hears(bob.name + ": and the [2Jlast, without an end")
	ann.hears(bob.name + " departed.")
	carl := enter(t, addr)
	carl.hears(ann.name + " is here.")
	ann.hears(carl.name + " arrived.")
	carl.types(strings.Repeat("x", maxLine+1), maxLine+1)
	carl.hears("That is too long.")
	ann.hears(carl.name + " is gone: its line was too long.")
	if got := p.Line(); !strings.HasPrefix(got, "chat: "+carl.name+" is gone: ") {
		t.Errorf("the operator reads %q", got)
	}
	p.Signal(syscall.SIGTERM)
	if status, rest := p.Wait(); status != 0 || len(rest) > 0 {
		t.Errorf("status %d, %q", status, rest)
	}
}

// TestCrowd: everybody hears everything, in the same order. HL-40.
func TestCrowd(t *testing.T) {
	const people, lines = 20, 10
	p := program.Start(t, "-addr", "127.0.0.1:0")
	addr := p.Address()
	var guests []*guest
	for range people {
		guests = append(guests, enter(t, addr))
	}
	for _, g := range guests {
		for range people - 1 {
			if got := g.line(); !strings.HasSuffix(got, " arrived.") && !strings.HasSuffix(got, " is here.") {
				t.Fatalf("%s hears %q", g.name, got)
			}
		}
	}
	for _, g := range guests {
		go func() {
			for i := range lines {
				fmt.Fprintf(g.conn, "line %d\n", i)
			}
		}()
	}
	var first []string
	for i, g := range guests {
		var heard []string
		for range people * lines {
			heard = append(heard, g.line())
		}
		if i == 0 {
			first = heard
		} else if strings.Join(heard, "\n") != strings.Join(first, "\n") {
			t.Errorf("%s has heard another order than %s", g.name, guests[0].name)
		}
	}
}

// TestNeverReads: somebody who reads nothing is thrown out, and not before their
// socket is full. Everybody else, and the operator, hear why. Issue 9.13.
func TestNeverReads(t *testing.T) {
	p := program.Start(t, "-addr", "127.0.0.1:0")
	addr := p.Address()
	ann := enter(t, addr)
	slow := enter(t, addr)
	if err := slow.conn.SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	ann.hears(slow.name + " arrived.")
	said := ann.name + ": " + strings.Repeat("x", maxLine-1)
	for lines := 0; ; lines++ {
		ann.types(said[len(ann.name+": "):]+"\n", maxLine)
		got := ann.line()
		if got != said && lines > 1<<20/maxLine {
			if want := slow.name + " is gone: it read too slowly."; got != want {
				t.Errorf("after %d lines %s hears %q, not %q", lines, ann.name, got, want)
			}
			break
		}
		if got != said {
			t.Fatalf("after %d lines %s hears %.80q", lines, ann.name, got)
		}
	}
	if got := p.Line(); !strings.HasPrefix(got, "chat: "+slow.name+" is gone: ") || !strings.Contains(got, slow.conn.LocalAddr().String()) {
		t.Errorf("the operator reads %q", got)
	}
}
