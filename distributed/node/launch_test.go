//go:build linux

package node_test

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/world"
)

// A stuckLauncher launches when it is told to.
type stuckLauncher struct{}

func init() { world.Register[stuckLauncher]("node_test.stuckLauncher") }

// Channels of the test that runs.
var (
	launch, launching chan struct{}
	launched          chan *lateNode
)

func (stuckLauncher) Listen() string { return "" }

func (stuckLauncher) Launch(io.Writer, io.Writer) (node.Running, error) {
	close(launching)
	<-launch
	in, out := io.Pipe()
	n := &lateNode{in: in, out: out, killed: make(chan struct{})}
	launched <- n
	return n, nil
}

// A lateNode is a process that waits until it is killed.
type lateNode struct {
	in     *io.PipeReader
	out    *io.PipeWriter
	once   sync.Once
	killed chan struct{}
}

func (n *lateNode) Stdin() io.WriteCloser { return n.out }
func (n *lateNode) Wait() error           { <-n.killed; return errors.New("killed") }
func (n *lateNode) Kill()                 { n.once.Do(func() { close(n.killed); _ = n.in.Close() }) }

// TestStuckLaunch: a launcher that does not return holds up neither its machine nor the end of
// it, and what it starts too late ends. B-P16.
func TestStuckLaunch(t *testing.T) {
	launch, launching, launched = make(chan struct{}), make(chan struct{}), make(chan *lateNode)
	h := node.Private("master").Start(t.Context())
	failed := make(chan error)
	go func() { failed <- h.Spawn(t.Context(), "stuck", stuckLauncher{}, node.Never) }()
	<-launching
	must(t, h.Spawn(t.Context(), "far", node.Local{}, node.Never))
	must(t, h.Close())
	if err := <-failed; err == nil {
		t.Error("it was started")
	}
	close(launch)
	<-(<-launched).killed
}

// TestHeldPipes: the end of a node is noticed although another process has its output open, and
// although the node has closed it; what it prints without the end of a line comes in pieces.
func TestHeldPipes(t *testing.T) {
	h := hosting(t)
	out := outputsOf(t, h)
	began := time.Now()
	sh := func(script string) error {
		return h.Spawn(t.Context(), "far", node.Local{Binary: "/bin/sh", Args: node.List("-c", script)}, node.Never)
	}
	for _, script := range []string{
		"sleep 5 & exit 3",
		"exec >&- 2>&-; exit 3",
		"head -c 3000000 /dev/zero | tr '\\0' x; exit 3",
		"exec <&-; exit 3",
		"exec <&-; sleep 0.2; exit 3", // its own status, although it does not listen
	} {
		if err := sh(script); kind(err) != "down" || !strings.Contains(err.Error(), "status 3") {
			t.Errorf("%s: %v", script, err)
		}
	}
	t.Logf("it took %v", time.Since(began))
	for n := 0; n < 3000000; n += len((<-out).Text) {
		continue
	}
}

// TestDeaf: a node that reads nothing, ignores signals and does not end is killed when nobody
// wants it any more. B-P18.
func TestDeaf(t *testing.T) {
	h := hosting(t)
	out := outputsOf(t, h)
	failed := make(chan error)
	go func() {
		failed <- h.Spawn(t.Context(), "far", node.Local{Binary: "/bin/sh", Args: node.List("-c", "trap '' TERM INT HUP PIPE; echo $$; while :; do sleep 1; done")}, node.Never)
	}()
	pid, err := strconv.Atoi((<-out).Text)
	must(t, err)
	must(t, h.Exit(t.Context(), "far"))
	if err := <-failed; !errors.Is(err, node.ErrUnwanted) {
		t.Errorf("the error is %v", err)
	}
	t.Logf("it has ended after %v", gone(t, pid))
	must(t, h.Spawn(t.Context(), "far", node.Local{}, node.Never)) // the machine is well
}
