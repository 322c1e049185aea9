package main

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/distributed/node"
)

// TestMain makes the test program a node when the master starts it as one.
func TestMain(m *testing.M) {
	node.Main(tupleServer, bank)
	goleak.VerifyTestMain(m)
}

// want is what the master prints. DP-18.
const want = `set user0: 100
set user2: 200
get user0: 100
get user2: 200
get user1: tuple: not found
new account: 0
add 10: 10
remove 5: 5
remove 50: bank: not enough in the account
`

// The master does what the first example of Racket's distributed places does: on a process of
// its own, and in this one. DP-01 to DP-18.
func TestMaster(t *testing.T) {
	for name, how := range map[string]node.Launcher{
		"a process":    node.Local{Binary: os.Args[0]},
		"this process": node.InProcess{Programs: node.List("master.tuples", "master.bank")},
	} {
		var out strings.Builder
		if err := run(t.Context(), how, &out); err != nil || out.String() != want {
			t.Errorf("%s: %v\n%s", name, err, &out)
		}
	}
}
