package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A producer is a process that sends as much as it can, and so is its state.
type producer struct {
	us, them tcp.Addr
	window   tcp.Window
	at       int // in the stream
	sent     *atomic.Int64
	reason   chan error
}

func (p producer) start() actions.Process {
	return actions.Next(p,
		endpoint.Publisher(tcp.WrittenOn(p.us, p.them), endpoint.OnMessageState(producer.written)),
		endpoint.Publisher(tcp.Flow(p.us, p.them),
			endpoint.OnPresenceState(producer.begin),
			endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action {
				p.reason <- reason
				return actions.Quit()
			}),
		),
	)
}

func (p producer) begin(tcp.Data) actions.Transition[producer] {
	return actions.Next(p, tcp.Confirm(p.us, p.them)).Then(producer.send)
}

func (p producer) written(w tcp.Written) actions.Transition[producer] {
	p.window = p.window.Written(w)
	return p.send()
}

// send fills the window, with pieces that are not all of one size.
func (p producer) send() actions.Transition[producer] {
	var out actions.Tree
	for {
		n := min(p.window.Room(), 700)
		if n < 100 && p.window.Pending > 0 {
			return actions.Next(p, out)
		}
		out = append(out, actions.Send(tcp.Data{From: p.us, To: p.them, Bytes: endless(p.at, n)}))
		p.at, p.window = p.at+n, p.window.Sent(n)
		p.sent.Add(int64(n))
	}
}

// TestDR28AMinuteOfSlowWriting: a process produces at full speed for a minute for a
// peer that reads 1 KiB each second. The queue of the connection holds exactly the
// window of the process, and never overflows.
func TestDR28AMinuteOfSlowWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New("test")
		network.SendBuffer = sendBuffer
		l, err := network.Listen(t.Context(), "tcp", "127.0.0.1:7")
		if err != nil {
			t.Fatal(err)
		}
		p := producer{us: tcp.Handle("producer"), them: tcp.Remote("127.0.0.1", 7),
			window: tcp.Window{Limit: window}, sent: new(atomic.Int64), reason: make(chan error, 1)}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() {
			g := ground.Ground{DeviceQueue: window}
			stopped <- g.Run(ctx, tcp.DriverOn(network), actions.Spawn(p.start()))
		}()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		read := func(n int) {
			b := make([]byte, n)
			if _, err := io.ReadFull(c, b); err != nil {
				t.Fatal(err)
			}
			got = append(got, b...)
		}
		for second := range 60 {
			synctest.Wait()
			ahead := int(p.sent.Load()) - len(got)
			if ahead > window+sendBuffer || ahead < sendBuffer {
				t.Fatalf("after %d s the process is %d bytes ahead", second, ahead)
			}
			<-time.After(time.Second)
			read(perSecond)
		}
		if !bytes.Equal(got, endless(0, len(got))) {
			t.Error("what came is not what was sent")
		}
		select {
		case reason := <-p.reason:
			t.Errorf("the connection has ended: %v", reason)
		default:
		}
		cancel()
		rest, err := io.ReadAll(c) // what was told before the end is written
		if err != nil {
			t.Error(err)
		}
		if got = append(got, rest...); !bytes.Equal(got, endless(0, len(got))) || len(got) != int(p.sent.Load()) {
			t.Errorf("got %d bytes of %d, or others", len(got), p.sent.Load())
		}
		c.Close()
		l.Close()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

// TestWindowAgainstALateReader: with a window, a peer that begins to read late gets
// any amount of data, on every network.
func TestWindowAgainstALateReader(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		server := l.user("server")
		c := l.dial(server.listen(loopback))
		p := producer{us: loopback, them: server.next("presence").data.From,
			window: tcp.Window{Limit: 64 << 10}, sent: new(atomic.Int64), reason: make(chan error, 1)}
		l.root.do(actions.Spawn(p.start()))
		b := make([]byte, 8<<20)
		if _, err := io.ReadFull(c, b); err != nil || !bytes.Equal(b, endless(0, len(b))) {
			l.Error("what came is not what was sent", err)
		}
		c.reset()
		if reason := <-p.reason; reason == nil || errors.Is(reason, tcp.ErrSlowConsumer) {
			l.Errorf("the reason is %v", reason)
		}
	})
}

// TestWindowLargerThanTheSocket: data that waits for the socket of the system is
// confirmed when the socket has taken it.
func TestWindowLargerThanTheSocket(t *testing.T) {
	const window = 16 << 20 // no socket holds that much
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := producer{us: tcp.Handle("producer"), them: tcp.RemoteAddrPort(l.Addr().(*net.TCPAddr).AddrPort()),
		window: tcp.Window{Limit: window}, sent: new(atomic.Int64), reason: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error)
	go func() {
		g := ground.Ground{DeviceQueue: 2 * window}
		stopped <- g.Run(ctx, tcp.Driver(), actions.Spawn(p.start()))
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	for p.sent.Load() < window {
		<-time.After(time.Millisecond)
	}
	<-time.After(50 * time.Millisecond) // by when the machine is at rest, and the socket full
	b := make([]byte, 3*window)
	if n, err := io.ReadFull(c, b); err != nil || !bytes.Equal(b, endless(0, n)) {
		t.Errorf("what came, %d bytes, is not what was sent, %v", n, err)
	}
	c.Close()
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
