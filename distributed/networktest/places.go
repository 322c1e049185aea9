package networktest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// names: networks are comparable, and their names differ and stay.
func names(t *testing.T, c Config) {
	ns := c.Make(t, "a", "b")
	for i, n := range ns {
		if !reflect.ValueOf(n).Comparable() {
			t.Errorf("a %T cannot be compared", n)
		}
		if want := []string{"a", "b"}[i]; n.Node() != want {
			t.Errorf("node %q has the name %q", want, n.Node())
		}
		if n.NetworkName() == "" {
			t.Error("the network has no name")
		}
	}
	if ns[0] == ns[1] || ns[0].NetworkName() == ns[1].NetworkName() {
		t.Error("the networks of two nodes are the same, or have the same name")
	}
	if again := c.Make(t, "a"); again[0].NetworkName() != ns[0].NetworkName() {
		t.Errorf("the network has the name %q in one run, and %q in the next", ns[0].NetworkName(), again[0].NetworkName())
	}
}

// peers: each end of a link knows the name of the node at the other end.
func peers(t *testing.T, c Config) {
	client, home := pair(t, c)
	if client.Peer() != "b" || home.Peer() != "a" {
		t.Errorf("the client says that it talks to %q, and the home, to %q", client.Peer(), home.Peer())
	}
}

// routing: links go to the places that they are for.
func routing(t *testing.T, c Config) {
	ns := c.Make(t, "a", "b", "c")
	places := []string{"", "room", "röom/1 \"x\""}
	offers := map[distributed.Network][]distributed.Offer{}
	for _, n := range ns {
		for _, p := range places {
			offers[n] = append(offers[n], Offer(t, n, p))
		}
	}
	for _, from := range ns {
		for _, to := range ns {
			if from == to {
				continue
			}
			for i, p := range places {
				client := Dial(t, from, to.Node(), p)
				home := Accept(t, offers[to][i], to.Node(), p)
				if client.Peer() != to.Node() || home.Peer() != from.Node() {
					t.Errorf("from %q to %q: the peers are %q and %q", from.Node(), to.Node(), home.Peer(), client.Peer())
				}
				closeAll(t, client, home)
			}
		}
	}
}

// manyLinks: links do not disturb each other.
func manyLinks(t *testing.T, c Config) {
	ns := c.Make(t, "a", "b")
	o := Offer(t, ns[1], "room")
	const n = 20
	var work sync.WaitGroup
	work.Go(func() { // an echo
		for range n {
			l, err := o.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			work.Go(func() {
				defer l.Close()
				for {
					f, err := l.Receive()
					if err != nil || l.Send(f) != nil {
						return
					}
				}
			})
		}
	})
	var clients []distributed.Link
	for range n {
		l := Dial(t, ns[0], "b", "room")
		Receive(t, l) // the HELLO
		clients = append(clients, l)
	}
	for i := range uint64(20 * n) {
		l := clients[i%n]
		Send(t, l, numbered(i, 100))
		if got := wantNumbered(t, Receive(t, l)); got != i {
			t.Fatalf("frame %d has come back instead of %d", got, i)
		}
	}
	closeAll(t, clients...)
	within(t, "the end of the links", work.Wait)
}

// bothDial: two nodes dial each other at the same time, and both links work.
func bothDial(t *testing.T, c Config) {
	ns := c.Make(t, "a", "b")
	offers := []distributed.Offer{Offer(t, ns[0], "room"), Offer(t, ns[1], "room")}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 10 {
		var clients, homes [2]distributed.Link
		var work sync.WaitGroup
		begin := make(chan struct{})
		for i := range ns {
			to := ns[1-i].Node()
			work.Go(func() {
				<-begin
				l, err := ns[i].Dial(ctx, to, "room")
				if err == nil {
					err = l.Send(Hello(to, "room"))
				}
				if err != nil {
					t.Errorf("node %q dials node %q: %v", ns[i].Node(), to, err)
				}
				clients[i] = l
			})
			work.Go(func() {
				<-begin
				l, err := offers[i].Accept()
				if err == nil {
					_, err = l.Receive() // the HELLO
				}
				if err != nil {
					t.Errorf("node %q accepts a link: %v", ns[i].Node(), err)
				}
				homes[i] = l
			})
		}
		close(begin)
		within(t, "dialing from both sides", work.Wait)
		if t.Failed() {
			return
		}
		for i, client := range clients {
			home := homes[1-i]
			if client.Peer() != ns[1-i].Node() || home.Peer() != ns[i].Node() {
				t.Errorf("the peers are %q and %q", client.Peer(), home.Peer())
			}
			Send(t, client, numbered(uint64(i), 100))
			Send(t, home, numbered(uint64(i+2), 100))
			if up, down := wantNumbered(t, Receive(t, home)), wantNumbered(t, Receive(t, client)); up != uint64(i) || down != uint64(i+2) {
				t.Errorf("frames %d and %d have arrived on link %d", up, down, i)
			}
		}
		closeAll(t, clients[0], clients[1], homes[0], homes[1])
	}
}

// offeredTwice: a place is offered once at a time.
func offeredTwice(t *testing.T, c Config) {
	n := c.Make(t, "a")[0]
	for range 3 {
		o, err := n.Offer(t.Context(), "room")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := n.Offer(t.Context(), "room"); err == nil {
			_ = again.Close()
			t.Error("a place is offered twice")
		}
		other, err := n.Offer(t.Context(), "hall")
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []distributed.Offer{o, other, o} {
			if err := o.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// noSuchPlace: the client hears that a place is not there, in answer to its HELLO.
func noSuchPlace(t *testing.T, c Config) {
	ns := c.Make(t, "a", "b")
	Offer(t, ns[1], "room")
	f, err := wire.ReadFrame(Receive(t, Dial(t, ns[0], "b", "hall")))
	if err != nil || f.Kind != wire.REFUSE {
		t.Fatalf("the answer is a %v frame, %v; want a REFUSE", f.Kind, err)
	}
	if reason, err := wire.ReadReason(f.Body); err != nil || !errors.Is(reason, session.ErrNoPlace) {
		t.Errorf("the reason is %v, %v; want ErrNoPlace", reason, err)
	}
}

// closeOfAnOffer: Close ends Accept, and what is closed can be offered again.
func closeOfAnOffer(t *testing.T, c Config) {
	ns := c.Make(t, "a", "b")
	for range 3 {
		o := Offer(t, ns[1], "room")
		ended := make(chan error, 1)
		go func() {
			_, err := o.Accept()
			ended <- err
		}()
		within(t, "closing an offer", func() { _ = o.Close() })
		within(t, "the end of Accept", func() {
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept: %v; want net.ErrClosed", err)
			}
		})
		if _, err := o.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v; want net.ErrClosed", err)
		}
	}
	Pair(t, ns)
}

// linksOutliveOffer: a link stays when its offer is closed.
func linksOutliveOffer(t *testing.T, c Config) {
	ns := c.Make(t, "a", "b")
	o := Offer(t, ns[1], "room")
	client := Dial(t, ns[0], "b", "room")
	home := Accept(t, o, "b", "room")
	defer closeAll(t, client, home)
	within(t, "closing an offer", func() { _ = o.Close() })
	Send(t, client, numbered(1, 100))
	wantNumbered(t, Receive(t, home))
	Send(t, home, numbered(2, 100))
	wantNumbered(t, Receive(t, client))
}

// nobodyAccepts: links that nobody has accepted end with their offer.
func nobodyAccepts(t *testing.T, c Config) {
	ns := c.Make(t, "a", "b")
	o := Offer(t, ns[1], "room")
	var clients []distributed.Link
	for range 5 {
		clients = append(clients, Dial(t, ns[0], "b", "room"))
	}
	first := Accept(t, o, "b", "room")
	within(t, "closing an offer", func() { _ = o.Close() })
	_ = first.Close()
	for _, l := range clients {
		Ended(t, l)
	}
}

// unknownNode: dialing a node that the network does not know fails.
func unknownNode(t *testing.T, c Config) {
	n := c.Make(t, "a", "b")[0]
	for _, node := range []string{"", "nobody"} {
		within(t, "dialing a node that is not there", func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if l, err := n.Dial(ctx, node, "room"); err == nil {
				_ = l.Close()
				t.Errorf("node %q is there", node)
			}
		})
	}
}

// dialContext: a context that has ended ends Dial, and one that ends later does nothing.
func dialContext(t *testing.T, c Config) {
	ns := c.Make(t, "a", "b")
	o := Offer(t, ns[1], "room")
	ctx, cancel := context.WithCancelCause(t.Context())
	client, err := ns[0].Dial(ctx, "b", "room")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	cancel(errors.New("over"))
	Send(t, client, Hello("b", "room"))
	home := Accept(t, o, "b", "room")
	defer closeAll(t, client, home)
	Send(t, home, numbered(1, 100))
	wantNumbered(t, Receive(t, client))
	if l, err := ns[0].Dial(ctx, "b", "room"); err == nil {
		_ = l.Close()
		t.Error("Dial with a context that has ended makes a link")
	}
}

// watch: a watch has the other nodes at once, in order, and ends when it is closed.
func watch(t *testing.T, c Config) {
	ns := c.Make(t, "b", "a", "c")
	for _, n := range ns {
		Offer(t, n, "room")
	}
	w, err := ns[0].Watch(t.Context(), "room")
	if err != nil {
		t.Fatal(err)
	}
	within(t, "the nodes", func() {
		for want := []string{"a", "c"}; ; {
			nodes, err := w.Next()
			if err != nil || !slices.IsSorted(nodes) || slices.Contains(nodes, "b") {
				t.Errorf("node b knows of %q, %v; want %q", nodes, err, want)
				return
			}
			if slices.Equal(nodes, want) {
				return
			}
		}
	})
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := w.Next(); err != nil {
				ended <- err
				return
			}
		}
	}()
	for range 2 {
		if err := w.Close(); err != nil {
			t.Error(fmt.Errorf("closing the watch: %w", err))
		}
	}
	within(t, "the end of the watch", func() {
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Next after Close: %v; want net.ErrClosed", err)
		}
	})
}
