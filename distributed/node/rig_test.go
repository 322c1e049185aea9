//go:build linux

package node_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// TestMain makes the test program a node when it was started as one.
func TestMain(m *testing.M) {
	node.Main(counters, failing, askers, intruders, enders, seers, orderers)
	if os.Getenv("NODE_TEST_PARENT") != "" {
		parent()
	}
	if dir := os.Getenv(journalVariable); dir != "" {
		runKept(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

type words []string

// A counter counts, from a number on.
type counter struct{ N int }

var (
	add      = rpc.Define[int, int]("node_test.add")
	fail     = rpc.Define[string, struct{}]("node_test.fail")
	argv     = rpc.Define[struct{}, words]("node_test.argv")
	says     = rpc.Define[string, struct{}]("node_test.says")
	hang     = rpc.Define[struct{}, struct{}]("node_test.hang")
	heap     = rpc.Define[struct{}, int]("node_test.heap")
	whoami   = rpc.Define[struct{}, int]("node_test.pid")
	errBroke = errors.New("node_test: broke")
)

func init() {
	world.Register[words]("node_test.words")
	world.Register[counter]("node_test.counter")
	world.RegisterErrorKind("node_test.errBroke", errBroke)
}

var counting = actions.Define("node_test.counting", func(counter) actions.Action {
	return rpc.Methods(
		rpc.Handle(add, func(c counter, n int) (counter, int, error) { return counter{c.N + n}, c.N + n, nil }),
		rpc.Handle(argv, func(c counter, _ struct{}) (counter, words, error) { return c, os.Args[1:], nil }),
		rpc.Handle(whoami, func(c counter, _ struct{}) (counter, int, error) { return c, os.Getpid(), nil }),
		rpc.Handle(says, func(c counter, text string) (counter, struct{}, error) { fmt.Print(text); return c, struct{}{}, nil }),
		rpc.Handle(hang, func(counter, struct{}) (counter, struct{}, error) {
			fmt.Println("hanging")
			for {
				runtime.Gosched()
			}
		}),
		rpc.Handle(heap, func(c counter, _ struct{}) (counter, int, error) {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return c, int(m.HeapAlloc), nil
		}),
		rpc.HandleLater(fail, func(c counter, a rpc.Ask[string, struct{}]) actions.Transition[counter] {
			if a.Args == "panic" {
				panic("it panics")
			}
			return actions.Next(c, actions.Fail(errBroke))
		}),
	)
})

var counters = node.NewProgram("node_test.counter", func(from int) actions.SpawnProcess {
	return counting.Spawn(counter{from}).Named("counter")
}, counting.Type)

// failing is a program that fails when it starts.
var failing = node.NewProgram("node_test.failing", func(how string) actions.SpawnProcess {
	switch how {
	case "boot":
		panic("its function panics")
	case "quit":
		return actions.Spawn(actions.Stateless(actions.Quit()))
	}
	return actions.Spawn(actions.Stateless(actions.Fail(errBroke)))
})
