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

// TestEcho: what the client sends comes back, until the client ends its side;
// then the server ends its own. LL-16.
func TestEcho(t *testing.T) {
	for _, workers := range []string{"1", "2", "0"} {
		t.Run("workers="+workers, func(t *testing.T) { testEcho(t, workers) })
	}
}

func testEcho(t *testing.T, workers string) {
	p := program.Start(t, "-addr", "127.0.0.1:0", "-workers", workers)
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

// TestSignals: either signal ends the server in good order, also while clients
// are connected.
func TestSignals(t *testing.T) {
	for _, workers := range []string{"1", "2"} {
		t.Run("workers="+workers, func(t *testing.T) { testSignals(t, workers) })
	}
}

func testSignals(t *testing.T, workers string) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		p := program.Start(t, "-addr", "127.0.0.1:0", "-workers", workers)
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

// TestBadAddresses: the program says what is wrong with its arguments.
func TestBadAddresses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct{ addr, workers, says string }{
		{"nonsense", "1", "nonsense"},
		{"127.0.0.1:70000", "2", "127.0.0.1:70000"},
		{taken.Addr().String(), "1", taken.Addr().String()},
		{taken.Addr().String(), "2", taken.Addr().String()},
		{"127.0.0.1:0", "-3", "-workers is -3"},
	} {
		p := program.Start(t, "-addr", tt.addr, "-workers", tt.workers)
		status, out := p.Wait()
		if said := strings.Join(out, "\n"); status == 0 || !strings.Contains(said, tt.says) {
			t.Errorf("%+v: status %d, %q", tt, status, said)
		}
	}
}
