package tcp_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

func TestDR33IdleLimit(t *testing.T) {
	simulated(t, tcp.Config{IdleLimit: time.Minute}, func(l *lab) {
		u, them, c := l.session()
		c.SetDeadline(time.Time{})
		for range 3 { // each of these counts
			<-time.After(50 * time.Second)
			c.write("ping")
			u.read(4)
			<-time.After(50 * time.Second)
			u.do(data(loopback, them, "pong"))
			c.read("pong")
		}
		last := time.Now()
		c.end()
		if took := time.Since(last); took < time.Minute || took > time.Minute+2*time.Second {
			t.Errorf("it took %v", took)
		}
		mustSay(t, u.next("absence").reason, tcp.ErrIdle, "1m0s", them.String())
		c.Close()
	})
}

// With every kind of socket, and with TLS.
func TestDR33IdleLimitEverywhere(t *testing.T) {
	everywhere(t, secured(tcp.Config{IdleLimit: 50 * time.Millisecond}), func(l *lab) {
		u, them, c := l.session()
		c.end()
		mustSay(l.T, u.next("absence").reason, tcp.ErrIdle, them.String())
		c.Close()
	})
	everywhere(t, secured(tcp.Config{IdleLimit: 50 * time.Millisecond}), func(l *lab) {
		far, at := l.listenTLS(&tls.Config{Certificates: []tls.Certificate{pki().server}})
		defer far.Close()
		u := l.user("client")
		u.do(publish(me, at), u.subscribe(at, me))
		c := l.accept(far)
		c.end()
		c.Close()
		u.next("presence")
		mustSay(l.T, u.next("absence").reason, tcp.ErrIdle, at.String())
	})
}

// A process that only writes hears of it, too, and so does one that does not read:
// data that waits in the socket does not count.
func TestDR33IdleWithoutASubscriber(t *testing.T) {
	clock := world.NewManualClock("hand", time.Unix(0, 0))
	simulated(t, tcp.Config{IdleLimit: time.Minute, ClaimLimit: time.Hour, Clock: clock}, func(l *lab) {
		u, them, c := l.arrival()
		u.do(u.hear(topic.Publisher, topic.Participant, tcp.Flow(loopback, them)))
		u.next("presence")
		u.silence() // by when the connection is open, and its time runs
		clock.Advance(30 * time.Second)
		c.write("is anybody there?")
		u.silence()
		clock.Advance(29 * time.Second)
		u.silence()
		clock.Advance(time.Second)
		mustSay(t, u.next("absence").reason, tcp.ErrIdle, "1m0s", them.String())
		c.Close()
	})
}

// A peer that reads slowly is not idle; nor is one that sends a large TLS record
// little by little.
func TestDR33SlowIsNotIdle(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := simnet.New("narrow")
				network.SendBuffer = 1 << 10
				l := newLab(t, secured(tcp.Config{Network: network, IdleLimit: time.Minute}), true)
				defer l.stop()
				at, settings := loopback, clientSettings()
				if secure {
					at = secureAt
				}
				server, u := l.user("server"), l.user("session")
				raw := l.dial(server.listen(at))
				raw.SetDeadline(time.Time{})
				wire := &trickle{Conn: raw.Conn}
				c := &conn{wire, l}
				if secure {
					s := tls.Client(wire, named(settings))
					if err := s.Handshake(); err != nil {
						t.Fatal(err)
					}
					c = &conn{s, l}
				}
				them := server.next("presence").data.From
				u.do(publish(at, them), u.subscribe(them, at))
				u.next("presence")

				wire.pause = 20 * time.Second
				text := string(pattern(100 << 10))
				u.do(data(at, them, text))
				c.read(text)
				c.write(text[:16<<10])
				if string(u.read(16<<10)) != text[:16<<10] {
					t.Error("something else has come")
				}
				wire.pause = 0
				c.Close()
			})
		})
	}
}

// trickle is a connection that is read from and written to little by little.
type trickle struct {
	net.Conn
	pause time.Duration
}

func (t *trickle) Read(b []byte) (int, error) {
	if t.pause > 0 {
		<-time.After(t.pause)
	}
	return t.Conn.Read(b[:min(2<<10, len(b))])
}

func (t *trickle) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		if t.pause > 0 {
			<-time.After(t.pause)
		}
		var m int
		m, err = t.Conn.Write(b[n:min(n+1<<10, len(b))])
		n += m
	}
	return n, err
}

func TestDR33NoIdleLimit(t *testing.T) {
	simulated(t, tcp.Config{}, func(l *lab) {
		u, _, c := l.session()
		c.SetDeadline(time.Time{})
		<-time.After(1000 * time.Hour)
		c.write("still here")
		u.read(10)
		c.Close()
		u.end()
	})
}

// No timer is left after the end of a connection or of the machine.
func TestDR33IdleTimersAreStopped(t *testing.T) {
	clock := world.NewManualClock("hand", time.Unix(0, 0))
	everywhere(t, tcp.Config{IdleLimit: time.Minute, Clock: clock}, func(l *lab) {
		far, at := l.far()
		defer far.Close()
		u, _, c := l.session()
		c.Close()
		u.end()
		client := l.user("client")
		client.do(publish(me, at))
		io.ReadAll(io.LimitReader(l.accept(far), 0))
		l.stop()
		if n := clock.Pending(); n > 0 {
			l.Errorf("%d calls are pending", n)
		}
	})
}
