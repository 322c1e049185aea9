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
		program.Exit{Args: "-h", Status: 0, Says: "-upstream"},
		program.Exit{Args: "-color red", Status: 2, Says: "-color"},
		program.Exit{Args: "", Status: 2, Says: "dns: there is nobody to ask"},
		program.Exit{Args: "-upstream 192.0.2.1 now", Status: 2, Says: `dns: "now" is no flag`},
		program.Exit{Args: "-upstream 192.0.2.1 -addr nonsense", Status: 2, Says: "dns: "},
		program.Exit{Args: "-upstream 192.0.2.1 -addr " + taken.Addr().String(), Status: 1, Says: "listen tcp " + taken.Addr().String()},
	)
}
