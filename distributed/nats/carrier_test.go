package nats_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace/distributed/nats"
)

// pairs are both ends of connections: within the process, and over TCP.
func pairs(t *testing.T, run func(t *testing.T, near, far net.Conn)) {
	t.Run("pipe", func(t *testing.T) {
		near, far := net.Pipe()
		run(t, near, far)
	})
	t.Run("TCP", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		near, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		run(t, near, far)
	})
}

// TestWritingDoesNotWait: what a server does not read waits in order, in a bounded amount; the
// connection of a server that reads too little is closed.
func TestWritingDoesNotWait(t *testing.T) {
	pairs(t, func(t *testing.T, near, far net.Conn) {
		const limit = 8 << 20
		c := nats.NewCarrier(near, limit)
		block := bytes.Repeat([]byte("0123456789abcdef"), 1<<12)
		var sent int
		for sent < limit {
			n, err := c.Write(block)
			if err != nil || n != len(block) {
				t.Fatalf("after %d bytes: %d, %v", sent, n, err)
			}
			sent += n
		}
		got := make([]byte, sent)
		if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, bytes.Repeat(block, sent/len(block))) {
			t.Fatalf("other bytes have arrived than were sent, %v", err)
		}
		var err error
		for over := 0; err == nil; over += len(block) {
			if over > limit+64<<20 {
				t.Fatal("more waits than may")
			}
			_, err = c.Write(block)
		}
		if _, err := io.Copy(io.Discard, far); err != nil && err != io.ErrClosedPipe {
			t.Logf("the other side ends with %v", err)
		}
		if n, err := c.Write(block); err == nil {
			t.Errorf("%d bytes are written to a connection that is closed", n)
		}
		_ = c.Close()
		_ = far.Close()
	})
}

// TestWritingFromMany: writes of several goroutines stay whole.
func TestWritingFromMany(t *testing.T) {
	pairs(t, func(t *testing.T, near, far net.Conn) {
		c := nats.NewCarrier(near, 64<<20)
		const writers, writes, size = 8, 200, 1000
		var work sync.WaitGroup
		for i := range writers {
			work.Go(func() {
				for range writes {
					if _, err := c.Write(bytes.Repeat([]byte{byte(i)}, size)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		counts := map[byte]int{}
		block := make([]byte, size)
		for range writers * writes {
			if _, err := io.ReadFull(far, block); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(block, bytes.Repeat(block[:1], size)) {
				t.Fatal("a write was mixed with another one")
			}
			counts[block[0]]++
		}
		work.Wait()
		for i, n := range counts {
			if n != writes {
				t.Errorf("writer %d: %d writes have arrived", i, n)
			}
		}
		_ = c.Close()
		_ = far.Close()
	})
}
