package main

import (
	"bufio"
	"io"
	"net"
	"testing"

	"github.com/go-marketplace/marketplace/examples/internal/program"
)

// TestClient: what is typed goes to the server, and what the server says is
// printed; the client ends with its input.
func TestClient(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
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

// TestNobodyThere: a server that cannot be reached is named.
func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	p := program.Start(t, "-addr", addr)
	if _, out := p.Wait(); len(out) != 1 {
		t.Errorf("it says %q", out)
	}
}
