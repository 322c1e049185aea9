package simnet_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/internal/networktest"
	"github.com/go-marketplace/marketplace/world/simnet"
	"pgregory.net/rapid"
)

// pair makes a connection with a send buffer of that many bytes.
func pair(t *testing.T, buffer int) (client, server *simnet.Conn) {
	t.Helper()
	n := simnet.New("test")
	n.SendBuffer = buffer
	c, s := networktest.Pair(t, n)
	return c.(*simnet.Conn), s.(*simnet.Conn)
}

// A write waits exactly while the send buffer is full.
func TestConnSendBuffer(t *testing.T) {
	for _, size := range []int{1, 10, 511, 512, 513, 64 << 10} {
		synctest.Test(t, func(t *testing.T) {
			client, server := pair(t, size)
			networktest.Write(t, client, strings.Repeat("x", size))
			var err error
			done := false
			go func() {
				_, err = io.WriteString(client, "yz")
				done = true
			}()
			synctest.Wait()
			if done {
				t.Fatalf("a buffer of %d took more", size)
			}
			networktest.WantText(t, server, "x")
			synctest.Wait()
			if done {
				t.Fatalf("a buffer of %d took two bytes for one", size)
			}
			networktest.WantText(t, server, strings.Repeat("x", size-1)+"y")
			synctest.Wait()
			if !done || err != nil {
				t.Errorf("a buffer of %d has room, and the write: done %v, %v", size, done, err)
			}
			networktest.WantText(t, server, "z")
		})
	}
}

func TestConnDefaultSendBuffer(t *testing.T) {
	client, _ := pair(t, 0)
	if n, err := client.TryWrite(make([]byte, 1<<20)); n != 64<<10 || err != nil {
		t.Errorf("it took %d bytes, %v", n, err)
	}
}

func TestConnTryWrite(t *testing.T) {
	var _ world.TryWriter = (*simnet.Conn)(nil)
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, 4)
		for _, want := range []int{4, 0} {
			if n, err := client.TryWrite([]byte("abcdef")); n != want || err != nil {
				t.Errorf("it took %d bytes, %v; want %d", n, err, want)
			}
		}
		networktest.WantText(t, server, "abcd")
		go client.Write([]byte("123456"))
		synctest.Wait()
		networktest.WantText(t, server, "12")
		if n, err := client.TryWrite([]byte("x")); n != 0 || err != nil {
			t.Errorf("it took %d bytes, %v amid another write", n, err)
		}
		networktest.WantText(t, server, "3456")
		synctest.Wait()
		client.Close()
		if n, err := client.TryWrite([]byte("x")); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close it took %d bytes, %v", n, err)
		}
	})
}

// A reset ends calls that wait at the other end, and discards the data.
func TestConnReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, 4)
		networktest.Write(t, server, "lost")
		done := make(chan error)
		go func() {
			n, err := client.Write([]byte("abcdef"))
			if n != 4 {
				t.Errorf("wrote %d", n)
			}
			done <- err
		}()
		synctest.Wait()
		if err := server.Reset(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the write gave %v", err)
		}
		networktest.WantError(t, client, syscall.ECONNRESET)
		networktest.WantError(t, server, net.ErrClosed)
		if err := server.Reset(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the second reset gave %v", err)
		}
		if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the next write gave %v", err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
}

// The first write to a closed end succeeds, and its data is lost.
func TestConnWriteToClosedEnd(t *testing.T) {
	client, server := pair(t, 0)
	networktest.Write(t, server, "bye")
	server.Close()
	networktest.Write(t, client, "lost")
	if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("the second write gave %v", err)
	}
	networktest.WantText(t, client, "bye")
	networktest.WantError(t, client, io.EOF)
}

// After CloseRead arriving data is discarded, so the other end never waits.
func TestConnCloseRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, 4)
		done := make(chan error)
		go func() {
			_, err := client.Write([]byte("abcdef"))
			done <- err
		}()
		synctest.Wait()
		if err := server.CloseRead(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("the write that waited gave %v", err)
		}
		networktest.Write(t, client, "and much more")
		networktest.WantError(t, server, io.EOF)
		networktest.Write(t, server, "yes")
		server.Close() // nothing is unread, so this is no reset
		networktest.WantText(t, client, "yes")
		networktest.WantError(t, client, io.EOF)
	})
}

// A CloseWrite or CloseRead ends calls that wait at the same end.
func TestConnHalfCloseUnblocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := pair(t, 1)
		reads, writes := make(chan error), make(chan error)
		go func() {
			_, err := client.Read(make([]byte, 1))
			reads <- err
		}()
		go func() {
			_, err := client.Write([]byte("ab"))
			writes <- err
		}()
		synctest.Wait()
		client.CloseRead()
		client.CloseWrite()
		if err := <-reads; err != io.EOF {
			t.Errorf("the read gave %v", err)
		}
		if err := <-writes; !errors.Is(err, syscall.EPIPE) {
			t.Errorf("the write gave %v", err)
		}
	})
}

// Deadlines follow the clock of the bubble, and can change while a call waits.
func TestConnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := pair(t, 1)
		start := time.Now()
		client.SetDeadline(start.Add(time.Minute))
		reads, writes := make(chan time.Duration), make(chan time.Duration)
		go func() {
			networktest.WantError(t, client, os.ErrDeadlineExceeded)
			reads <- time.Since(start)
		}()
		go func() {
			if n, err := client.Write([]byte("ab")); n != 1 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("wrote %d, %v", n, err)
			}
			writes <- time.Since(start)
		}()
		synctest.Wait()
		client.SetReadDeadline(start.Add(time.Hour))
		if got := <-writes; got != time.Minute {
			t.Errorf("the write took %v", got)
		}
		if got := <-reads; got != time.Hour {
			t.Errorf("the read took %v", got)
		}
	})
}

// Closing a connection stops its timers.
func TestConnCloseForgetsDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, 0)
		start := time.Now()
		client.SetDeadline(start.Add(time.Minute))
		client.Close()
		networktest.WantError(t, client, net.ErrClosed)
		server.SetDeadline(start.Add(2 * time.Minute))
		networktest.WantError(t, server, io.EOF)
		if time.Since(start) != 0 {
			t.Errorf("it took %v", time.Since(start))
		}
	})
}

// Bytes come out as they went in, however they are cut into pieces.
func TestConnRandom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(1, 2000).Draw(rt, "buffer")
		client, server := pair(t, limit)
		var unread []byte
		next := byte(0)
		rt.Repeat(map[string]func(*rapid.T){
			"write": func(rt *rapid.T) {
				p := make([]byte, rapid.IntRange(0, 3000).Draw(rt, "n"))
				for i := range p {
					next++
					p[i] = next
				}
				n, err := client.TryWrite(p)
				if want := min(len(p), limit-len(unread)); n != want || err != nil {
					rt.Fatalf("wrote %d, %v; want %d", n, err, want)
				}
				unread = append(unread, p[:n]...)
			},
			"read": func(rt *rapid.T) {
				if len(unread) == 0 {
					rt.Skip("a read would wait")
				}
				p := make([]byte, rapid.IntRange(1, 3000).Draw(rt, "n"))
				n, err := server.Read(p)
				if want := min(len(p), len(unread)); n != want || err != nil || !bytes.Equal(p[:n], unread[:n]) {
					rt.Fatalf("read %d, %v; want %d", n, err, want)
				}
				unread = unread[n:]
			},
		})
	})
}
