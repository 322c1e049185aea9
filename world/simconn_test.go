package world_test

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
	"pgregory.net/rapid"
)

// simPair makes a connection with a send buffer of that many bytes.
func simPair(t *testing.T, buffer int) (client, server *world.SimConn) {
	t.Helper()
	n := world.NewSimNetwork("test")
	n.SendBuffer = buffer
	c, s := pair(t, n)
	return c.(*world.SimConn), s.(*world.SimConn)
}

// A write waits exactly while the send buffer is full.
func TestSimConnSendBuffer(t *testing.T) {
	for _, size := range []int{1, 10, 511, 512, 513, 64 << 10} {
		synctest.Test(t, func(t *testing.T) {
			client, server := simPair(t, size)
			mustWrite(t, client, strings.Repeat("x", size))
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
			wantText(t, server, "x")
			synctest.Wait()
			if done {
				t.Fatalf("a buffer of %d took two bytes for one", size)
			}
			wantText(t, server, strings.Repeat("x", size-1)+"y")
			synctest.Wait()
			if !done || err != nil {
				t.Errorf("a buffer of %d has room, and the write: done %v, %v", size, done, err)
			}
			wantText(t, server, "z")
		})
	}
}

func TestSimConnDefaultSendBuffer(t *testing.T) {
	client, _ := simPair(t, 0)
	if n, err := client.TryWrite(make([]byte, 1<<20)); n != 64<<10 || err != nil {
		t.Errorf("it took %d bytes, %v", n, err)
	}
}

func TestSimConnTryWrite(t *testing.T) {
	var _ world.TryWriter = (*world.SimConn)(nil)
	synctest.Test(t, func(t *testing.T) {
		client, server := simPair(t, 4)
		for _, want := range []int{4, 0} {
			if n, err := client.TryWrite([]byte("abcdef")); n != want || err != nil {
				t.Errorf("it took %d bytes, %v; want %d", n, err, want)
			}
		}
		wantText(t, server, "abcd")
		go client.Write([]byte("123456"))
		synctest.Wait()
		wantText(t, server, "12")
		if n, err := client.TryWrite([]byte("x")); n != 0 || err != nil {
			t.Errorf("it took %d bytes, %v amid another write", n, err)
		}
		wantText(t, server, "3456")
		synctest.Wait()
		client.Close()
		if n, err := client.TryWrite([]byte("x")); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close it took %d bytes, %v", n, err)
		}
	})
}

// A reset ends calls that wait at the other end, and loses what is under way.
func TestSimConnReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := simPair(t, 4)
		mustWrite(t, server, "lost")
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
		wantFailure(t, client, syscall.ECONNRESET)
		wantFailure(t, server, net.ErrClosed)
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

// The first write to who is gone is lost without a sign.
func TestSimConnWriteToWhoIsGone(t *testing.T) {
	client, server := simPair(t, 0)
	mustWrite(t, server, "bye")
	server.Close()
	mustWrite(t, client, "lost")
	if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("the second write gave %v", err)
	}
	wantText(t, client, "bye")
	wantFailure(t, client, io.EOF)
}

// After CloseRead what arrives is thrown away, so the other end never waits.
func TestSimConnCloseRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := simPair(t, 4)
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
		mustWrite(t, client, "and much more")
		wantFailure(t, server, io.EOF)
		mustWrite(t, server, "yes")
		server.Close() // nothing is unread, so this is no reset
		wantText(t, client, "yes")
		wantFailure(t, client, io.EOF)
	})
}

// A CloseWrite or CloseRead ends calls that wait at the same end.
func TestSimConnHalfCloseUnblocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := simPair(t, 1)
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

// Deadlines follow the clock of the bubble, and may be moved while somebody
// waits.
func TestSimConnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := simPair(t, 1)
		start := time.Now()
		client.SetDeadline(start.Add(time.Minute))
		reads, writes := make(chan time.Duration), make(chan time.Duration)
		go func() {
			wantFailure(t, client, os.ErrDeadlineExceeded)
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

// A closed connection leaves no timer behind that would keep it.
func TestSimConnCloseForgetsDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := simPair(t, 0)
		start := time.Now()
		client.SetDeadline(start.Add(time.Minute))
		client.Close()
		wantFailure(t, client, net.ErrClosed)
		server.SetDeadline(start.Add(2 * time.Minute))
		wantFailure(t, server, io.EOF)
		if time.Since(start) != 0 {
			t.Errorf("it took %v", time.Since(start))
		}
	})
}

// Bytes come out as they went in, however they are cut into pieces.
func TestSimConnRandom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(1, 2000).Draw(rt, "buffer")
		client, server := simPair(t, limit)
		var under []byte // way
		next := byte(0)
		rt.Repeat(map[string]func(*rapid.T){
			"write": func(rt *rapid.T) {
				p := make([]byte, rapid.IntRange(0, 3000).Draw(rt, "n"))
				for i := range p {
					next++
					p[i] = next
				}
				n, err := client.TryWrite(p)
				if want := min(len(p), limit-len(under)); n != want || err != nil {
					rt.Fatalf("wrote %d, %v; want %d", n, err, want)
				}
				under = append(under, p[:n]...)
			},
			"read": func(rt *rapid.T) {
				if len(under) == 0 {
					rt.Skip("a read would wait")
				}
				p := make([]byte, rapid.IntRange(1, 3000).Draw(rt, "n"))
				n, err := server.Read(p)
				if want := min(len(p), len(under)); n != want || err != nil || !bytes.Equal(p[:n], under[:n]) {
					rt.Fatalf("read %d, %v; want %d", n, err, want)
				}
				under = under[n:]
			},
		})
	})
}
