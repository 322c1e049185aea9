package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// The addresses of a simulated room.
var (
	simAddr = tcp.Listener("127.0.0.1", 5999)
	simHTTP = tcp.Listener("127.0.0.1", 8080)
)

// stream is the request for a stream of events.
const stream = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"

// simulate runs a room with browsers on a simulated network. It returns a function that
// connects to an address, sends a text, and returns the connection and what comes after
// the first line that has another text in it.
func simulate(t *testing.T, inside actions.Action) (dial func(at tcp.Addr, text, until string) (net.Conn, *bufio.Reader)) {
	t.Helper()
	network := simnet.New("test")
	d := door.New("browsers")
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	g := ground.Ground{Logger: slog.New(slog.DiscardHandler)}
	go func() {
		over <- g.Run(ctx, tcp.DriverOn(network), console.Config{Out: io.Discard}.Driver(), inside, d.Driver())
	}()
	l, err := network.Listen(ctx, "tcp", simHTTP.HostPort())
	if err != nil {
		t.Fatal(err)
	}
	server := http.Server{Handler: newBrowsers(site{simHTTP, simAddr}, d)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		<-served
	})
	synctest.Wait()
	return func(at tcp.Addr, text, until string) (net.Conn, *bufio.Reader) {
		t.Helper()
		c, err := network.Dial(ctx, "tcp", at.HostPort())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(c)
		for line := ""; !strings.Contains(line, until); {
			if line, err = in.ReadString('\n'); err != nil {
				t.Fatalf("%q does not come: %v", until, err)
			}
		}
		return c, in
	}
}

// TestBrowserNeverReads: a browser that takes nothing for ioLimit leaves the room, and
// nobody waits for it.
func TestBrowserNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := simulate(t, room(simAddr))
		dial(simHTTP, stream, "You are ")
		ann, in := dial(simAddr, "", "You are ")
		begin := time.Now()
		line := strings.Repeat("x", maxLine-1)
		go func() {
			for range 50 { // more than the network holds
				fmt.Fprintln(ann, line)
			}
		}()
		for n := 0; ; {
			got, err := in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(got, ": "+line+"\n") {
				if n++; n == 50 && time.Since(begin) > 0 {
					t.Errorf("ann has waited for %v", time.Since(begin))
				}
			}
			if strings.HasSuffix(got, " departed.\n") {
				if d := time.Since(begin); n != 50 || d != ioLimit {
					t.Errorf("the browser is gone after %d lines and %v", n, d)
				}
				return
			}
		}
	})
}

// TestHeartbeat: a stream on which nothing happens has a comment now and then.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, in := simulate(t, room(simAddr))(simHTTP, stream, "You are ")
		for range 3 {
			begin := time.Now()
			for line := ""; !strings.HasPrefix(line, ": "); {
				var err error
				if line, err = in.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			if d := time.Since(begin); d != heartbeat {
				t.Errorf("the comment comes after %v", d)
			}
		}
	})
}

// TestSlowPost: a browser has ioLimit to send a line.
func TestSlowPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := simulate(t, room(simAddr))
		begin := time.Now()
		dial(simHTTP, "POST /say HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 400 ")
		if d := time.Since(begin); d != ioLimit {
			t.Errorf("the answer comes after %v", d)
		}
	})
}

// TestBrowserSessionEnds: if the session of a browser ends, the stream says so, and ends.
func TestBrowserSessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := simulate(t, actions.Spawn(actions.Stateless(endpoint.ObservePublishers(tcp.Arriving(simAddr),
			endpoint.OnPresence(func(d tcp.Data) actions.Action {
				c := d.Connection()
				return actions.Spawn(actions.Stateless(c.Publisher(), c.SendString("Go away.\n"), actions.Quit()))
			})))))
		_, in := dial(simHTTP, strings.Replace(stream, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1), "data: Go away.")
		rest, err := io.ReadAll(in)
		if !strings.Contains(string(rest), "event: end\ndata: "+errOut.Error()+"\n\n") || err != nil {
			t.Errorf("the rest of the stream is %q, %v", rest, err)
		}
	})
}
