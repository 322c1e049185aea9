package tcp_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
)

// Issue 9.1: a clean end means that everything was sent. If something could not be
// sent, the connection ends with a reset.

// A process may send any amount in one turn. A peer that reads gets all of it,
// and then a clean end.
func TestFastPeerGetsEverything(t *testing.T) {
	pieces := func(n, size int) func(from, to tcp.Addr) actions.Action {
		return func(from, to tcp.Addr) actions.Action {
			piece := data(from, to, string(pattern(size)))
			all := make(actions.Tree, n)
			for i := range all {
				all[i] = piece
			}
			return actions.Group(all, eof(from, to))
		}
	}
	for _, tt := range []struct {
		name string
		send func(from, to tcp.Addr) actions.Action
		want string
	}{
		{"one value that is as large as the queue", func(from, to tcp.Addr) actions.Action {
			return actions.Send(tcp.Data{From: from, To: to, Bytes: pattern(1_048_513), EOF: true})
		}, string(pattern(1_048_513))},
		{"one value that is much larger", func(from, to tcp.Addr) actions.Action {
			return actions.Send(tcp.Data{From: from, To: to, Bytes: pattern(20 << 20), EOF: true})
		}, string(pattern(20 << 20))},
		{"many small ones", pieces(20_000, 10), strings.Repeat(string(pattern(10)), 20_000)},
		{"many large ones", pieces(100, 100<<10), strings.Repeat(string(pattern(100<<10)), 100)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, tcp.Config{}, func(l *lab) {
				u, them, c := l.session()
				defer c.Close()
				u.do(tt.send(loopback, them))
				c.read(tt.want)
				c.end()
			})
		})
	}
}

// Data of a process arrives before the connection ends with the process, however the
// process ends.
func TestLastWordsArrive(t *testing.T) {
	for name, end := range map[string]actions.Action{
		"quits": actions.Quit(),
		"fails": actions.Fail(errors.New("enough")),
		"panics": actions.Yield(func(struct{}) actions.Transition[struct{}] {
			panic("enough")
		}),
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, tcp.Config{}, func(l *lab) {
				u, them, c := l.session()
				defer c.Close()
				words := string(pattern(3 << 20))
				u.do(data(loopback, them, words), end)
				c.read(words)
				c.end()
			})
		})
	}
}

// A peer that does not read gets a reset, and no clean end, because data for it could
// not be sent.
func TestSlowPeerIsReset(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u, them, c := l.session()
		defer c.Close()
		piece := data(loopback, them, string(pattern(256<<10)))
		for failed := false; !failed; {
			select {
			case u.deeds <- piece:
			case e := <-u.heard:
				if failed = true; e.what != "absence" || !errors.Is(e.reason, tcp.ErrSlowConsumer) || !strings.Contains(e.reason.Error(), "DeviceQueue is 1048576") {
					l.Errorf("heard %v", e)
				}
			case <-time.After(patience):
				l.Fatal("a peer that never reads is no problem")
			}
		}
		c.mustBeReset()
	})
}

// A machine that stops waits for a peer that does not read for CloseLimit, and then
// resets the connection.
func TestStopResetsWhatIsNotSent(t *testing.T) {
	network := world.SystemNetwork()
	at := make(chan tcp.Addr, 1)
	said := make(chan bool, 1)
	g := ground.Ground{CloseLimit: time.Millisecond}
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error)
	go func() {
		over <- g.Run(ctx, tcp.Driver(),
			endpoint.ObservePublishers(tcp.ListeningAt(loopback), endpoint.OnPresence(func(l tcp.Listening) actions.Action {
				at <- l.Bound
				return nil
			})),
			endpoint.ObservePublishers(tcp.Arriving(loopback), endpoint.OnPresence(func(c tcp.Data) actions.Action {
				said <- true
				return actions.Group(endpoint.Publisher(tcp.Flow(c.To, c.From)), data(c.To, c.From, string(pattern(30<<20))))
			})))
	}()
	c, err := network.Dial(ctx, "tcp", (<-at).String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	<-said
	one := make([]byte, 1)
	if _, err := io.ReadFull(c, one); err != nil { // so that there is something to be sent
		t.Fatal(err)
	}
	stop()
	if err := <-over; err != nil {
		t.Fatal(err)
	}
	(&conn{c, &lab{T: t}}).mustBeReset()
}

// If something could not be sent, the connection ends with a reset, also with TLS.
func TestSlowPeerIsResetTLS(t *testing.T) {
	everywhere(t, secured(tcp.Config{}), func(l *lab) {
		u := l.user("server")
		plain := l.dial(u.listen(secureAt))
		defer plain.Close()
		l.speakTLS(plain, clientSettings())
		them := u.next("presence").data.From
		u.do(actions.Delete("observe"), u.subscribe(them, secureAt), publish(secureAt, them))
		u.until("presence")
		piece := data(secureAt, them, string(pattern(256<<10)))
		for failed := false; !failed; {
			select {
			case u.deeds <- piece:
			case e := <-u.heard:
				failed = e.what == "absence" && errors.Is(e.reason, tcp.ErrSlowConsumer)
			case <-time.After(patience):
				l.Fatal("a peer that never reads is no problem")
			}
		}
		plain.mustBeReset()
	})
}

// mustBeReset checks that the connection ends with a reset.
func (c *conn) mustBeReset() {
	c.l.Helper()
	if n, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
		c.l.Errorf("after %d bytes comes %v; want a reset", n, err)
	}
}
