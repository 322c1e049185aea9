package main

import (
	"flag"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/examples/internal/program"
)

var (
	runs   = flag.Int("runs", 1, "how often TestCrowds kills each node")
	crowds = flag.String("crowds", "direct links", "the `topologies` of TestCrowds, with commas between: on NATS it needs a processor of its own for each node")

	// The tests make machines busy.
	heartbeat = flag.Duration("node-heartbeat", time.Second, "the heartbeat of the nodes: one that has no processor for five of them is lost, so take more on a busy machine")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The exit status says what kind of end it was, and standard error says why.
func TestExits(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	node, at := "-node a -realm-key "+program.RealmKey(t), " "+taken.Addr().String()
	program.Exits(t,
		program.Exit{Args: "-h", Status: 0, Says: "-leaf-of"},
		program.Exit{Args: "-color red", Status: 2, Says: "-color"},
		program.Exit{Args: "-addr nonsense", Status: 2, Says: "-addr"},
		program.Exit{Args: node + " now", Status: 2, Says: `"now" is one argument too many`},
		program.Exit{Args: node + " -heartbeat 1us", Status: 2, Says: "-heartbeat 1µs is not from 1ms to 1h"},
		program.Exit{Args: "", Status: 1, Says: `node "": the name is empty`},
		program.Exit{Args: node + " -addr" + at, Status: 1, Says: "listen tcp" + at},
		program.Exit{Args: node + " -addr 127.0.0.1:0 -listen" + at, Status: 1, Says: "listen tcp" + at},
		program.Exit{Args: node + " -addr 127.0.0.1:0 -nats embedded -listen" + at, Status: 1, Says: taken.Addr().String()},
	)
}
