package main

import (
	"net"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/examples/internal/program"
)

// Issue 9.9: the exit status says what kind of end it was, and standard error
// says why.
func TestExits(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	program.Exits(t,
		program.Exit{Args: "-h", Status: 0, Says: "-workers"},
		program.Exit{Args: "-color red", Status: 2, Says: "-color"},
		program.Exit{Args: "-addr nonsense", Status: 2, Says: "-addr"},
		program.Exit{Args: "-addr 127.0.0.1:0 now", Status: 2, Says: `"now" is one argument too many`},
		program.Exit{Args: "-workers -3", Status: 2, Says: "-workers is -3"},
		program.Exit{Args: "-workers 2 -replay x", Status: 2, Says: "a journal is of one machine"},
		program.Exit{Args: "-step", Status: 2, Says: "-step needs -replay"},
		program.Exit{Args: "-replay " + t.TempDir() + "/none", Status: 1, Says: "none"},
		program.Exit{Args: "-workers 1 -addr " + addr, Status: 1, Says: "listen tcp " + addr},
		program.Exit{Args: "-workers 2 -addr " + addr, Status: 1, Says: addr},
	)
}

// Issue 9.7: a second signal ends a server that cannot stop in good order, because
// a client reads nothing, at once.
func TestSecondSignal(t *testing.T) {
	for _, workers := range []string{"1", "2"} {
		p := program.Start(t, "-addr", "127.0.0.1:0", "-workers", workers)
		c, err := net.Dial("tcp", p.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		stuck := make(chan struct{})
		go func() {
			defer close(stuck)
			for piece := make([]byte, 1<<16); ; {
				if _, err := c.Write(piece); err != nil {
					return
				}
			}
		}()
		for n := 0; n < 4<<20; { // the client reads for a while, and then no more
			got, err := c.Read(make([]byte, 1<<16))
			if err != nil {
				t.Fatal(err)
			}
			n += got
		}
		p.Signal(syscall.SIGINT)
		p.Signal(syscall.SIGTERM)
		// The system delivers the two in any order.
		if status, rest := p.Wait(); status != 130 && status != 143 || len(rest) > 0 {
			t.Errorf("workers=%s: status %d, %q", workers, status, rest)
		}
		<-stuck
	}
}
