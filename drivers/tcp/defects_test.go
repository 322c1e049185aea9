package tcp_test

import (
	"context"
	"io"
	"net/netip"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// B-D01: a peer that does not read delays nobody else, with and without TLS.
func TestBD01SlowPeerBlocksNobody(t *testing.T) {
	everywhere(t, secured(tcp.Config{}), func(l *lab) {
		u, them, c := l.session() // c does not read
		defer c.Close()
		secureServer, secureUser := l.user("secure server"), l.user("secure session")
		s := l.dialTLS(secureServer.listen(secureAt), clientSettings())
		defer s.Close()
		secureThem := secureServer.next("presence").data.From
		secureUser.do(publish(secureAt, secureThem), secureUser.subscribe(secureThem, secureAt))
		secureUser.next("presence")
		for range 12 { // more than any socket takes, less than makes it fail
			u.do(data(loopback, them, string(pattern(80<<10))))
			secureUser.do(data(secureAt, secureThem, string(pattern(80<<10))))
		}
		done := make(chan struct{})
		l.user("ping").do(endpoint.Subscriber(topic.All[ping](), endpoint.OnMessage(func(p ping) actions.Action {
			if p.N == 1000 {
				close(done)
				return nil
			}
			return actions.Send(ping{p.N + 1})
		})), actions.Send(ping{}))
		<-done
	})
}

// DR-27, B-D18: more than four connections may wait to be accepted.
func TestDR27BD18Backlog(t *testing.T) {
	everywhere(t, tcp.Config{MaxConnections: 1}, func(l *lab) {
		u := l.user("server")
		bound := u.listen(loopback)
		const n = 50
		for range n { // none of which fails, nor waits
			c, err := l.network.Dial(context.Background(), "tcp", bound.String())
			if err != nil {
				l.Fatal(err)
			}
			defer c.Close()
		}
		u.next("presence")
		u.silence()
	})
}

// DR-27: a listener listens on all interfaces, or on one.
func TestDR27Interfaces(t *testing.T) {
	onSystem(t, tcp.Config{}, func(l *lab) {
		for host, want := range map[string]bool{"": true, "127.0.0.1": true, "127.0.0.2": false} {
			at := tcp.Listener(host, 0)
			u := l.user("server " + host)
			bound := u.listen(at)
			c, err := l.network.Dial(context.Background(), "tcp", tcp.Remote("127.0.0.1", bound.Port()).String())
			if (err == nil) != want {
				l.Errorf("listening at %v, dialing from 127.0.0.1: %v", at, err)
			}
			if err == nil {
				c.Close()
			}
		}
	})
}

// DR-27: an address can be used again while former connections linger.
func TestDR27AddressIsUsedAgain(t *testing.T) {
	onSystem(t, tcp.Config{}, func(l *lab) {
		far, free := l.far()
		far.Close()
		at, err := tcp.ParseListener(free.String())
		if err != nil {
			l.Fatal(err)
		}
		first, session := l.user("first"), l.user("session")
		c := l.dial(first.listen(at))
		them := first.next("presence").data.From
		session.do(publish(at, them), session.subscribe(them, at))
		session.next("presence")
		first.do(actions.Delete("observe"))
		first.until("not listening")
		session.do(eof(at, them), actions.Quit()) // this side closes first, and its port lingers
		io.ReadAll(c)
		c.Close()
		again := l.user("again")
		if got := again.listen(at); got != free {
			l.Errorf("listening at %v, and not at %v", got, free)
		}
	})
}

// DR-27: options that a network or a system does not support have no effect.
func TestDR27OptionsEverywhere(t *testing.T) {
	c := tcp.Config{Backlog: 9, NoReuse: true, DialFrom: netip.MustParseAddr("127.0.0.1")}
	everywhere(t, c, func(l *lab) {
		s, c := l.user("server"), l.user("client")
		s.do(s.watchListening(loopback), echoes(loopback))
		far := s.next("listening").listening.Bound
		c.do(publish(me, far), c.subscribe(far, me))
		c.next("presence")
		c.do(data(me, far, "is anybody there?"))
		if got := string(c.read(17)); got != "is anybody there?" {
			l.Errorf("got %q", got)
		}
	})
}

// B-D11: two processes of one machine reach each other, with TLS as without.
func TestBD11BothEndsInOneMachine(t *testing.T) {
	everywhere(t, secured(tcp.Config{}), func(l *lab) {
		for settings, client := range map[string]func(tcp.Addr) tcp.Addr{
			"": func(a tcp.Addr) tcp.Addr { return a }, "web": func(a tcp.Addr) tcp.Addr { return a.TLS("client") },
		} {
			at := tcp.Listener("127.0.0.1", 0)
			if settings != "" {
				at = at.TLS(settings)
			}
			s, c := l.user("server "+settings), l.user("client "+settings)
			s.do(s.watchListening(at), echoes(at))
			far := client(s.next("listening").listening.Bound)
			c.do(publish(me, far), c.subscribe(far, me))
			c.next("presence")
			c.do(data(me, far, "is anybody there?"), eof(me, far))
			if got := string(c.read(17)); got != "is anybody there?" {
				l.Errorf("got %q", got)
			}
			c.end()
		}
	})
}
