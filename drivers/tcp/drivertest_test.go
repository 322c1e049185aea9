package tcp_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/drivertest"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// tallied is a network that counts what the driver has open on it.
type tallied struct {
	*simnet.Network
	drivertest.Tally
}

func newTallied() *tallied { return &tallied{Network: simnet.New("test")} }

func (n *tallied) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := n.Network.Listen(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &talliedListener{l, n, n.Opened("listener " + address)}, nil
}

func (n *tallied) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := n.Network.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &talliedConn{c.(*simnet.Conn), n.Opened("connection to " + address)}, nil
}

type talliedListener struct {
	net.Listener
	network *tallied
	closed  func()
}

func (l *talliedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &talliedConn{c.(*simnet.Conn), l.network.Opened("connection from " + c.RemoteAddr().String())}, nil
}

func (l *talliedListener) Close() error { l.closed(); return l.Listener.Close() }

type talliedConn struct {
	*simnet.Conn
	closed func()
}

func (c *talliedConn) Close() error { c.closed(); return c.Conn.Close() }

// The driver keeps the promises of drivers to those who observe what arrives at
// a listener.
func TestDrivertestListening(t *testing.T) {
	drivertest.Test(t, func(t testing.TB) drivertest.Driver {
		network := newTallied()
		unread, out := io.Pipe()
		at := func(i int) tcp.Addr { return tcp.Listener("127.0.0.1", uint16(5000+i)) }
		return drivertest.Driver{
			Boot:   tcp.DriverOn(network),
			Types:  tcp.Config{Network: network}.Types(),
			Things: 2,
			Demand: func(i int) actions.Action {
				return endpoint.ObservePublishers(tcp.Arriving(at(i)), endpoint.OnPresence(func(c tcp.Data) actions.Action {
					return actions.Spawn(echoing(c.From, c.To))
				}))
			},
			Ready: func(i int) actions.Action { return endpoint.ObservePublishers(tcp.ListeningAt(at(i))) },
			Happen: func(i, n int) []any {
				c, err := network.Network.Dial(context.Background(), "tcp", at(i).HostPort())
				if err != nil {
					return nil
				}
				defer c.Close()
				_, _ = fmt.Fprintf(c, "visit number %d", n)
				_ = c.(*simnet.Conn).CloseWrite()
				_, _ = io.Copy(io.Discard, c)
				return nil // what users are told is that somebody has come
			},
			Fail: func(i int) (func(), error) {
				taken, err := network.Network.Listen(context.Background(), "tcp", at(i).HostPort())
				if err != nil {
					t.Errorf("the address is in use: %v", err)
					return nil, nil
				}
				return func() { taken.Close() }, syscall.EADDRINUSE
			},
			Stuck: func() (world.Device, []any) { return tcp.StuckPrinter(out) },
			Open:  network.Open,
			Close: func() { unread.Close() },
		}
	})
}

// echoing is the session of a connection that has come in.
func echoing(them, us tcp.Addr) actions.Process {
	return actions.Stateless(
		endpoint.Publisher(tcp.Flow(us, them)),
		endpoint.Subscriber(tcp.Flow(them, us),
			endpoint.OnMessage(func(d tcp.Data) actions.Action {
				return actions.Send(tcp.Data{From: us, To: them, Bytes: d.Bytes, EOF: d.EOF})
			}),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
		),
	)
}

// The driver keeps the promises of drivers to those who connect.
func TestDrivertestConnecting(t *testing.T) {
	drivertest.Test(t, func(t testing.TB) drivertest.Driver {
		network := newTallied()
		servers := []*server{newServer(t, network, 5000), newServer(t, network, 5001)}
		var lazy net.Listener
		us := func(i int) tcp.Addr { return tcp.Handle(fmt.Sprint("client ", i)) }
		them := func(i int) tcp.Addr { return tcp.Remote("127.0.0.1", servers[i].port) }
		return drivertest.Driver{
			Boot:   tcp.DriverOn(network),
			Types:  tcp.Config{Network: network}.Types(),
			Things: len(servers),
			Demand: func(i int) actions.Action {
				return actions.Group(endpoint.Publisher(tcp.Flow(us(i), them(i))), endpoint.Subscriber(tcp.Flow(them(i), us(i))))
			},
			Happen: func(i, n int) []any {
				text := fmt.Appendf(nil, "line %d\n", n)
				servers[i].say(text)
				return []any{tcp.Data{From: them(i), To: us(i), Bytes: text}}
			},
			Fail: func(i int) (func(), error) {
				servers[i].close()
				return servers[i].open, syscall.ECONNREFUSED
			},
			Stuck: func() (world.Device, []any) {
				l, err := network.Network.Listen(context.Background(), "tcp", "127.0.0.1:6000")
				if err != nil {
					t.Errorf("nobody can listen without ever accepting: %v", err)
				}
				lazy = l
				return tcp.StuckConn(network, tcp.Remote("127.0.0.1", 6000))
			},
			Open: network.Open,
			Close: func() {
				if lazy != nil {
					lazy.Close()
				}
				for _, s := range servers {
					s.close()
				}
			},
		}
	})
}

// A server sends to all its clients what a test says, and reads from them until the
// end.
type server struct {
	testing.TB
	network *tallied
	port    uint16

	mu       sync.Mutex
	listener net.Listener
	clients  []net.Conn
}

func newServer(t testing.TB, n *tallied, port uint16) *server {
	s := &server{TB: t, network: n, port: port}
	s.open()
	return s
}

func (s *server) open() {
	l, err := s.network.Network.Listen(context.Background(), "tcp", fmt.Sprint("127.0.0.1:", s.port))
	if err != nil {
		s.Errorf("a server cannot listen: %v", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener = l
	go s.accept(l)
}

func (s *server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.clients = append(s.clients, c)
		s.mu.Unlock()
		go func() {
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}()
	}
}

func (s *server) say(text []byte) {
	s.mu.Lock()
	clients := s.clients
	s.mu.Unlock()
	for _, c := range clients {
		_, _ = c.Write(text) // those that have left do not mind
	}
}

// close closes the server, and its clients.
func (s *server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener.Close()
	for _, c := range s.clients {
		c.Close()
	}
	s.clients = nil
}
