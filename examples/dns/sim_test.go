package main

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A sim is a resolver on a simulated network, in simulated time.
type sim struct {
	*testing.T
	network *simnet.Network
	wg      sync.WaitGroup
	closers []io.Closer
}

// simulate runs a test with a resolver that asks the given upstreams, which the
// test starts. They and all clients are gone when it is over.
func simulate(t *testing.T, upstreams []inet.Addr, test func(*sim)) {
	synctest.Test(t, func(t *testing.T) {
		s := &sim{T: t, network: simnet.New("test")}
		ctx, cancel := context.WithCancel(context.Background())
		stopped := make(chan error)
		go func() {
			stopped <- ground.Run(ctx, tcp.DriverOn(s.network), udp.DriverOn(s.network), timer.Driver(), resolve(testConfig(upstreams...)))
		}()
		defer func() {
			cancel()
			if err := <-stopped; err != nil {
				t.Error(err)
			}
			for _, c := range s.closers {
				c.Close()
			}
			s.wg.Wait()
		}()
		synctest.Wait()
		test(s)
	})
}

// An upstream is a resolver of the test's own.
type upstream struct {
	s      *sim
	answer func(q dnsmessage.Message, stream bool) dnsmessage.Message

	mu    sync.Mutex
	asked map[string]int // how often, by name
}

// upstream starts an upstream. Its answers are what answer makes of a question
// that is answered already, with an address and a TTL of 300 s; one that is no
// response is not sent.
func (s *sim) upstream(at inet.Addr, answer func(q dnsmessage.Message, stream bool) dnsmessage.Message) *upstream {
	s.Helper()
	u := &upstream{s: s, answer: answer, asked: map[string]int{}}
	conn, err := s.network.ListenPacket(context.Background(), "udp", at.String())
	if err != nil {
		s.Fatal(err)
	}
	listener, err := s.network.Listen(context.Background(), "tcp", at.String())
	if err != nil {
		s.Fatal(err)
	}
	s.closers = append(s.closers, conn, listener)
	s.wg.Go(func() { u.serveUDP(conn) })
	s.wg.Go(func() { u.serveTCP(listener) })
	return u
}

func (u *upstream) serveUDP(conn net.PacketConn) {
	b := make([]byte, mostMessage)
	for {
		n, from, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		query := read(u.s, b[:n])
		u.s.wg.Go(func() {
			if packet := u.reply(query, false); packet != nil {
				conn.WriteTo(packet, from)
			}
		})
	}
}

func (u *upstream) serveTCP(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		u.s.wg.Go(func() {
			defer c.Close()
			if packet, err := readFrame(c); err == nil {
				c.Write(framed(u.reply(read(u.s, packet), true)))
			}
		})
	}
}

func (u *upstream) reply(q dnsmessage.Message, stream bool) []byte {
	name := q.Questions[0].Name.String()
	u.mu.Lock()
	u.asked[name]++
	u.mu.Unlock()
	q.Response, q.Additionals = true, nil
	q.Answers = records{record(name, q.Questions[0].Type, 300)}
	m := u.answer(q, stream)
	if !m.Response {
		return nil
	}
	return written(u.s, m)
}

func (u *upstream) times(name string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.asked[name]
}

// plainly is an upstream that answers.
func plainly(q dnsmessage.Message, _ bool) dnsmessage.Message { return q }

// silent is an upstream that does not.
func silent(dnsmessage.Message, bool) dnsmessage.Message { return dnsmessage.Message{} }

func readFrame(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, b)
	return b, err
}

// A simClient is a client over UDP.
type simClient struct {
	s    *sim
	conn net.PacketConn
	to   net.Addr
	id   uint16
}

func (s *sim) client() *simClient {
	s.Helper()
	conn, err := s.network.ListenPacket(context.Background(), "udp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	s.closers = append(s.closers, conn)
	return &simClient{s, conn, net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:5353")), 0}
}

// asks asks a question, and returns the answer, and how long that took.
func (c *simClient) asks(name string, ws ...writer) (dnsmessage.Message, time.Duration) {
	c.s.Helper()
	c.id++
	query := clientQuery(c.s, name, append(ws, func(m *dnsmessage.Message) { m.ID = c.id })...)
	begin := time.Now()
	if _, err := c.conn.WriteTo(query, c.to); err != nil {
		c.s.Fatal(err)
	}
	m, err := c.next(time.Minute)
	if err != nil {
		c.s.Fatal(err)
	}
	if m.ID != c.id || m.Questions[0].Name.String() != name {
		c.s.Fatalf("to question %d, %q, the client gets %+v", c.id, name, m)
	}
	return m, time.Since(begin)
}

// next returns what the client gets next.
func (c *simClient) next(limit time.Duration) (dnsmessage.Message, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return dnsmessage.Message{}, err
	}
	b := make([]byte, mostMessage)
	n, _, err := c.conn.ReadFrom(b)
	if err != nil {
		return dnsmessage.Message{}, err
	}
	return read(c.s, b[:n]), nil
}
