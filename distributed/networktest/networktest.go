// Package networktest is the suite of tests that every [distributed.Network] must pass. A
// test of a network calls [Test]:
//
//	func TestMine(t *testing.T) {
//		networktest.Test(t, networktest.Config{Make: func(t *testing.T, nodes ...string) []distributed.Network {
//			// networks of these nodes, which can reach each other
//		}})
//	}
//
// [Calls] is a soak for it. Run both with the race detector, and with goleak: the suite closes all that it opens.
package networktest

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// Config says what to test.
type Config struct {
	// Make returns networks of nodes with the given names, in this order, each of which can
	// reach all others. It uses t.Cleanup to close what the suite does not know of.
	Make func(t *testing.T, nodes ...string) []distributed.Network

	// Lossy says that a link may lose frames if the other side does not take them soon.
	Lossy bool
}

// Test runs the suite.
func Test(t *testing.T, c Config) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, c Config)
	}{
		{"names", names},
		{"frames of all sizes", frames},
		{"both ways at once", bothWays},
		{"frames can be kept", keptFrames},
		{"send does not wait", sendDoesNotWait},
		{"sent before close", sentBeforeClose},
		{"close unblocks receive", closeUnblocksReceive},
		{"close from many goroutines", closeFromMany},
		{"the end is seen", endIsSeen},
		{"peers", peers},
		{"routing", routing},
		{"many links", manyLinks},
		{"both sides dial", bothDial},
		{"offered twice", offeredTwice},
		{"no such place", noSuchPlace},
		{"close of an offer", closeOfAnOffer},
		{"links outlive their offer", linksOutliveOffer},
		{"links that nobody accepts", nobodyAccepts},
		{"unknown node", unknownNode},
		{"dialing ends with its context", dialContext},
		{"watch", watch},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, c) })
	}
}

// patience is how long the suite waits for what must happen.
const patience = 30 * time.Second

// within fails the test if f takes too long.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: it takes longer than %v", what, patience)
	}
}

// Hello returns the HELLO frame with which a client asks for a place: the first frame on
// every link.
func Hello(node, place string) []byte {
	h := wire.Hello{
		From: wire.Version, To: wire.Version, Node: node, Place: place,
		Terms: wire.Terms{Window: wire.MinWindow, Heartbeat: time.Second},
	}
	return wire.Frame{Kind: wire.HELLO, ID: wire.ID{Life: 1, Number: 1}, Body: h.Append(nil)}.Append(nil)
}

// Offer offers a place, and closes the offer at the end of the test.
func Offer(t *testing.T, n distributed.Network, place string) distributed.Offer {
	t.Helper()
	o, err := n.Offer(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { within(t, "closing an offer", func() { _ = o.Close() }) })
	return o
}

// Dial dials a place and says HELLO. It closes the link at the end of the test.
func Dial(t *testing.T, n distributed.Network, node, place string) distributed.Link {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	l, err := n.Dial(ctx, node, place)
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, l)
	if err := l.Send(Hello(node, place)); err != nil {
		t.Fatal(err)
	}
	return l
}

// Accept accepts a link, and takes its HELLO. It closes the link at the end of the test.
func Accept(t *testing.T, o distributed.Offer, node, place string) (l distributed.Link) {
	t.Helper()
	within(t, "accepting a link", func() {
		var err error
		if l, err = o.Accept(); err != nil {
			t.Error(err)
			l = nil
		}
	})
	if l == nil {
		t.FailNow()
	}
	closeLater(t, l)
	if got := Receive(t, l); !bytes.Equal(got, Hello(node, place)) {
		t.Fatalf("the first frame is %q; want the HELLO for %q", got, place)
	}
	return l
}

func closeLater(t *testing.T, l distributed.Link) {
	t.Cleanup(func() { within(t, "closing a link", func() { _ = l.Close() }) })
}

// Receive receives a frame.
func Receive(t *testing.T, l distributed.Link) (frame []byte) {
	t.Helper()
	within(t, "receiving a frame", func() {
		var err error
		if frame, err = l.Receive(); err != nil {
			t.Errorf("receiving a frame: %v", err)
			frame = nil
		}
	})
	if frame == nil {
		t.FailNow()
	}
	return frame
}

// Ended waits for the end of a link.
func Ended(t *testing.T, l distributed.Link) (reason error) {
	t.Helper()
	within(t, "the end of a link", func() {
		for reason == nil {
			_, reason = l.Receive()
		}
	})
	return reason
}

// Send sends a frame.
func Send(t *testing.T, l distributed.Link, frame []byte) {
	t.Helper()
	if err := l.Send(frame); err != nil {
		t.Fatal(err)
	}
}

// Pair returns the two ends of a link from the first node to a place on the second.
func Pair(t *testing.T, ns []distributed.Network) (client, home distributed.Link) {
	t.Helper()
	o := Offer(t, ns[1], "room")
	client = Dial(t, ns[0], ns[1].Node(), "room")
	home = Accept(t, o, ns[1].Node(), "room")
	t.Cleanup(func() { closeAll(t, client, home) })
	return client, home
}

// closeAll closes links at the same time, so that none waits for its other end.
func closeAll(t *testing.T, links ...distributed.Link) {
	t.Helper()
	var work sync.WaitGroup
	for _, l := range links {
		work.Go(func() { _ = l.Close() })
	}
	within(t, "closing links", work.Wait)
}

// pair makes two nodes and a link between them.
func pair(t *testing.T, c Config) (client, home distributed.Link) {
	t.Helper()
	return Pair(t, c.Make(t, "a", "b"))
}

// numbered returns a frame of a size, of at least 8 bytes, that begins with a number and
// depends on it.
func numbered(n uint64, size int) []byte {
	f := binary.BigEndian.AppendUint64(make([]byte, 0, size), n)
	for i := len(f); i < size; i++ {
		f = append(f, byte(n+uint64(i)))
	}
	return f
}

// wantNumbered checks that a frame is one of those that were sent, and returns its number.
func wantNumbered(t *testing.T, f []byte) uint64 {
	t.Helper()
	if len(f) < 8 {
		t.Fatalf("a frame of %d bytes was not sent", len(f))
	}
	n := binary.BigEndian.Uint64(f)
	if !bytes.Equal(f, numbered(n, len(f))) {
		t.Fatalf("frame %d has other bytes than were sent", n)
	}
	return n
}
