package udp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// env is what a ground would offer.
type env struct{ logger *slog.Logger }

func (env) Keep(io.Closer) world.Ref            { return world.Ref{} }
func (env) Take(world.Ref) (io.Closer, error)   { return nil, world.ErrNotKept }
func (e env) Logger() *slog.Logger              { return e.logger }
func quiet() env                                { return env{slog.New(slog.DiscardHandler)} }
func logged(to *strings.Builder) env            { return env{slog.New(slog.NewTextHandler(to, nil))} }
func (h foreign) LocalAddr() net.Addr           { return h.net.LocalAddr() }
func (h foreign) Close() error                  { return h.net.Close() }
func (h foreign) SetDeadline(t time.Time) error { return h.net.SetDeadline(t) }

// foreign is a socket of a network that is not ours: it has no more methods than
// it must.
type foreign struct {
	net  net.PacketConn
	fail func() error // before each read
}

func (h foreign) SetReadDeadline(t time.Time) error  { return h.net.SetReadDeadline(t) }
func (h foreign) SetWriteDeadline(t time.Time) error { return h.net.SetWriteDeadline(t) }

func (h foreign) ReadFrom(b []byte) (int, net.Addr, error) {
	if h.fail != nil {
		if err := h.fail(); err != nil {
			return 0, nil, err
		}
	}
	return h.net.ReadFrom(b)
}

func (h foreign) WriteTo(b []byte, to net.Addr) (int, error) { return h.net.WriteTo(b, to) }

// A foreignNetwork opens foreign sockets.
type foreignNetwork struct {
	*simnet.Network
	fail func() error
}

func (n *foreignNetwork) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	c, err := n.Network.ListenPacket(ctx, network, address)
	return foreign{c, n.fail}, err
}

func open(t *testing.T, d world.Device, e world.Env) world.Handle {
	t.Helper()
	h, err := d.Open(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func recv[V any](t *testing.T, h world.Handle) (v V) {
	t.Helper()
	got, err := h.Recv()
	v, ok := got.(V)
	if !ok || err != nil {
		t.Fatalf("received %#v, %v; want a %T", got, err, v)
	}
	return v
}

// A network can be anything that implements the interface.
func TestForeignNetwork(t *testing.T) {
	n := &foreignNetwork{Network: simnet.New("test")}
	h := open(t, socket{n, nil, 4, Listener("127.0.0.1", 80)}, quiet())
	if o := recv[opened](t, h); o.Bound != Remote("127.0.0.1", 80) {
		t.Errorf("bound to %v", o.Bound)
	}
	command := send{To: netip.MustParseAddrPort("0.0.0.0:80"), Body: []byte("hello")}
	if n, err := h.Try([]any{command}); n != 0 || err != nil {
		t.Errorf("tried %d, %v: a foreign socket may block", n, err)
	}
	if err := h.Do(command); err != nil {
		t.Fatal(err)
	}
	if r := recv[received](t, h); string(r.Body) != "hell" || !r.Truncated || r.From != Remote("127.0.0.1", 80) {
		t.Errorf("received %v", r)
	}
}

// A stingy socket sends three datagrams without blocking.
type stingy struct {
	foreign
	left *int
}

func (s stingy) TryWriteToUDPAddrPort(b []byte, to netip.AddrPort) (sent bool, err error) {
	if *s.left == 0 {
		return false, nil
	}
	*s.left--
	_, err = s.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return err == nil, err
}

// A stingyNetwork opens stingy sockets.
type stingyNetwork struct{ *simnet.Network }

func (n stingyNetwork) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	c, err := n.Network.ListenPacket(ctx, network, address)
	left := 3
	return stingy{foreign{net: c}, &left}, err
}

// A network whose sockets implement world.TryPacketWriter is tried: Try sends
// until that would block, and Do sends the rest.
func TestTryPacketWriter(t *testing.T) {
	h := open(t, socket{stingyNetwork{simnet.New("test")}, nil, 100, Listener("127.0.0.1", 80)}, quiet())
	recv[opened](t, h)
	var commands []any
	for _, body := range []string{"one", "two", "three", "four"} {
		commands = append(commands, send{To: netip.MustParseAddrPort("127.0.0.1:80"), Body: []byte(body)})
	}
	if done, err := h.Try(commands); done != 3 || err != nil {
		t.Errorf("done %d, %v; want 3", done, err)
	}
	if err := h.Do(commands[3]); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"one", "two", "three", "four"} {
		if r := recv[received](t, h); string(r.Body) != want {
			t.Errorf("received %q, want %q", r.Body, want)
		}
	}
}

// On some systems a read reports the error of an earlier send. That does not
// end the socket.
func TestPassingErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := []error{
			&net.OpError{Op: "read", Net: "udp", Err: syscall.ECONNREFUSED}, syscall.ENOBUFS, syscall.EMSGSIZE,
			syscall.ECONNRESET, syscall.ECONNRESET, syscall.ECONNRESET, syscall.ECONNRESET, syscall.ECONNRESET, syscall.ECONNRESET, syscall.ECONNRESET,
			nil, errors.New("broken"),
		}
		n := &foreignNetwork{simnet.New("test"), func() error {
			err := errs[0]
			errs = errs[1:]
			return err
		}}
		var log strings.Builder
		h := open(t, socket{n, nil, 100, Listener("127.0.0.1", 80)}, logged(&log))
		recv[opened](t, h)
		if err := h.Do(send{To: netip.MustParseAddrPort("127.0.0.1:80"), Body: []byte("hello")}); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if r := recv[received](t, h); string(r.Body) != "hello" {
			t.Errorf("received %v", r)
		}
		// 5, 10, 20 ms and so on, at most a second.
		if took := time.Since(begin); took != 1275*time.Millisecond+2*time.Second {
			t.Errorf("took %v", took)
		}
		if got := strings.Count(log.String(), "receiving failed"); got != 10 {
			t.Errorf("there are %d lines in the log", got)
		}
		if _, err := h.Recv(); err == nil || err.Error() != "broken" {
			t.Error(err)
		}
	})
}

// Closing a socket ends calls that wait.
func TestCloseUnblocks(t *testing.T) {
	for name, fail := range map[string]func() error{
		"reading": nil,
		"pausing": func() error { return syscall.ENOBUFS },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &foreignNetwork{simnet.New("test"), fail}
				h := open(t, socket{n, nil, 100, Listener("127.0.0.1", 80)}, quiet())
				recv[opened](t, h)
				var wg sync.WaitGroup
				wg.Go(func() {
					if _, err := h.Recv(); err != world.ErrClosed {
						t.Error(err)
					}
				})
				synctest.Wait()
				for range 2 {
					if err := h.Close(); err != nil {
						t.Error(err)
					}
				}
				wg.Wait()
				// The address is free.
				open(t, socket{n, nil, 100, Listener("127.0.0.1", 80)}, quiet())
			})
		})
	}
}

// Datagrams that are there already are received together, up to a limit.
func TestBursts(t *testing.T) {
	for _, size := range []int{10, 6000} {
		h := open(t, socket{world.SystemPacketNetwork(), nil, 5000, Listener("127.0.0.1", 0)}, quiet())
		c := h.(*conn)
		at := netip.MustParseAddrPort(recv[opened](t, h).Bound.String())
		if c.in.more == nil {
			t.Skip("the system does not tell what is there")
		}
		const rounds, count = 6, 15 // at a time, which the socket has room for
		var all []received
		bursts := 0
		for i := range rounds {
			for j := range count {
				body := fmt.Appendf(nil, "%03d", i*count+j)
				if err := h.Do(send{To: at, Body: append(body, make([]byte, size-len(body))...)}); err != nil {
					t.Fatal(err)
				}
			}
			for len(all) < (i+1)*count {
				switch v, err := h.Recv(); v := v.(type) {
				case received:
					all = append(all, v)
				case burst:
					bursts++
					if total := len(v.All) * min(size, 5000); len(v.All) < 2 || len(v.All) > maxBurst || total > maxBurstBytes+5000 {
						t.Errorf("a burst has %d datagrams", len(v.All))
					}
					all = append(all, v.All...)
				default:
					t.Fatal(v, err)
				}
			}
		}
		for i, r := range all {
			if want := fmt.Sprintf("%03d", i); string(r.Body[:3]) != want || len(r.Body) != min(size, 5000) || r.Truncated != (size > 5000) || r.From != RemoteAddrPort(at) {
				t.Errorf("datagram %d: %.3s, %d bytes from %v, cut off %v", i, r.Body, len(r.Body), r.From, r.Truncated)
			}
		}
		if bursts == 0 && runtime.GOOS == "linux" { // where what is sent is there at once
			t.Error("there were no bursts")
		}
	}
}

// A socket remembers few peers, however many it hears.
func TestPeersAreForgotten(t *testing.T) {
	h := open(t, socket{simnet.New("test"), nil, 100, Listener("127.0.0.1", 80)}, quiet())
	c := h.(*conn)
	recv[opened](t, h)
	sim := c.socket.(*simnet.PacketConn)
	for i := range maxPeers {
		c.in.peers[netip.AddrPortFrom(netip.AddrFrom4([4]byte{10}), uint16(i))] = peer
	}
	if _, err := sim.WriteToUDPAddrPort(nil, netip.MustParseAddrPort("127.0.0.1:80")); err != nil {
		t.Fatal(err)
	}
	if r := recv[received](t, h); r.From != Remote("127.0.0.1", 80) || len(c.in.peers) != 1 {
		t.Errorf("received %v, and there are %d peers", r, len(c.in.peers))
	}
}

func TestUnknownCommands(t *testing.T) {
	n := simnet.New("test")
	for _, d := range []world.Device{
		socket{n, nil, 100, Listener("127.0.0.1", 80)},
		name{n, time.Second, time.Second, "localhost"},
	} {
		h := open(t, d, quiet())
		if n, err := h.Try(nil); n != 0 || err != nil {
			t.Errorf("%v: to do nothing: %d, %v", d, n, err)
		}
		if n, err := h.Try([]any{"what"}); n != 0 || err == nil {
			t.Errorf("%v: tried %d, %v", d, n, err)
		}
		if err := h.Do("what"); err == nil {
			t.Errorf("%v: done", d)
		}
	}
}

// Try does what comes before a command that fails, and says which one that is.
func TestTryInOrder(t *testing.T) {
	for _, n := range []world.PacketNetwork{simnet.New("test"), world.SystemPacketNetwork()} {
		h := open(t, socket{n, nil, 100, Listener("127.0.0.1", 0)}, quiet())
		at := netip.MustParseAddrPort(recv[opened](t, h).Bound.String())
		commands := []any{
			send{To: at, Body: []byte("one")},
			send{To: at},
			send{To: at, Body: make([]byte, 65508)},
			send{To: netip.AddrPortFrom(netip.IPv6Unspecified(), at.Port()), Body: []byte("two")},
		}
		done, err := h.Try(commands)
		if done != 2 || !errors.Is(err, syscall.EMSGSIZE) || !strings.HasPrefix(err.Error(), "udp: 65508 bytes do not fit") {
			t.Errorf("%s: done %d, %v", n.NetworkName(), done, err)
		}
		if done, err := h.Try(commands[3:]); done != 1 || err != nil {
			t.Errorf("%s: done %d, %v", n.NetworkName(), done, err)
		}
		for _, want := range []string{"one", "", "two"} {
			if r := recv[received](t, h); string(r.Body) != want {
				t.Errorf("%s: received %q, want %q", n.NetworkName(), r.Body, want)
			}
		}
	}
}

// Addresses that were found grow old.
func TestAnswersGrowOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, name{simnet.New("test"), time.Second, time.Minute, "localhost"}, quiet())
		if f := recv[found](t, h); len(f.Addrs) != 1 || f.Addrs[0].String() != "127.0.0.1" {
			t.Errorf("found %v", f)
		}
		begin := time.Now()
		if _, err := h.Recv(); err != io.EOF || time.Since(begin) != time.Minute {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		closed := open(t, name{simnet.New("test"), time.Second, time.Minute, "localhost"}, quiet())
		recv[found](t, closed)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := closed.Recv(); err != world.ErrClosed {
				t.Error(err)
			}
		})
		synctest.Wait()
		if err := closed.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

// slowNames is a network of which the name server does not answer.
type slowNames struct{ *simnet.Network }

func (*slowNames) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestLookupLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &slowNames{simnet.New("test")}
		begin := time.Now()
		_, err := name{n, time.Minute, time.Minute, "localhost"}.Open(t.Context(), quiet())
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
	})
}
