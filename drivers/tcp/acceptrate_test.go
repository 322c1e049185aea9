package tcp_test

import (
	"context"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// arrivals makes n connections at once, and returns after how long each arrives.
func (u *user) arrivals(bound tcp.Addr, n int) (after []time.Duration) {
	u.l.Helper()
	began := time.Now()
	for range n {
		c := u.l.dial(bound)
		u.l.Cleanup(func() { c.Close() })
	}
	for range n {
		u.next("presence")
		after = append(after, time.Since(began))
	}
	return after
}

// DR-33: a burst of connections is accepted at once, and the others at the rate, also
// after a time without connections.
func TestDR33AcceptRate(t *testing.T) {
	simulated(t, tcp.Config{AcceptRate: 10, AcceptBurst: 3}, func(l *lab) {
		u := l.user("server")
		bound := u.listen(loopback)
		for range 2 {
			for i, got := range u.arrivals(bound, 8) {
				if want := max(0, time.Duration(i-2)*100*time.Millisecond); got != want {
					l.Errorf("connection %d arrives after %v, want %v", i, got, want)
				}
			}
			<-time.After(5 * time.Second)
		}
	})
}

// DR-33: clients that wait are connected, in the queue of the network, on every
// network.
func TestDR33AcceptRateEverywhere(t *testing.T) {
	everywhere(t, tcp.Config{AcceptRate: 1000, AcceptBurst: 1}, func(l *lab) {
		u := l.user("server")
		for i, got := range u.arrivals(u.listen(loopback), 20) {
			if least := time.Duration(i) * time.Millisecond; got < least {
				l.Errorf("connection %d arrives after %v, want at least %v", i, got, least)
			}
		}
	})
}

// DR-33: each listener has its own rate.
func TestDR33AcceptRateOfEachListener(t *testing.T) {
	simulated(t, tcp.Config{AcceptRate: 1, AcceptBurst: 1}, func(l *lab) {
		for _, port := range []uint16{1, 2, 3} {
			u := l.user("server")
			if after := u.arrivals(u.listen(tcp.Listener("127.0.0.1", port)), 1); after[0] != 0 {
				l.Errorf("at listener %d a connection arrives after %v", port, after[0])
			}
		}
	})
}

// DR-33: a listener that waits is closed at once, and the clients that wait are
// refused.
func TestDR33CloseWhileWaitingToAccept(t *testing.T) {
	simulated(t, tcp.Config{AcceptRate: 1, AcceptBurst: 1}, func(l *lab) {
		u := l.user("server")
		bound := u.listen(loopback)
		u.arrivals(bound, 1)
		waiting := l.dial(bound)
		u.silence()
		began := time.Now()
		u.do(actions.Delete("observe"))
		if e := u.until("not listening"); e.reason != nil || time.Since(began) > 0 {
			l.Errorf("after %v heard %v", time.Since(began), e)
		}
		if _, err := waiting.Read(make([]byte, 1)); err == nil || time.Since(began) > 0 {
			l.Errorf("after %v read %v", time.Since(began), err)
		}
		waiting.Close()
	})
}

// DR-33: a machine that stops does not wait for the next connection to be due.
func TestDR33StopWhileWaitingToAccept(t *testing.T) {
	simulated(t, tcp.Config{AcceptRate: 1, AcceptBurst: 1}, func(l *lab) {
		u := l.user("server")
		u.arrivals(u.listen(loopback), 1)
		u.silence()
		began := time.Now()
		l.stop()
		if took := time.Since(began); took > 0 {
			l.Errorf("to stop took %v", took)
		}
	})
}

// DR-33: Config.Clock measures the rate.
func TestDR33AcceptRateByAnotherClock(t *testing.T) {
	clock := world.NewManualClock("hand", time.Unix(0, 0))
	simulated(t, tcp.Config{AcceptRate: 2, AcceptBurst: 1, Clock: clock}, func(l *lab) {
		u := l.user("server")
		bound := u.listen(loopback)
		u.arrivals(bound, 1)
		defer l.dial(bound).Close()
		<-time.After(time.Hour)
		u.silence()
		clock.Advance(500*time.Millisecond - 1)
		u.silence()
		clock.Advance(1)
		u.next("presence")
	})
}

// DR-33: failed attempts to accept do not count.
func TestDR33FailuresDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newTroubled()
		network.trouble <- syscall.EMFILE
		network.trouble <- syscall.EMFILE
		newLab(t, tcp.Config{Network: network, AcceptRate: 1, AcceptBurst: 1}, true).run(func(l *lab) {
			u := l.user("server")
			if after := u.arrivals(u.listen(loopback), 1); after[0] >= time.Second {
				l.Errorf("the first connection arrives after %v", after[0])
			}
		})
	})
}

// DR-33: if the queue of the network is full, a client connects when there is room in
// it.
func TestDR33AcceptRateFillsTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New("test")
		network.Backlog = 1
		newLab(t, tcp.Config{Network: network, AcceptRate: 1, AcceptBurst: 1}, true).run(func(l *lab) {
			u := l.user("server")
			bound := u.listen(loopback)
			u.arrivals(bound, 1)
			defer l.dial(bound).Close() // which waits in the queue
			ctx, cancel := context.WithTimeout(context.Background(), 900*time.Millisecond)
			defer cancel()
			if _, err := network.Dial(ctx, "tcp", bound.String()); err == nil {
				l.Error("there is room in the queue")
			}
			began := time.Now()
			third := l.dial(bound)
			defer third.Close()
			if took := time.Since(began); took != 100*time.Millisecond {
				l.Errorf("to connect took %v", took)
			}
		})
	})
}
