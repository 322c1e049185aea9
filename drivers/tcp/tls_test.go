package tcp_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// secureAt is where tests listen for TLS.
var secureAt = loopback.TLS("web")

// dialTLS connects to the machine, as a client of package tls.
func (l *lab) dialTLS(at tcp.Addr, settings *tls.Config) *conn {
	l.Helper()
	return l.speakTLS(l.dial(at), settings)
}

func (l *lab) speakTLS(c *conn, settings *tls.Config) *conn {
	l.Helper()
	s := tls.Client(c.Conn, named(settings))
	if err := s.Handshake(); err != nil {
		l.Fatal(err)
	}
	return &conn{s, l}
}

// named returns settings for connections to the tests' server.
func named(settings *tls.Config) *tls.Config {
	s := settings.Clone()
	s.ServerName = "localhost"
	return s
}

// sessionsOf makes the user report sessions.
func (u *user) sessionsOf(them, us tcp.Addr) chan tcp.Session {
	sessions := make(chan tcp.Session, 10)
	u.do(endpoint.ObservePublishers(tcp.SessionOf(them, us),
		endpoint.OnPresence(func(s tcp.Session) actions.Action { sessions <- s; return nil }),
		endpoint.OnAbsence(func(tcp.Session, error) actions.Action { close(sessions); return nil }),
	).As("sessions"))
	return sessions
}

func TestDR33TLSServer(t *testing.T) {
	everywhere(t, secured(tcp.Config{}), func(l *lab) {
		u := l.user("server")
		u.do(u.watchListening(secureAt), echoes(secureAt))
		bound := u.next("listening").listening.Bound
		for range 3 {
			c := l.dialTLS(bound, clientSettings())
			c.write("hello")
			c.read("hello")
			c.write("world")
			c.closeWrite()
			c.read("world")
			c.end() // which is a close_notify
			c.Close()
		}
	})
}

// listenTLS returns a socket of package tls that listens, for users to connect
// to.
func (l *lab) listenTLS(settings *tls.Config) (net.Listener, tcp.Addr) {
	l.Helper()
	far, at := l.far()
	return tls.NewListener(far, settings), at.TLS("client")
}

func TestDR33TLSClient(t *testing.T) {
	everywhere(t, secured(tcp.Config{}), func(l *lab) {
		far, at := l.listenTLS(&tls.Config{Certificates: []tls.Certificate{pki().server}})
		defer far.Close()
		u := l.user("client")
		u.do(publish(me, at), u.subscribe(at, me))
		c := l.accept(far)
		go c.Conn.(*tls.Conn).Handshake()
		if e := u.next("presence"); e.data.From != at || e.data.To != me {
			l.Errorf("heard %v", e)
		}
		u.do(data(me, at, "hello"))
		c.read("hello")
		c.write("hello yourself")
		if got := string(u.read(14)); got != "hello yourself" {
			l.Errorf("got %q", got)
		}
		c.closeWrite()
		u.end()
		u.do(data(me, at, "bye"), eof(me, at))
		c.read("bye")
		c.end()
		c.Close()
	})
}

// Both sides are processes of one machine, and each sees who the other is.
func TestDR33TLSBothSides(t *testing.T) {
	everywhere(t, secured(tcp.Config{}), func(l *lab) {
		us := loopback.TLS("members")
		server, client := l.user("server"), l.user("client")
		at := tcp.Remote("localhost", server.listen(us).Port()).TLS("member")
		client.do(publish(me, at), client.subscribe(at, me))
		them := server.next("presence").data.From
		client.next("presence")

		// Sessions are told even if one asks late.
		theirs, ours := server.sessionsOf(them, us), client.sessionsOf(at, me)
		s, c := <-theirs, <-ours
		for name, s := range map[string]tcp.Session{"server": s, "client": c} {
			if s.Version != tls.VersionTLS13 || s.CipherSuite == 0 || s.ServerName != "localhost" || s.Protocol != "" || !s.Verified {
				l.Errorf("the %s hears of %v", name, s)
			}
			certificates, err := s.PeerCertificates()
			want := map[string]string{"server": "client", "client": "server"}[name]
			if err != nil || len(certificates) != 1 || certificates[0].Subject.CommonName != want {
				l.Errorf("the %s sees %v, %v", name, certificates, err)
			}
		}

		server.do(server.subscribe(them, us), publish(us, them))
		server.next("presence")
		client.do(data(me, at, "hello"))
		if got := string(server.read(5)); got != "hello" {
			l.Errorf("got %q", got)
		}
		server.do(data(us, them, "hello yourself"), eof(us, them))
		if got := string(client.read(14)); got != "hello yourself" {
			l.Errorf("got %q", got)
		}
		client.end()
		client.do(actions.Delete("out"), actions.Delete("in"))
		server.until("absence")
		for _, sessions := range []chan tcp.Session{theirs, ours} {
			if s, ok := <-sessions; ok {
				l.Errorf("there is another session: %v", s)
			}
		}
	})
}

func TestDR33SessionComesBeforeTheFlows(t *testing.T) {
	everywhere(t, secured(tcp.Config{}), func(l *lab) {
		order := make(chan string, 10)
		say := func(what string) actions.Action { order <- what; return nil }
		u := l.user("server")
		u.do(
			endpoint.ObservePublishers(tcp.Arriving(secureAt), endpoint.OnPresence(func(tcp.Data) actions.Action { return say("flow") })),
			endpoint.ObservePublishers(topic.All[tcp.Session](), endpoint.OnPresence(func(s tcp.Session) actions.Action { return say("session") })),
			u.watchListening(secureAt),
		)
		c := l.dialTLS(u.next("listening").listening.Bound, clientSettings())
		defer c.Close()
		if first, second := <-order, <-order; first != "session" || second != "flow" {
			l.Errorf("first the %s, and then the %s", first, second)
		}
	})
}

func TestDR33Protocols(t *testing.T) {
	config := secured(tcp.Config{})
	config.TLS["web"].NextProtos = []string{"chat/2", "chat/1"}
	everywhere(t, config, func(l *lab) {
		u := l.user("server")
		bound := u.listen(secureAt)
		settings := clientSettings()
		settings.NextProtos = []string{"chat/1"}
		c := l.dialTLS(bound, settings)
		defer c.Close()
		if s := <-u.sessionsOf(u.next("presence").data.From, secureAt); s.Protocol != "chat/1" || s.Certificates != "" || s.Verified {
			l.Errorf("heard of %v", s)
		}
	})
}

// A large transfer works through sockets that do not take everything at once.
func TestDR33TLSLargeTransfers(t *testing.T) {
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, secured(tcp.Config{}), func(l *lab) {
				u := l.user("server")
				u.do(u.watchListening(secureAt), echoes(secureAt))
				settings := clientSettings()
				settings.MaxVersion = version
				c := l.dialTLS(u.next("listening").listening.Bound, settings)
				all := pattern(4 << 20)
				sent := make(chan error, 1)
				go func() {
					_, err := c.Write(all)
					sent <- errors.Join(err, c.Conn.(*tls.Conn).CloseWrite())
				}()
				got, err := io.ReadAll(c)
				if err != nil || string(got) != string(all) {
					l.Errorf("got %d bytes of %d, %v", len(got), len(all), err)
				}
				if err := <-sent; err != nil {
					l.Error(err)
				}
				c.Close()
			})
		})
	}
}

// Data from before a quit arrives, and a close_notify after it.
func TestDR33TLSCloseDoesNotLoseWhatWasWritten(t *testing.T) {
	everywhere(t, secured(tcp.Config{}), func(l *lab) {
		server, u := l.user("server"), l.user("session")
		c := l.dialTLS(server.listen(secureAt), clientSettings())
		them := server.next("presence").data.From
		c.write(string(pattern(50 << 10))) // which nobody reads
		u.do(publish(secureAt, them))
		text := string(pattern(600 << 10))
		u.do(data(secureAt, them, text), actions.Quit())
		c.read(text)
		c.end()
		c.Close()
	})
}

// A peer that vanishes without a close_notify may have been cut off.
func TestDR33TruncationIsAnError(t *testing.T) {
	everywhere(t, secured(tcp.Config{}), func(l *lab) {
		server, u := l.user("server"), l.user("session")
		raw := l.dial(server.listen(secureAt))
		c := l.speakTLS(raw, clientSettings())
		them := server.next("presence").data.From
		u.do(publish(secureAt, them), u.subscribe(them, secureAt))
		u.next("presence")
		c.write("the first half")
		u.read(14)
		raw.Close() // the socket, without a word
		e := u.next("absence")
		if !errors.Is(e.reason, io.ErrUnexpectedEOF) || !strings.Contains(e.reason.Error(), them.String()) {
			l.Errorf("the reason is %v", e.reason)
		}
		u.silence()
	})
}

// Before the handshake is done there is nothing to claim.
func TestDR33ClaimLimitCountsFromTheHandshake(t *testing.T) {
	simulated(t, secured(tcp.Config{ClaimLimit: time.Second, HandshakeLimit: time.Hour}), func(l *lab) {
		u := l.user("server")
		raw := l.dial(u.listen(secureAt))
		<-time.After(10 * time.Second)
		u.silence()
		c := l.speakTLS(raw, clientSettings())
		u.next("presence")
		c.end()
		if e := u.next("absence"); !errors.Is(e.reason, tcp.ErrUnclaimed) {
			l.Errorf("the reason is %v", e.reason)
		}
		c.Close()
	})
}

// A connection counts during its handshake, too.
func TestDR33MaxConnectionsCountsHandshakes(t *testing.T) {
	everywhere(t, secured(tcp.Config{MaxConnections: 1}), func(l *lab) {
		u := l.user("server")
		bound := u.listen(secureAt)
		raw, second := l.dial(bound), l.dial(bound)
		u.silence()
		raw.Close()
		c := l.speakTLS(second, clientSettings())
		defer c.Close()
		if e := u.next("presence"); e.data.From.String() != c.LocalAddr().String() {
			l.Errorf("heard %v; want the second", e)
		}
	})
}
