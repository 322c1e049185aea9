package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// TestLoss: of ten thousand questions that are asked over a network that loses a
// fifth of all packets, and doubles and delays some, each one gets one answer,
// or, in time, the message that there is none.
func TestLoss(t *testing.T) {
	const clients, questions = 20, 500
	simulate(t, []inet.Addr{first, second}, func(s *sim) {
		s.upstream(first, plainly)
		s.upstream(second, plainly)
		faults := simnet.PacketFaults{Seed: 1, Loss: 0.2, Duplication: 0.1, Reordering: 0.1}.Fate()
		s.network.PacketFate = func(from, to netip.AddrPort, body []byte) simnet.PacketFate {
			if from.Port() != 53 && to.Port() != 53 {
				return simnet.PacketFate{} // the client would have to ask again
			}
			return faults(from, to, body)
		}
		var mu sync.Mutex
		var failures, slow int
		var wg sync.WaitGroup
		for n := range clients {
			c := s.client()
			wg.Go(func() {
				for i := range questions {
					m, took := c.asks(fmt.Sprintf("%d.%d.test.", n, i))
					ok := m.RCode == dnsmessage.RCodeSuccess && len(m.Answers) == 1
					if !ok && m.RCode != dnsmessage.RCodeServerFailure || took > 5*time.Second {
						t.Errorf("after %v, the client gets %+v", took, m)
					}
					mu.Lock()
					if !ok {
						failures++
					}
					if took > time.Second {
						slow++
					}
					mu.Unlock()
				}
				if m, err := c.next(time.Minute); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("there is another answer: %+v, %v", m, err)
				}
			})
		}
		wg.Wait()
		t.Logf("of %d questions, %d have no answer, and %d had to be asked again", clients*questions, failures, slow)
		if failures > clients*questions/10 || slow < clients*questions/10 {
			t.Error("that is not to be expected of such a network")
		}
	})
}

// TestSameQuestionOfMany: the same question is asked once, and again when the
// answer has expired.
func TestSameQuestionOfMany(t *testing.T) {
	simulate(t, []inet.Addr{first}, func(s *sim) {
		u := s.upstream(first, func(q dnsmessage.Message, _ bool) dnsmessage.Message {
			<-time.After(100 * time.Millisecond)
			return q
		})
		ask := func(ttl uint32) {
			var wg sync.WaitGroup
			for range 50 {
				c := s.client()
				wg.Go(func() {
					if m, _ := c.asks("www.test."); len(m.Answers) != 1 || m.Answers[0].Header.TTL != ttl {
						t.Errorf("the client gets %+v; want a TTL of %d", m, ttl)
					}
				})
			}
			wg.Wait()
		}
		ask(300)
		<-time.After(200 * time.Second)
		ask(100)
		if n := u.times("www.test."); n != 1 {
			t.Errorf("it was asked %d times", n)
		}
		<-time.After(100 * time.Second)
		ask(300)
		if n := u.times("www.test."); n != 2 {
			t.Errorf("it was asked %d times", n)
		}
	})
}

// TestNegativeAnswersExpire: the answer that there is no such name is kept for
// a while.
func TestNegativeAnswersExpire(t *testing.T) {
	simulate(t, []inet.Addr{first}, func(s *sim) {
		u := s.upstream(first, func(q dnsmessage.Message, _ bool) dnsmessage.Message {
			q.RCode, q.Answers = dnsmessage.RCodeNameError, nil
			q.Authorities = records{record("test.", dnsmessage.TypeSOA, 600)} // whose minimum is 60 s
			return q
		})
		c := s.client()
		for _, test := range []struct {
			wait  time.Duration
			times int
		}{{0, 1}, {58 * time.Second, 1}, {3 * time.Second, 2}} {
			<-time.After(test.wait)
			if m, _ := c.asks("www.test."); m.RCode != dnsmessage.RCodeNameError || len(m.Authorities) != 1 {
				t.Errorf("the client gets %+v", m)
			}
			if n := u.times("www.test."); n != test.times {
				t.Errorf("after %v more, it was asked %d times; want %d", test.wait, n, test.times)
			}
		}
	})
}

// TestSilentUpstream: where the first upstream says nothing, the second is asked
// after the time-out; where both say nothing, there is no answer when the time is
// over.
func TestSilentUpstream(t *testing.T) {
	simulate(t, []inet.Addr{first, second}, func(s *sim) {
		s.upstream(first, silent)
		mute := false
		s.upstream(second, func(q dnsmessage.Message, _ bool) dnsmessage.Message {
			q.Response = !mute
			return q
		})
		c := s.client()
		if m, took := c.asks("a.test."); len(m.Answers) != 1 || took != 2*time.Second {
			t.Errorf("after %v, the client gets %+v", took, m)
		}
		mute = true
		if m, took := c.asks("b.test."); m.RCode != dnsmessage.RCodeServerFailure || took != 5*time.Second {
			t.Errorf("after %v, the client gets %+v", took, m)
		}
	})
}

// TestLongAnswer: an answer that is too long for UDP comes over TCP. A client
// that has no room for it is told so, and gets it over TCP, too.
func TestLongAnswer(t *testing.T) {
	simulate(t, []inet.Addr{first}, func(s *sim) {
		u := s.upstream(first, func(q dnsmessage.Message, stream bool) dnsmessage.Message {
			if !stream {
				q.Truncated, q.Answers = true, nil
				return q
			}
			for range 20 {
				q.Answers = append(q.Answers, record("www.test.", dnsmessage.TypeTXT, 300))
			}
			return q
		})
		if m, _ := s.client().asks("www.test."); !m.Truncated || len(m.Answers) > 0 {
			t.Errorf("over UDP, the client gets %+v", m)
		}
		c, err := s.network.Dial(context.Background(), "tcp", "127.0.0.1:5353")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for range 2 {
			if _, err := c.Write(framed(clientQuery(t, "www.test."))); err != nil {
				t.Fatal(err)
			}
			packet, err := readFrame(c)
			if err != nil {
				t.Fatal(err)
			}
			if m := read(t, packet); m.Truncated || len(m.Answers) != 21 {
				t.Errorf("over TCP, the client gets %+v", m)
			}
		}
		if n := u.times("www.test."); n != 2 { // over UDP and TCP
			t.Errorf("it was asked %d times", n)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("at last, the connection should be closed: %v", err)
		}
	})
}

// TestLoop: a resolver that asks itself notices that this question is being asked
// already, and waits in vain.
func TestLoop(t *testing.T) {
	simulate(t, []inet.Addr{inet.Remote("127.0.0.1", 5353)}, func(s *sim) {
		if m, took := s.client().asks("www.test."); m.RCode != dnsmessage.RCodeServerFailure || took != 5*time.Second {
			t.Errorf("after %v, the client gets %+v", took, m)
		}
	})
}

// TestStopWhileAsking: a resolver that is stopped ends, also while clients
// wait.
func TestStopWhileAsking(t *testing.T) {
	simulate(t, []inet.Addr{first}, func(s *sim) {
		s.upstream(first, silent)
		c := s.client()
		if _, err := c.conn.WriteTo(clientQuery(t, "www.test."), c.to); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	})
}

// TestPortTaken: if one of the two ports is taken, there is no service, and Run
// returns the reason.
func TestPortTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, take := range []func(*simnet.Network) (io.Closer, error){
			func(n *simnet.Network) (io.Closer, error) { return n.Listen(t.Context(), "tcp", "127.0.0.1:5353") },
			func(n *simnet.Network) (io.Closer, error) {
				return n.ListenPacket(t.Context(), "udp", "127.0.0.1:5353")
			},
		} {
			n := simnet.New("test")
			c, err := take(n)
			if err != nil {
				t.Fatal(err)
			}
			err = ground.Run(t.Context(), tcp.DriverOn(n), udp.DriverOn(n), timer.Driver(), actions.Group(resolve(testConfig(first))))
			if !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("Run returns %v", err)
			}
			c.Close()
		}
	})
}
