package tcp_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
)

// session returns the two ends of an incoming connection: a user that takes part in
// it, and a socket.
func (l *lab) session() (u *user, them tcp.Addr, c *conn) {
	l.Helper()
	u, them, c = l.arrival()
	u.do(publish(loopback, them), u.subscribe(them, loopback))
	u.next("presence")
	return u, them, c
}

// arrival is session for a user that does not take part yet.
func (l *lab) arrival() (u *user, them tcp.Addr, c *conn) {
	l.Helper()
	server, u := l.user("server"), l.user("session")
	c = l.dial(server.listen(loopback))
	return u, server.next("presence").data.From, c
}

func TestBD05DataWaits(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u, them, c := l.arrival()
		c.write("first of all")
		u.do(publish(loopback, them))
		u.do(data(loopback, them, "go on"))
		c.read("go on")
		c.write(", and then")
		c.closeWrite()
		u.silence()
		u.do(u.subscribe(them, loopback))
		u.next("presence")
		if got := string(u.read(22)); got != "first of all, and then" {
			l.Errorf("got %q", got)
		}
		u.end()
		c.Close()
	})
}

func TestBD05UnclaimedIsClosed(t *testing.T) {
	everywhere(t, tcp.Config{ClaimLimit: 100 * time.Millisecond}, func(l *lab) {
		u := l.user("server")
		c := l.dial(u.listen(loopback))
		u.next("presence")
		c.end()
		if e := u.next("absence"); !errors.Is(e.reason, tcp.ErrUnclaimed) || !strings.Contains(e.reason.Error(), c.LocalAddr().String()) {
			l.Errorf("the reason is %v", e.reason)
		}
		c.Close()
	})
}

func TestClaimLimitByAnotherClock(t *testing.T) {
	clock := world.NewManualClock("hand", time.Unix(0, 0))
	simulated(t, tcp.Config{Clock: clock}, func(l *lab) {
		u := l.user("server")
		c := l.dial(u.listen(loopback))
		u.next("presence")
		u.silence()
		clock.Advance(29 * time.Second)
		u.silence()
		clock.Advance(time.Second)
		u.next("absence")
		c.Close()
	})
}

func TestDR24EndOfPeer(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u, them, c := l.session()
		c.write("goodbye")
		c.closeWrite()
		if got := string(u.read(7)); got != "goodbye" {
			l.Errorf("got %q", got)
		}
		u.end()
		// Half of the connection is still there.
		u.do(actions.Delete("in"))
		u.do(data(loopback, them, "the answer"))
		c.read("the answer")
		u.do(data(loopback, them, ", and more"))
		c.read(", and more")
		u.do(actions.Delete("out"))
		c.end()
		c.Close()
	})
}

func TestDR25EndOfUser(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u, them, c := l.session()
		u.do(data(loopback, them, "over"), eof(loopback, them))
		u.do(data(loopback, them, "and out")) // which is dropped
		c.read("over")
		c.end()
		c.write("an answer")
		if got := string(u.read(9)); got != "an answer" {
			l.Errorf("got %q", got)
		}
		c.Close()
		u.end()
	})
}

// A peer that ends its side at once gets its answer.
func TestBD06ReplyIsNotLost(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u := l.user("server")
		u.do(u.watchListening(loopback), endpoint.ObservePublishers(tcp.Arriving(loopback),
			endpoint.OnPresence(func(c tcp.Data) actions.Action { return actions.Spawn(lateAnswer(c.From, c.To)) })))
		c := l.dial(u.next("listening").listening.Bound)
		c.write("question")
		c.closeWrite()
		c.read("answer")
		c.end()
		c.Close()
	})
}

// lateAnswer begins to publish only after it has received everything.
func lateAnswer(them, us tcp.Addr) actions.Process {
	return actions.Stateless(endpoint.Subscriber(tcp.Flow(them, us),
		endpoint.OnAbsence(func(tcp.Data, error) actions.Action {
			return actions.Spawn(actions.Stateless(
				endpoint.Publisher(tcp.Flow(us, them), endpoint.OnPresence(func(tcp.Data) actions.Action {
					return actions.Tree{data(us, them, "answer"), actions.Quit()}
				})),
			))
		}),
	))
}

func TestReset(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u, _, c := l.session()
		c.write("x")
		u.read(1)
		c.reset()
		e := u.next("absence")
		reason, ok := errors.AsType[*world.Error](e.reason)
		if !ok || !errors.Is(e.reason, syscall.ECONNRESET) || reason.Addr != c.LocalAddr().String() {
			l.Errorf("the reason is %#v", e.reason)
		}
	})
}

func TestBD07OneByteAtATime(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u, them, c := l.session()
		text := string(pattern(500))
		for i := range len(text) {
			c.write(text[i : i+1])
		}
		if got := string(u.read(len(text))); got != text {
			l.Errorf("got %q", got)
		}
		var bytewise actions.Tree
		for i := range len(text) {
			bytewise = append(bytewise, data(loopback, them, text[i:i+1]))
		}
		u.do(bytewise)
		c.read(text)
		c.Close()
	})
}

func TestLargeTransfersBothWays(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u := l.user("server")
		u.do(u.watchListening(loopback), echoes(loopback))
		c := l.dial(u.next("listening").listening.Bound)
		all := pattern(8 << 20)
		sent := make(chan error, 1)
		go func() {
			_, err := c.Write(all)
			c.Conn.(interface{ CloseWrite() error }).CloseWrite()
			sent <- err
		}()
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, all) {
			l.Errorf("got %d bytes of %d, %v", len(got), len(all), err)
		}
		if err := <-sent; err != nil {
			l.Error(err)
		}
		c.Close()
	})
}

func TestDR27ReadBuffer(t *testing.T) {
	everywhere(t, tcp.Config{ReadBuffer: 100}, func(l *lab) {
		u, _, c := l.session()
		c.write(string(pattern(1000)))
		for n := 0; n < 1000; {
			b := u.next("data").data.Bytes
			if len(b) > 100 {
				l.Fatalf("%d bytes at once", len(b))
			}
			n += len(b)
		}
		c.Close()
	})
}

func TestSlowConsumer(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u, them, c := l.session()
		defer c.Close()
		piece := data(loopback, them, string(pattern(256<<10)))
		for {
			select {
			case u.deeds <- piece:
				continue
			case e := <-u.heard:
				if e.what != "absence" || !errors.Is(e.reason, tcp.ErrSlowConsumer) || !strings.Contains(e.reason.Error(), them.String()) {
					l.Errorf("heard %v", e)
				}
			case <-time.After(patience):
				l.Error("a peer that never reads is no problem")
			}
			break
		}
	})
}

// A peer that reads late gets everything.
func TestLateReader(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u, them, c := l.session()
		text := string(pattern(900 << 10))
		for i := 0; i < len(text); i += 10 << 10 {
			u.do(data(loopback, them, text[i:i+10<<10]))
		}
		u.do(actions.Quit())
		c.read(text)
		c.end()
		c.Close()
	})
}

// Written data arrives even if not everything was read.
func TestCloseDoesNotLoseWhatWasWritten(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u, them, c := l.arrival()
		c.write(string(pattern(50 << 10))) // which nobody reads
		u.do(publish(loopback, them))
		text := string(pattern(60 << 10))
		u.do(data(loopback, them, text), actions.Quit())
		c.read(text)
		c.end()
		c.Close()
	})
}

// A peer that keeps its side open does not keep the socket for ever.
func TestHalfOpenPeer(t *testing.T) {
	everywhere(t, tcp.Config{LingerLimit: 50 * time.Millisecond}, func(l *lab) {
		u, them, c := l.session()
		u.do(data(loopback, them, "bye"), actions.Quit())
		c.read("bye")
		c.end()
		for { // until the other side is closed
			if _, err := c.Write([]byte("is anybody there?")); err != nil {
				break
			}
			<-time.After(time.Millisecond)
		}
		c.Close()
	})
}

func TestHandoverOnTheGround(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u, them, c := l.session()
		heir := l.newUser("heir")
		u.do(actions.Spawn(actions.Stateless(publish(loopback, them), heir.subscribe(them, loopback))), actions.Quit())
		heir.next("presence")
		c.write("hello")
		if got := string(heir.read(5)); got != "hello" {
			l.Errorf("got %q", got)
		}
		c.Close()
		heir.end()
	})
}

func TestStopSaysGoodbye(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		_, them, c := l.arrival()
		u := l.user("polite")
		u.do(actions.Spawn(actions.Stateless(publish(loopback, them), endpoint.Subscriber(tcp.Flow(them, loopback),
			endpoint.OnPresence(func(tcp.Data) actions.Action { return u.tell(event{what: "presence"}) }),
			endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action {
				u.tell(event{what: "absence", reason: reason})
				return actions.Tree{data(loopback, them, "we are closing"), actions.Quit()}
			})))))
		u.next("presence")
		stopped := make(chan struct{})
		go func() {
			l.stop()
			close(stopped)
		}()
		c.read("we are closing")
		c.end()
		c.Close()
		<-stopped
		if e := u.next("absence"); !errors.Is(e.reason, world.ErrStopped) {
			l.Errorf("the reason is %v", e.reason)
		}
	})
}
