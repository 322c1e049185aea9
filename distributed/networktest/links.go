package networktest

import (
	"bytes"
	"errors"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// frames sends frames of many sizes, which arrive whole and in order.
func frames(t *testing.T, c Config) {
	client, home := pair(t, c)
	sizes := []int{1, 2, 3, 4, 5, 64, 1000, 4091, 4092, 4093, 16383, 16384, 16385, 1 << 15, 1<<16 + 1, wire.MaxFrame - 1, wire.MaxFrame}
	for _, from := range []distributed.Link{client, home} {
		to := client
		if from == client {
			to = home
		}
		for i, n := range sizes {
			f := bytes.Repeat([]byte{byte(i + 1)}, n)
			Send(t, from, bytes.Clone(f))
			if got := Receive(t, to); !bytes.Equal(got, f) {
				t.Fatalf("a frame of %d bytes has arrived with %d, or others", n, len(got))
			}
		}
	}
}

// bothWays sends in both directions at once.
func bothWays(t *testing.T, c Config) {
	client, home := pair(t, c)
	const n = 2000
	var work sync.WaitGroup
	for _, ends := range [][2]distributed.Link{{client, home}, {home, client}} {
		turn := make(chan struct{}, 64) // frames on the way, so that no link is slow
		work.Go(func() {
			for i := range uint64(n) {
				turn <- struct{}{}
				if err := ends[0].Send(numbered(i, 8+int(i%300))); err != nil {
					t.Error(err)
					return
				}
			}
		})
		work.Go(func() {
			for i := range uint64(n) {
				f, err := ends[1].Receive()
				if err != nil || wantNumbered(t, f) != i {
					t.Errorf("%v after %d of %d frames", err, i, n)
					return
				}
				<-turn
			}
		})
	}
	within(t, "sending both ways", work.Wait)
}

// keptFrames keeps all frames, and looks at them at the end: the network does not use their
// memory for others.
func keptFrames(t *testing.T, c Config) {
	client, home := pair(t, c)
	var kept [][]byte
	for i := range uint64(300) {
		Send(t, client, numbered(i, 8+int(i*i%5000)))
		kept = append(kept, Receive(t, home))
	}
	for i, f := range kept {
		if got := wantNumbered(t, f); got != uint64(i) {
			t.Errorf("frame %d has become frame %d", i, got)
		}
	}
}

// sendDoesNotWait sends more than any buffer of a system holds to a side that does not
// receive.
func sendDoesNotWait(t *testing.T, c Config) {
	client, home := pair(t, c)
	const n, size = 600, 1 << 16
	within(t, "sending to a side that does not receive", func() {
		for i := range uint64(n) {
			if err := client.Send(numbered(i, size)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	if c.Lossy {
		return
	}
	for i := range uint64(n) {
		if got := wantNumbered(t, Receive(t, home)); got != i {
			t.Fatalf("frame %d has arrived instead of %d", got, i)
		}
	}
}

// sentBeforeClose: frames that were sent before Close arrive.
func sentBeforeClose(t *testing.T, c Config) {
	client, home := pair(t, c)
	const n = 50
	for i := range uint64(n) {
		Send(t, home, numbered(i, 8+100*int(i)))
		Send(t, client, numbered(i, 8)) // which the side that closes never receives
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = home.Close()
	}()
	for i := range uint64(n) {
		if got := wantNumbered(t, Receive(t, client)); got != i {
			t.Fatalf("frame %d has arrived instead of %d", got, i)
		}
	}
	if f, err := client.Receive(); err == nil {
		t.Errorf("after the end %d bytes have arrived", len(f))
	}
	_ = client.Close()
	within(t, "closing a link", func() { <-done })
}

// closeUnblocksReceive: so does Close on both sides.
func closeUnblocksReceive(t *testing.T, c Config) {
	client, home := pair(t, c)
	begun, ended := make(chan struct{}, 2), make(chan error, 2)
	for _, l := range []distributed.Link{client, home} {
		Send(t, l, []byte("first"))
		go func() {
			_, err := l.Receive()
			begun <- struct{}{}
			if err == nil {
				_, err = l.Receive()
			}
			ended <- err
		}()
	}
	within(t, "the first frames", func() {
		for range 2 {
			<-begun
		}
	})
	for range 1000 {
		runtime.Gosched() // so that both are in Receive
	}
	within(t, "closing a link", func() { _ = client.Close() })
	within(t, "the end of Receive", func() {
		for range 2 {
			if err := <-ended; err == nil {
				t.Error("a frame has arrived that was not sent")
			}
		}
	})
	for _, l := range []distributed.Link{client, home} {
		if _, err := l.Receive(); err == nil {
			t.Error("Receive returns a frame after the end")
		}
	}
	if err := client.Send([]byte("late")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send after Close: %v; want net.ErrClosed", err)
	}
	if _, err := client.Receive(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Receive after Close: %v; want net.ErrClosed", err)
	}
}

// closeFromMany closes both ends from several goroutines, while others send and receive.
func closeFromMany(t *testing.T, c Config) {
	client, home := pair(t, c)
	var work sync.WaitGroup
	for _, l := range []distributed.Link{client, home} {
		work.Go(func() {
			for l.Send(numbered(1, 1000)) == nil {
			}
		})
		work.Go(func() {
			for {
				if _, err := l.Receive(); err != nil {
					return
				}
			}
		})
		for range 3 {
			work.Go(func() { _ = l.Close() })
		}
	}
	within(t, "the end of all", work.Wait)
}

// endIsSeen: when one side has closed, sending fails on the other side at some time.
func endIsSeen(t *testing.T, c Config) {
	client, home := pair(t, c)
	within(t, "closing a link", func() { _ = home.Close() })
	if reason := Ended(t, client); reason.Error() == "" {
		t.Error("the reason has no text")
	}
	within(t, "the end of Send", func() {
		for client.Send(numbered(1, 1000)) == nil {
		}
	})
}
