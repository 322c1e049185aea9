package main

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/examples/internal/program"
)

// again is what the client prints when it runs once more.
func again() []string {
	again := append([]string(nil), want...)
	again[6] = "bank.open(user0): bank: the account exists"
	again[7] = "bank.add({user0 10}): 15"
	again[8] = "bank.remove({user0 5}): 10"
	return again
}

// expect runs a client until the bank is within reach, and expects what it prints.
func expect(t *testing.T, binary program.Binary, want []string, args ...string) {
	t.Helper()
	var said []string
	for range 30 { // each time, a client waits for a lease
		var status int
		switch status, said = wait(binary.Start(args...)); status {
		case 0:
			if d := cmp.Diff(want, said); d != "" {
				t.Errorf("the client %q: %s", args, d)
			}
			return
		case 2:
			t.Fatalf("%q", said)
		}
	}
	t.Fatalf("the bank is not within reach: %q", said)
}

// wait waits for the end of a program, and returns what it has printed, but for the news of
// its journal.
func wait(p *program.Program) (status int, said []string) {
	status, said = p.Wait()
	return status, slices.DeleteFunc(said, isNews)
}

func isNews(line string) bool {
	return strings.Contains(line, "INFO journal: ") || strings.Contains(line, "WARN journal: a new journal begins")
}

// The client is in the machine of the bank, or outside of it: DP-18.
func TestOneProcess(t *testing.T) {
	binary := program.Build(t)
	for _, args := range [][]string{nil, {"-nested"}, {"-nested", "-journal", t.TempDir()}} {
		expect(t, binary, want, args...)
	}
}

// Two processes over TLS: the client hears what it hears in one machine. With a journal, the
// bank keeps its accounts when it is killed, and a client that has ended ends again. The
// journals of both sides replay. DP-13, DP-14, DP-15, DP-18.
func TestTwoProcesses(t *testing.T) {
	key, addr, kept, own := program.RealmKey(t), program.FreeAddress(t), t.TempDir(), t.TempDir()
	serves := []string{"-node", "bank", "-listen", addr, "-realm-key", key, "-serve"}
	calls := []string{"-node", "client", "-peers", "bank=" + addr, "-realm-key", key, "-place", "bank"}
	with := func(args []string, more ...string) []string { return append(args[:len(args):len(args)], more...) }

	binary := program.Build(t)
	bank := binary.Start(with(serves, "-journal", kept)...)
	if line := bank.Line(); !isNews(line) {
		t.Fatalf("the bank prints %q", line)
	}
	if got, want := bank.Line(), `bank: node "bank" is within reach`; got != want {
		t.Fatalf("the bank prints %q, want %q", got, want)
	}
	expect(t, binary, want, with(calls, "-journal", own)...)
	bank.Signal(os.Kill)
	bank.Wait()

	if status, said := wait(binary.Start(with(calls, "-journal", own)...)); status != 0 || len(said) > 1 {
		t.Errorf("the client that had ended: status %d, %q", status, said)
	}
	bank = binary.Start(with(serves, "-journal", kept)...)
	expect(t, binary, again(), calls...)
	bank.Signal(os.Interrupt)
	if status, said := bank.Wait(); status != 0 {
		t.Errorf("the bank ends with status %d, %q", status, said)
	}
	for _, args := range [][]string{with(serves, "-replay", kept), with(calls, "-replay", own)} {
		status, said := wait(binary.Start(args...))
		if status != 0 || !strings.Contains(strings.Join(said, "\n"), "no difference") {
			t.Errorf("%q: status %d, %q", args, status, said)
		}
	}
}

// The exit status says what kind of end it was, and standard error says why. DP-18.
func TestExits(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	key, nobody, dir := " -realm-key "+program.RealmKey(t), program.FreeAddress(t), t.TempDir()
	calls := "-node client -place bank -peers bank=" + nobody + key
	program.Exits(t,
		program.Exit{Args: "-h", Status: 0, Says: "-nested"},
		program.Exit{Args: "-color red", Status: 2, Says: "-color"},
		program.Exit{Args: "now", Status: 2, Says: `"now" is one argument too many`},
		program.Exit{Args: "-serve -nested", Status: 2, Says: "only one can be given"},
		program.Exit{Args: "-place bank -nested", Status: 2, Says: "only one can be given"},
		program.Exit{Args: "-place bank -serve", Status: 2, Says: "only one can be given"},
		program.Exit{Args: "-node bank", Status: 2, Says: "-node and -peers need -serve or -place"},
		program.Exit{Args: "-peers bank=" + nobody, Status: 2, Says: "-node and -peers need -serve or -place"},
		program.Exit{Args: "-serve" + key, Status: 2, Says: `node "": the name is empty`},
		program.Exit{Args: "-node client -place bank" + key, Status: 2, Says: "add -peers bank=host:port"},
		program.Exit{Args: "-node bank -serve -realm-key " + dir + "/none", Status: 2, Says: "none"},
		program.Exit{Args: "-node bank -serve -listen " + taken.Addr().String() + key, Status: 1, Says: "listen tcp " + taken.Addr().String()},
		program.Exit{Args: calls, Status: 1, Says: `dialing node "bank" at ` + nobody},
		program.Exit{Args: calls + " -journal " + dir, Status: 1, Says: `dialing node "bank" at ` + nobody},
		program.Exit{Args: calls + " -journal " + dir, Status: 1, Says: `dialing node "bank" at ` + nobody},
	)
}
