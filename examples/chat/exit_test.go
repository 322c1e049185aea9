package main

import (
	"net"
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
	program.Exits(t,
		program.Exit{Args: "-h", Status: 0, Says: "-journal"},
		program.Exit{Args: "-color red", Status: 2, Says: "-color"},
		program.Exit{Args: "-addr nonsense", Status: 2, Says: "-addr"},
		program.Exit{Args: "-http nonsense", Status: 2, Says: "-http"},
		program.Exit{Args: "-addr 127.0.0.1:0 now", Status: 2, Says: `"now" is one argument too many`},
		program.Exit{Args: "-step", Status: 2, Says: "-step needs -replay"},
		program.Exit{Args: "-replay " + t.TempDir() + "/none", Status: 1, Says: "none"},
		program.Exit{Args: "-addr " + taken.Addr().String(), Status: 1, Says: "listen tcp " + taken.Addr().String()},
		program.Exit{Args: "-addr 127.0.0.1:0 -http " + taken.Addr().String(), Status: 1, Says: "listen tcp " + taken.Addr().String()},
	)
}
