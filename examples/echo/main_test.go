package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/examples/internal/program"
)

// TestEcho: what is sent comes back, until the client has had enough; then the
// server says that it has no more to say.
func TestEcho(t *testing.T) {
	p := program.Start(t, "-addr", "127.0.0.1:0")
	addr := p.Address()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			sent := bytes.Repeat([]byte("All work and no play makes Jack a dull boy. "), 10000)
			go func() {
				c.Write(sent)
				c.(*net.TCPConn).CloseWrite()
			}()
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%v: %d bytes of %d came back", err, len(got), len(sent))
			}
		})
	}
	wg.Wait()
	p.Signal(syscall.SIGTERM)
	if status, rest := p.Wait(); status != 0 || len(rest) > 0 {
		t.Errorf("status %d, %q", status, rest)
	}
}

// TestSignals: either signal ends the server in good order, whoever is still
// connected.
func TestSignals(t *testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		p := program.Start(t, "-addr", "127.0.0.1:0")
		c, err := net.Dial("tcp", p.Address())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		p.Signal(s)
		if status, rest := p.Wait(); status != 0 || len(rest) > 0 {
			t.Errorf("%v: status %d, %q", s, status, rest)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Errorf("%v: the connection is still open", s)
		}
		c.Close()
	}
}

// TestBadAddresses: what cannot be listened on is named.
func TestBadAddresses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, addr := range []string{"nonsense", "127.0.0.1:70000", taken.Addr().String()} {
		p := program.Start(t, "-addr", addr)
		status, out := p.Wait()
		if said := strings.Join(out, "\n"); status == 0 || !strings.Contains(said, addr) {
			t.Errorf("%s: status %d, %q", addr, status, said)
		}
	}
}
