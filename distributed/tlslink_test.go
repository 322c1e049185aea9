package distributed_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/networktest"
)

// TestTLSNamesOfNodes: any text can be the name of a node.
func TestTLSNamesOfNodes(t *testing.T) {
	for _, names := range [][]string{{"a/b", "a%2Fb"}, {"ö ?#&", "\x00"}, {"..", "."}, {"//", "[:]@"}} {
		client, home := networktest.Pair(t, asNetworks(realm(t, names...)))
		if client.Peer() != names[1] || home.Peer() != names[0] {
			t.Errorf("the peers are %q and %q; want %q", home.Peer(), client.Peer(), names)
		}
	}
}

// TestTLSStalledReader: to a side that does not receive, Send does not wait, and keeps no more
// memory than a few times what was sent, until it is on its way.
func TestTLSStalledReader(t *testing.T) {
	client, home := networktest.Pair(t, asNetworks(realm(t, "a", "b")))
	const n, size = 2000, 16 << 10
	f := make([]byte, size)
	before := heap()
	var longest time.Duration
	for i := range uint32(n) {
		binary.BigEndian.PutUint32(f, i)
		begin := time.Now()
		networktest.Send(t, client, f)
		longest = max(longest, time.Since(begin))
	}
	if kept := heap() - before; kept > 3*n*size {
		t.Errorf("%d MiB were sent, and the heap has grown by %d MiB", n*size>>20, kept>>20)
	}
	for i := range uint32(n) {
		if got := binary.BigEndian.Uint32(networktest.Receive(t, home)); got != i {
			t.Fatalf("frame %d has arrived instead of %d", got, i)
		}
	}
	if kept := heap() - before; kept > 4<<20 {
		t.Errorf("all has arrived, and the heap has grown by %d MiB", kept>>20)
	}
	t.Logf("the longest Send has taken %v", longest)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestTLSCloseWhileStalled: Close waits for a short time only.
func TestTLSCloseWhileStalled(t *testing.T) {
	for name, prepare := range map[string]func(*distributed.TLSNetwork) *distributed.TLSNetwork{
		"try": func(n *distributed.TLSNetwork) *distributed.TLSNetwork { return n }, "portable": distributed.Portable,
	} {
		t.Run(name, func(t *testing.T) {
			ns := realm(t, "a", "b")
			prepare(ns[0])
			client, home := networktest.Pair(t, asNetworks(ns))
			for range 1000 {
				networktest.Send(t, client, make([]byte, 16<<10))
			}
			begin := time.Now()
			if err := client.Close(); err != nil {
				t.Error(err)
			}
			if d := time.Since(begin); d > 10*time.Second {
				t.Errorf("Close has taken %v", d)
			}
			networktest.Ended(t, home)
		})
	}
}

// TestTLSIdleLinks: a link on which nothing happens has no goroutine, except that which is in
// Receive.
func TestTLSIdleLinks(t *testing.T) {
	ns := realm(t, "a", "b")
	o := networktest.Offer(t, ns[1], "room")
	before := runtime.NumGoroutine()
	var links []distributed.Link
	for range 10 {
		client := networktest.Dial(t, ns[0], "b", "room")
		links = append(links, client, networktest.Accept(t, o, "b", "room"))
		networktest.Send(t, client, make([]byte, 1000))
		networktest.Receive(t, links[len(links)-1])
	}
	await(t, func() bool { return runtime.NumGoroutine() <= before }, func() string {
		return fmt.Sprintf("there were %d goroutines, and with %d links there are %d", before, len(links), runtime.NumGoroutine())
	})
	for _, l := range links {
		go l.Close()
	}
}
