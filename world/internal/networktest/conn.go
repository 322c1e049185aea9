package networktest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestConn tests what a connection does, on any network.
func TestConn(t *testing.T, run Runner) {
	tests := []struct {
		name string
		test func(t *testing.T, client, server TCPConn)
	}{
		{"echo", func(t *testing.T, client, server TCPConn) {
			done := make(chan error)
			go func() {
				_, err := io.Copy(server, server)
				server.CloseWrite()
				done <- err
			}()
			Write(t, client, "hello, ")
			WantText(t, client, "hello, ")
			Write(t, client, "world")
			client.CloseWrite()
			WantText(t, client, "world")
			WantError(t, client, io.EOF)
			if err := <-done; err != nil {
				t.Error(err)
			}
		}},
		{"half-close", func(t *testing.T, client, server TCPConn) {
			Write(t, client, "question")
			if err := client.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			WantText(t, server, "question")
			WantError(t, server, io.EOF)
			Write(t, server, "answer")
			WantText(t, client, "answer")
			if _, err := client.Write([]byte("more")); !errors.Is(err, syscall.EPIPE) {
				t.Errorf("write after CloseWrite: %v", err)
			}
		}},
		{"end of file after the data", func(t *testing.T, client, server TCPConn) {
			Write(t, server, "bye")
			server.Close()
			WantText(t, client, "bye")
			WantError(t, client, io.EOF)
			WantError(t, client, io.EOF)
		}},
		{"nothing more is read", func(t *testing.T, client, server TCPConn) {
			if err := client.CloseRead(); err != nil {
				t.Fatal(err)
			}
			WantError(t, client, io.EOF)
			Write(t, client, "still writing")
			WantText(t, server, "still writing")
		}},
		{"reset", func(t *testing.T, client, server TCPConn) {
			server.SetLinger(0)
			server.Close()
			WantError(t, client, syscall.ECONNRESET)
		}},
		{"lingering is no reset", func(t *testing.T, client, server TCPConn) {
			server.SetLinger(0)
			server.SetLinger(-1)
			server.Close()
			WantError(t, client, io.EOF)
		}},
		{"unread data resets", func(t *testing.T, client, server TCPConn) {
			Write(t, client, "ab")
			WantText(t, server, "a")
			server.Close()
			WantError(t, client, syscall.ECONNRESET)
		}},
		{"writing to a closed end", func(t *testing.T, client, server TCPConn) {
			server.Close()
			for {
				if _, err := client.Write([]byte("x")); err != nil {
					if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
						t.Error(err)
					}
					return
				}
			}
		}},
		{"read deadline", func(t *testing.T, client, server TCPConn) {
			client.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			WantError(t, client, os.ErrDeadlineExceeded)
			Write(t, server, "x")
			WantError(t, client, os.ErrDeadlineExceeded)
			client.SetReadDeadline(time.Time{})
			WantText(t, client, "x")
		}},
		{"a deadline in the past unblocks", func(t *testing.T, client, server TCPConn) {
			done := make(chan error)
			go func() {
				_, err := client.Read(make([]byte, 1))
				done <- err
			}()
			client.SetDeadline(time.Unix(1, 0))
			if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
			if _, err := client.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
		}},
		{"close unblocks a read", func(t *testing.T, client, server TCPConn) {
			done := make(chan error)
			go func() {
				_, err := client.Read(make([]byte, 1))
				done <- err
			}()
			client.Close()
			if err := <-done; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}},
		{"close unblocks a write", func(t *testing.T, client, server TCPConn) {
			done := make(chan error)
			go func() {
				for {
					if _, err := client.Write(make([]byte, 1<<20)); err != nil {
						done <- err
						return
					}
				}
			}()
			WantText(t, server, "\x00")
			client.Close()
			if err := <-done; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}},
		{"after close", func(t *testing.T, client, server TCPConn) {
			if err := client.Close(); err != nil {
				t.Fatal(err)
			}
			for name, err := range map[string]error{
				"Close":            client.Close(),
				"CloseRead":        client.CloseRead(),
				"CloseWrite":       client.CloseWrite(),
				"SetDeadline":      client.SetDeadline(time.Time{}),
				"SetReadDeadline":  client.SetReadDeadline(time.Time{}),
				"SetWriteDeadline": client.SetWriteDeadline(time.Time{}),
				"SetLinger":        client.SetLinger(0),
				"SetNoDelay":       client.SetNoDelay(true),
				"SetKeepAlive":     client.SetKeepAlive(true),
			} {
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("%s: %v", name, err)
				}
			}
			WantError(t, client, net.ErrClosed)
			if _, err := client.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write: %v", err)
			}
		}},
		{"options", func(t *testing.T, client, server TCPConn) {
			if err := errors.Join(client.SetNoDelay(false), client.SetKeepAlive(true), client.SetLinger(5)); err != nil {
				t.Error(err)
			}
		}},
		{"nothing to read or write", func(t *testing.T, client, server TCPConn) {
			if n, err := client.Read(nil); n != 0 || err != nil {
				t.Errorf("Read: %d, %v", n, err)
			}
			if n, err := client.Write(nil); n != 0 || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
		}},
		{"addresses", func(t *testing.T, client, server TCPConn) {
			local, ok := client.LocalAddr().(*net.TCPAddr)
			if !ok || local.String() != server.RemoteAddr().String() || !local.IP.IsLoopback() {
				t.Errorf("the client is %v here and %v there", client.LocalAddr(), server.RemoteAddr())
			}
			if client.RemoteAddr().String() != server.LocalAddr().String() {
				t.Errorf("the server is %v here and %v there", server.LocalAddr(), client.RemoteAddr())
			}
		}},
		{"a slow reader blocks the writer", func(t *testing.T, client, server TCPConn) {
			client.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			var written []byte
			for i := byte(0); ; i++ {
				piece := bytes.Repeat([]byte{i}, 10_001)
				n, err := client.Write(piece)
				written = append(written, piece[:n]...)
				if errors.Is(err, os.ErrDeadlineExceeded) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			client.Close()
			if got, err := io.ReadAll(server); err != nil || !bytes.Equal(got, written) {
				t.Errorf("wrote %d bytes, read %d: %v", len(written), len(got), err)
			}
		}},
		{"many bytes", func(t *testing.T, client, server TCPConn) {
			done := make(chan error)
			sent := bytes.Repeat([]byte("0123456789"), 100_000)
			go func() {
				_, err := client.Write(sent)
				client.Close()
				done <- err
			}()
			if got, err := io.ReadAll(server); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("wrote %d bytes, read %d: %v", len(sent), len(got), err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		}},
		{"writes do not mix", func(t *testing.T, client, server TCPConn) {
			const writers, size = 5, 300_000
			done := make(chan error)
			for i := range writers {
				go func() {
					_, err := client.Write(bytes.Repeat([]byte{byte(i)}, size))
					done <- err
				}()
			}
			for range writers {
				piece := make([]byte, size)
				if _, err := io.ReadFull(server, piece); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(piece, bytes.Repeat(piece[:1], size)) {
					t.Error("a write was torn")
				}
			}
			for range writers {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run(t, func(t *testing.T, network Network) {
				client, server := Pair(t, network)
				tt.test(t, client, server)
			})
		})
	}
}
