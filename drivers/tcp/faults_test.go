package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A troubled network fails to accept connections.
type troubled struct {
	*simnet.Network
	trouble chan error // that is to come
	tried   chan time.Time
}

func newTroubled() *troubled {
	return &troubled{simnet.New("troubled"), make(chan error, 100), make(chan time.Time, 100)}
}

func (n *troubled) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := n.Network.Listen(ctx, network, address)
	return troubledListener{l, n}, err
}

type troubledListener struct {
	net.Listener
	n *troubled
}

func (l troubledListener) Accept() (net.Conn, error) {
	l.n.tried <- time.Now()
	select {
	case err := <-l.n.trouble:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: err}
	default:
		return l.Listener.Accept()
	}
}

func TestBD10AcceptIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newTroubled()
		for range 12 {
			network.trouble <- os.NewSyscallError("accept", syscall.EMFILE)
		}
		newLab(t, tcp.Config{Network: network}, true).run(func(l *lab) {
			u := l.user("server")
			c := l.dial(u.listen(loopback))
			u.next("presence")
			c.Close()
			last := <-network.tried
			for i := range 12 {
				next := <-network.tried
				want := min(5*time.Millisecond<<i, time.Second)
				if got := next.Sub(last); got != want {
					t.Errorf("pause %d took %v, want %v", i, got, want)
				}
				last = next
			}
		})
	})
}

func TestBD10CloseWhileWaitingToRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newTroubled()
		for range 90 {
			network.trouble <- syscall.ENFILE
		}
		newLab(t, tcp.Config{Network: network}, true).run(func(l *lab) {
			u := l.user("server")
			u.listen(loopback)
			<-time.After(10 * time.Second)
			u.do(actions.Delete("observe"))
			if e := u.next("not listening"); e.reason != nil {
				t.Errorf("heard %v", e)
			}
		})
	})
}

func TestAcceptFailureEndsListening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newTroubled()
		newLab(t, tcp.Config{Network: network}, true).run(func(l *lab) {
			u := l.user("server")
			network.trouble <- errors.New("boom")
			bound := u.listen(loopback)
			e := u.next("not listening")
			reason, ok := errors.AsType[*world.Error](e.reason)
			if !ok || reason.Addr != bound.String() || !strings.Contains(reason.Text, "boom") {
				t.Errorf("the reason is %#v", e.reason)
			}
			// Somebody who comes later makes the driver try again.
			second := l.user("second")
			c := l.dial(second.listen(loopback))
			c.Close()
		})
	})
}

// descriptors returns how many files are open, or skips the test.
func descriptors(t *testing.T) int {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("the number of open files cannot be told here:", err)
	}
	return len(files)
}

func TestDescriptorsDoNotLeak(t *testing.T) {
	onSystem(t, tcp.Config{}, func(l *lab) { l.far() }) // so that the poller is there
	before := descriptors(t)
	onSystem(t, tcp.Config{}, func(l *lab) {
		u := l.user("server")
		u.do(u.watchListening(loopback), echoes(loopback))
		at := u.next("listening").listening.Bound
		for i := range 30 {
			c := l.dial(at)
			c.write("hello")
			if i%3 > 0 {
				c.read("hello")
			}
			if i%3 == 1 {
				c.reset()
			}
			c.Close()
			// And the same from inside.
			client, me := l.user("client"), tcp.Handle(fmt.Sprint(i))
			client.do(publish(me, at), client.subscribe(at, me))
			client.next("presence")
			client.do(data(me, at, "hello"))
			client.read(5)
			if i%2 == 0 {
				client.do(actions.Quit())
			}
		}
		// Some that nobody takes.
		second := l.user("second")
		idle := second.listen(tcp.Listener("127.0.0.1", 0))
		_ = idle
	})
	if after := descriptors(t); after > before {
		t.Errorf("%d files are open; before, there were %d", after, before)
	}
}
