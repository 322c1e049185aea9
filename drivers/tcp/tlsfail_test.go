package tcp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// mustSay checks a reason and its text.
func mustSay(t *testing.T, reason, is error, texts ...string) {
	t.Helper()
	e, ok := errors.AsType[*world.Error](reason)
	if !ok || !errors.Is(reason, is) {
		t.Errorf("the reason is %#v; want a %q", reason, is)
		return
	}
	for _, text := range append(texts, e.Addr) {
		if !strings.Contains(e.Text, text) || text == "" {
			t.Errorf("the reason is %q; want %q in it", e.Text, text)
		}
	}
}

// The client gets the reason if the server is wrong.
func TestDR33BadServers(t *testing.T) {
	p := pki()
	withholding := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("none today") }}
	for name, test := range map[string]struct {
		settings *tls.Config
		is       error
		texts    []string
	}{
		"expired":    {&tls.Config{Certificates: []tls.Certificate{p.expired}}, tcp.ErrCertificate, []string{"expired", "not valid"}},
		"elsewhere":  {&tls.Config{Certificates: []tls.Certificate{p.elsewhere}}, tcp.ErrCertificate, []string{"localhost", "elsewhere.test"}},
		"unknown":    {&tls.Config{Certificates: []tls.Certificate{p.unknown}}, tcp.ErrCertificate, []string{"unknown authority"}},
		"old":        {&tls.Config{Certificates: []tls.Certificate{p.server}, MaxVersion: tls.VersionTLS11}, tcp.ErrHandshake, []string{"version"}},
		"unwilling":  {withholding, tcp.ErrHandshake, []string{"the peer says"}},
		"plain text": {nil, tcp.ErrHandshake, []string{"does not speak TLS", `"220 h"`, "mail or file server"}},
		"silent":     {&tls.Config{}, tcp.ErrHandshake, []string{"closed"}},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, secured(tcp.Config{}), func(l *lab) {
				far, at := l.far()
				defer far.Close()
				at = tcp.Remote("localhost", at.Port()).TLS("client")
				done := make(chan struct{})
				go func() {
					defer close(done)
					c, err := far.Accept()
					if err != nil {
						l.Error(err)
						return
					}
					defer c.Close()
					switch {
					case test.settings == nil:
						io.WriteString(c, "220 here is another protocol\r\n")
						io.ReadAll(c)
					case name == "silent":
						c.Read(make([]byte, 1<<16))
					default:
						tls.Server(c, test.settings).Handshake()
					}
				}()
				u := l.user("client")
				u.do(publish(me, at), u.subscribe(at, me))
				u.next("presence")
				e := u.next("absence")
				mustSay(t, e.reason, test.is, append(test.texts, at.String())...)
				mustSay(t, e.reason, tcp.ErrHandshake)
				if test.is == tcp.ErrHandshake && errors.Is(e.reason, tcp.ErrCertificate) {
					t.Errorf("the reason is %v", e.reason)
				}
				<-done
			})
		})
	}
}

// A client with a bad certificate gets an error, at least after the handshake; users
// of the server never hear of it.
func TestDR33BadClients(t *testing.T) {
	p := pki()
	for name, test := range map[string]struct {
		own  []tls.Certificate
		says string
		hear []string // what the server's operator reads
	}{
		"stranger": {[]tls.Certificate{p.unknown}, "certificate", []string{"unknown authority"}},
		"none":     {nil, "certificate", []string{"didn't provide a certificate"}},
		"expired":  {[]tls.Certificate{p.late}, "certificate", []string{"expired"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := secured(tcp.Config{})
			config.TLS["test"] = clientSettings(test.own...)
			config.TLS["test"].GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(test.own) == 0 {
					return new(tls.Certificate), nil
				}
				return &test.own[0], nil // whatever the server asks for
			}
			everywhere(t, config, func(l *lab) {
				us := loopback.TLS("members")
				server, client := l.user("server"), l.user("client")
				at := tcp.Remote("localhost", server.listen(us).Port()).TLS("test")
				client.do(publish(me, at), client.subscribe(at, me))
				mustSay(t, client.until("absence").reason, tcp.ErrCertificate, at.String(), test.says)
				server.silence()
			})
			records := logOf(t, config, loopback.TLS("members"), func(_ world.Network, at tcp.Addr) {
				c := must(tls.Dial("tcp", at.String(), named(config.TLS["test"])))
				io.ReadAll(c)
				c.Close()
			})
			if len(records) != 1 {
				t.Fatalf("%d records: %v", len(records), records)
			}
			for _, text := range test.hear {
				if !strings.Contains(records[0], text) {
					t.Errorf("%s is not in %s", text, records[0])
				}
			}
		})
	}
}

// Plain text on a TLS port is refused, and logged once.
func TestDR33PlainTextIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n":       `\"GET /\", which looks like HTTP`,
		"SSH-2.0-OpenSSH_9.9\r\n":                         `\"SSH-2\", which looks like SSH`,
		"what else may come in, beginning with anything?": `\"what \"`,
	} {
		records := logOf(t, secured(tcp.Config{}), secureAt, func(n world.Network, at tcp.Addr) {
			c, err := n.Dial(t.Context(), "tcp", at.String())
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(c, text)
			if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
				t.Errorf("read %q, %v; want the end", b, err)
			}
			c.Close()
		})
		if len(records) != 1 || !strings.Contains(records[0], "the peer does not speak TLS") || !strings.Contains(records[0], want) ||
			!strings.Contains(records[0], "127.0.0.1:") || !strings.Contains(records[0], "level=WARN") {
			t.Errorf("these were logged:\n%s", strings.Join(records, "\n"))
		}
	}
}

// logOf returns the log at level warn and above while the machine listens and visit
// connects to it. Users see nobody.
func logOf(t *testing.T, c tcp.Config, at tcp.Addr, visit func(world.Network, tcp.Addr)) (records []string) {
	t.Helper()
	log := &logBook{wrote: make(chan struct{}, 100)}
	ground := &ground.Ground{Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	bound := make(chan tcp.Addr, 1)
	over := make(chan error)
	go func() {
		over <- ground.Run(ctx, c.Driver(),
			endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(c tcp.Data) actions.Action {
				t.Errorf("somebody sees %v", c.From)
				return nil
			})),
			endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(l tcp.Listening) actions.Action {
				bound <- l.Bound
				return nil
			})))
	}()
	visit(world.SystemNetwork(), <-bound)
	<-log.wrote
	log.silence()
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
	return log.lines()
}

// A logBook keeps what is logged.
type logBook struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{}
	quiet bool
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.quiet {
		b.text.Write(p)
		b.wrote <- struct{}{}
	}
	return len(p), nil
}

// silence ends the log: lines about the stop of the machine are left out.
func (b *logBook) silence() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.quiet = true
}

func (b *logBook) lines() []string {
	return strings.Split(strings.TrimSpace(b.text.String()), "\n")
}

// A missing handshake ends in time, and nobody waits for it.
func TestDR33HandshakeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New("test")
		newLab(t, secured(tcp.Config{Network: network}), true).run(func(l *lab) {
			u := l.user("server")
			bound := u.listen(secureAt)
			silent := l.dial(bound)
			began := time.Now()
			// Others are served meanwhile.
			c := l.dialTLS(bound, clientSettings())
			u.next("presence")
			c.Close()
			silent.end()
			if took := time.Since(began); took < 10*time.Second || took > 12*time.Second {
				t.Errorf("it took %v", took)
			}
			silent.Close()
			u.silence()
		})
	})
}

func TestDR33ClientHandshakeLimit(t *testing.T) {
	clock := world.NewManualClock("hand", time.Unix(0, 0))
	simulated(t, secured(tcp.Config{HandshakeLimit: time.Minute, Clock: clock}), func(l *lab) {
		far, at := l.far()
		defer far.Close()
		at = at.TLS("client")
		u := l.user("client")
		u.do(publish(me, at), u.subscribe(at, me))
		c := l.accept(far)
		synctest.Wait()
		clock.Advance(59 * time.Second)
		u.silence()
		clock.Advance(time.Second)
		u.next("presence")
		mustSay(t, u.next("absence").reason, tcp.ErrHandshake, "1m0s", at.String())
		c.Close()
	})
}

// The end of the machine, and of the user, do not wait for a handshake.
func TestDR33HandshakeIsGivenUp(t *testing.T) {
	simulated(t, secured(tcp.Config{HandshakeLimit: time.Hour}), func(l *lab) {
		began := time.Now()
		far, at := l.far()
		defer far.Close()
		at = at.TLS("client")
		u, server := l.user("client"), l.user("server")
		u.do(publish(me, at))
		c := l.accept(far)
		synctest.Wait()
		u.do(actions.Quit())
		io.ReadAll(c)
		silent := l.dial(server.listen(secureAt))
		synctest.Wait()
		l.stop()
		io.ReadAll(silent)
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// Unknown settings fail in the same way as a port that is taken.
func TestDR33UnknownSettings(t *testing.T) {
	config := secured(tcp.Config{})
	everywhere(t, config, func(l *lab) {
		for settings, text := range map[string]string{"wbe": `"web"`, "client": "no certificate"} {
			u, at := l.user(settings), loopback.TLS(settings)
			if bound := u.listen(at); bound != (tcp.Addr{}) {
				l.Errorf("bound to %v", bound)
			}
			mustSay(t, u.next("not listening").reason, tcp.ErrSettings, `"`+settings+`"`, text, "127.0.0.1:0")
		}
		u, at := l.user("client"), tcp.Remote("localhost", 1).TLS("cleint")
		u.do(publish(me, at), u.subscribe(at, me))
		u.next("presence")
		mustSay(t, u.next("absence").reason, tcp.ErrSettings, `"cleint"`, `"client"`, at.String())
	})
	simulated(t, tcp.Config{}, func(l *lab) {
		u := l.user("server")
		u.listen(secureAt)
		mustSay(t, u.next("not listening").reason, tcp.ErrSettings, `"web"`, "is empty")
	})
}
