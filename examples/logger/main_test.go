package main

import (
	"fmt"
	"net"
	"os"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/examples/internal/program"
)

// Two processes over TLS: the commands in the comment of the program. FC-17, FC-02, B-F13,
// B-P24.
func TestTwoProcesses(t *testing.T) {
	key, addr, binary := program.RealmKey(t), program.FreeAddress(t), program.Build(t)
	log := binary.Start("-node", "log", "-listen", addr, "-realm-key", key)
	if got, want := log.Line(), `logger: node "log" is within reach`; got != want {
		t.Fatalf("the logger prints %q, want %q", got, want)
	}
	for i, node := range []string{"app", "web"} {
		p := binary.Start("-node", node, "-peers", "log="+addr, "-realm-key", key, "-say", "hello there")
		status, said := p.Wait()
		if want := []string{fmt.Sprint("lines of the logger: ", i+1)}; status != 0 || !slices.Equal(said, want) {
			t.Errorf("node %q: status %d, %q, want %q", node, status, said, want)
		}
		if got, want := log.Line(), node+": hello there"; got != want {
			t.Errorf("the logger prints %q, want %q", got, want)
		}
	}
	log.Signal(os.Interrupt)
	if status, rest := log.Wait(); status != 0 || len(rest) > 0 {
		t.Errorf("the logger ends with status %d, %q", status, rest)
	}
}

// The exit status says what kind of end it was, and standard error says why. FC-17.
func TestExits(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	key, nobody, dir := " -realm-key "+program.RealmKey(t), program.FreeAddress(t), t.TempDir()
	program.Exits(t,
		program.Exit{Args: "-h", Status: 0, Says: "-say"},
		program.Exit{Args: "", Status: 2, Says: `node "": the name is empty`},
		program.Exit{Args: "-color red", Status: 2, Says: "-color"},
		program.Exit{Args: "-node log now", Status: 2, Says: `"now" is one argument too many`},
		program.Exit{Args: "-node log -listen nonsense" + key, Status: 2, Says: "nonsense"},
		program.Exit{Args: "-node log -peers nonsense", Status: 2, Says: `"nonsense" is not of the form name=host:port`},
		program.Exit{Args: "-node log -realm-key " + dir + "/none", Status: 2, Says: "none"},
		program.Exit{Args: "-node app -say hello" + key, Status: 2, Says: "add -peers log=host:port"},
		program.Exit{Args: "-node app -say hello -to other -peers log=" + nobody + key, Status: 2, Says: "add -peers other=host:port"},
		program.Exit{Args: "-node log -listen " + taken.Addr().String() + key, Status: 1, Says: "listen tcp " + taken.Addr().String()},
		program.Exit{Args: "-node app -say hello -peers log=" + nobody + key, Status: 1, Says: `dialing node "log" at ` + nobody},
		program.Exit{Args: "-node app -say hello -peers log=" + nobody + key + " -journal " + dir, Status: 1, Says: `dialing node "log" at ` + nobody},
		program.Exit{Args: "-node app -say hello -peers log=" + nobody + key + " -journal " + dir, Status: 1, Says: `dialing node "log" at ` + nobody},
		program.Exit{Args: "-node app -say hello -peers log=" + nobody + key + " -replay " + dir, Status: 0},
	)
}
