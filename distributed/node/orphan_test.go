//go:build linux

package node_test

import (
	"bufio"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
)

// A stuckNetwork is one that does not close.
type stuckNetwork struct{ distributed.Network }

func (stuckNetwork) Close() error {
	fmt.Println("closing")
	select {}
}

func init() {
	node.RegisterNetwork("node_test.slow", func(string, []byte) (distributed.Network, error) {
		fmt.Println("opening")
		select {}
	})
	node.RegisterNetwork("node_test.stuck", func(name string, _ []byte) (distributed.Network, error) {
		return stuckNetwork{distributed.Memory().Node(name)}, nil
	})
}

// TestOrphans: a node that loses its parent ends at once: while it makes its network, and also
// when it was told to end and does not.
func TestOrphans(t *testing.T) {
	for _, tt := range []struct{ kind, order, says string }{
		{"node_test.slow", "", "opening\n"},
		{"node_test.stuck", `{"Stop":true}`, "closing\n"},
		{"node_test.stuck", "no JSON", "closing\n"},
	} {
		out, stdout := io.Pipe()
		r, err := node.Local{}.Launch(stdout, t.Output())
		must(t, err)
		_, err = fmt.Fprintf(r.Stdin(), "{\"Version\":1,\"Node\":\"a\",\"Kind\":%q,\"Network\":{}}\n%s\n", tt.kind, tt.order)
		must(t, err)
		for said, in := "", bufio.NewReader(out); said != tt.says; {
			said, err = in.ReadString('\n')
			must(t, err)
		}
		go func() { _, _ = io.Copy(io.Discard, out) }()
		kill := time.AfterFunc(10*time.Second, func() {
			t.Errorf("%s, told %q: the node does not end", tt.kind, tt.order)
			r.Kill()
		})
		began := time.Now()
		must(t, r.Stdin().Close())
		if err := r.Wait(); err == nil {
			t.Errorf("%s, told %q: the status is 0", tt.kind, tt.order)
		}
		t.Logf("%s, told %q: it ended after %v", tt.kind, tt.order, time.Since(began))
		kill.Stop()
		_ = stdout.Close()
	}
}
