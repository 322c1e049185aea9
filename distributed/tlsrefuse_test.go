package distributed_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/distributed/networktest"
	"github.com/go-marketplace/marketplace/world"
)

// dialed returns the error with which a node fails to dial node b at an address.
func dialed(t *testing.T, c distributed.TLSConfig, at string) error {
	t.Helper()
	c.Peers = map[string]string{"b": at}
	c.Logger = new(logBook).logger()
	l, err := mustTLS(t, c).Dial(t.Context(), "b", "room")
	if err == nil {
		_ = l.Close()
		t.Fatal("the node has a link")
	}
	return err
}

// serve offers a place on a node, and returns its address and its log.
func serve(t *testing.T, c distributed.TLSConfig) (n *distributed.TLSNetwork, o distributed.Offer, log *logBook) {
	t.Helper()
	log = new(logBook)
	c.Logger = log.logger()
	n = mustTLS(t, c)
	return n, networktest.Offer(t, n, "room"), log
}

// A nodePair is what two nodes have that do not agree to a link.
type nodePair struct {
	client, home distributed.TLSConfig
	is           error
	dialer, log  []string // what the texts at both ends have
}

// TestTLSRefusedAtBothEnds: what is wrong is said at both ends. B-P01, B-P02.
func TestTLSRefusedAtBothEnds(t *testing.T) {
	one, other := newPKI(t), newPKI(t)
	key, otherKey := keyFile(t, strings.Repeat("1", 32)), keyFile(t, strings.Repeat("2", 32))
	trustsOther := one.node(t, "r", "a")
	trustsOther.Authorities = both(one, other)
	for name, p := range map[string]nodePair{
		"realm key": {
			distributed.TLSConfig{Node: "a", RealmKeyFile: key}, distributed.TLSConfig{Node: "b", RealmKeyFile: otherKey},
			distributed.ErrRealm, []string{"another realm key", "the same realm key file"}, []string{"another realm key", "the same realm key file"},
		},
		"authority": {
			one.node(t, "r", "a"), other.node(t, "r", "b"),
			distributed.ErrRealm, []string{"authority that this node trusts"}, []string{"authority that this node trusts"},
		},
		"authority, at home alone": {
			trustsOther, other.node(t, "r", "b"),
			distributed.ErrRealm, []string{"does not know the authority of the certificate of this node"}, []string{"authority that this node trusts"},
		},
		"name of the realm": {
			one.node(t, "r", "a"), one.node(t, "s", "b"),
			distributed.ErrRealm, []string{`realm \"s\"`, `realm \"r\"`}, []string{"realm"},
		},
		"other node": {
			distributed.TLSConfig{Node: "a", RealmKeyFile: key}, distributed.TLSConfig{Node: "c", RealmKeyFile: key},
			distributed.ErrWrongNode, []string{`it is node \"c\"`, `node \"b\" was dialed`}, []string{`the other side says`, `it is node \"c\"`},
		},
		"own name": {
			distributed.TLSConfig{Node: "c", RealmKeyFile: key}, distributed.TLSConfig{Node: "c", RealmKeyFile: key},
			distributed.ErrWrongNode, []string{`it is node \"c\"`}, []string{"as this one is"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, _, log := serve(t, p.home)
			err := dialed(t, p.client, n.Addr().String())
			if reduced := world.Reduce(err); !errors.Is(reduced, p.is) || !errors.Is(reduced, distributed.ErrHandshake) {
				t.Errorf("the error is %v; want %q", err, p.is)
			}
			for _, text := range append(p.dialer, n.Addr().String()) {
				if !strings.Contains(err.Error(), strings.ReplaceAll(text, `\`, "")) {
					t.Errorf("the error is %q; want %q in it", err, text)
				}
			}
			awaitRefusals(t, n, 1)
			log.mustLog(t, append(p.log, p.is.Error(), "127.")...)
		})
	}
}

func both(ps ...*pki) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, p := range ps {
		pool.AddCert(p.root)
	}
	return pool
}

// awaitRefusals waits until a node has refused so many connections.
func awaitRefusals(t *testing.T, n *distributed.TLSNetwork, want uint64) {
	t.Helper()
	await(t, func() bool { return n.Refused() >= want }, func() string {
		return fmt.Sprintf("%d connections were refused; want %d", n.Refused(), want)
	})
}

// await waits until something holds.
func await(t *testing.T, holds func() bool, otherwise func() string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal(otherwise())
		}
	}
}

// TestTLSStrangers: what is no node is refused with an alert, counted and logged, and the
// node goes on. B-P02, B-F02.
func TestTLSStrangers(t *testing.T) {
	p := newPKI(t)
	node := p.issue(t, nil, "marketplace://r/a")
	settings := func(with func(*tls.Config)) *tls.Config {
		c := p.client(node)
		with(c)
		return c
	}
	certificate := func(c tls.Certificate) *tls.Config { return p.client(c) }
	for name, test := range map[string]struct {
		client *tls.Config // nil for plain text
		is     error
		log    string
		alert  string
	}{
		"plain text":     {nil, distributed.ErrHandshake, `does not speak TLS: it has begun with \"GET /\"`, ""},
		"TLS 1.2":        {settings(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), distributed.ErrHandshake, "does not speak TLS 1.3", "protocol version"},
		"no certificate": {settings(func(c *tls.Config) { c.GetClientCertificate = nil }), distributed.ErrCertificate, "it has none", "certificate required"},
		"other protocol": {settings(func(c *tls.Config) { c.NextProtos = []string{"h2"} }), distributed.ErrHandshake, "h2", "no application protocol"},
		"no protocol":    {settings(func(c *tls.Config) { c.NextProtos = nil }), distributed.ErrHandshake, `speaks \"\"`, ""},
		"other realm":    {certificate(newPKI(t).issue(t, nil, "marketplace://r/a")), distributed.ErrRealm, "another realm key", "unknown certificate authority"},
		"expired": {certificate(p.issue(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, "marketplace://r/a")),
			distributed.ErrCertificate, "expired", "expired certificate"},
		"for servers alone": {certificate(p.issue(t, func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[1:] }, "marketplace://r/a")),
			distributed.ErrCertificate, "usage", "bad certificate"},
		"no name":          {certificate(p.issue(t, nil)), distributed.ErrCertificate, "names 0 nodes", ""},
		"two names":        {certificate(p.issue(t, nil, "marketplace://r/a", "marketplace://r/c")), distributed.ErrCertificate, "names 2 nodes", ""},
		"no node":          {certificate(p.issue(t, nil, "marketplace://r")), distributed.ErrCertificate, "not of the form", ""},
		"empty node":       {certificate(p.issue(t, nil, "marketplace://r/")), distributed.ErrCertificate, "empty", ""},
		"query":            {certificate(p.issue(t, nil, "marketplace://r/a?b")), distributed.ErrCertificate, "not of the form", ""},
		"long name":        {certificate(p.issue(t, nil, "marketplace://r/"+strings.Repeat("x", 256))), distributed.ErrCertificate, "255", ""},
		"other realm name": {certificate(p.issue(t, nil, "marketplace://s/a")), distributed.ErrRealm, `realm \"s\"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n, o, log := serve(t, p.node(t, "r", "b"))
			c, err := net.Dial("tcp", n.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if test.client == nil {
				_, err = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
			} else {
				c = tls.Client(c, test.client)
				_, err = c.Write([]byte("x"))
			}
			if err == nil {
				_, err = io.Copy(io.Discard, c)
			}
			if test.alert != "" && (err == nil || !strings.Contains(err.Error(), "remote error: tls: "+test.alert)) {
				t.Errorf("the client hears %v; want %q", err, test.alert)
			}
			_ = c.Close()
			awaitRefusals(t, n, 1)
			log.mustLog(t, test.is.Error(), test.log, c.LocalAddr().String())
			goesOn(t, p, n, o)
		})
	}
}

// goesOn checks that a node still takes links.
func goesOn(t *testing.T, p *pki, n *distributed.TLSNetwork, o distributed.Offer) {
	t.Helper()
	c := p.node(t, "r", "live")
	c.Peers = map[string]string{"b": n.Addr().String()}
	l := networktest.Dial(t, mustTLS(t, c), "b", "room")
	defer l.Close()
	home := networktest.Accept(t, o, "b", "room")
	go home.Close()
	if home.Peer() != "live" {
		t.Errorf("the peer is %q", home.Peer())
	}
	networktest.Ended(t, l)
}

// TestTLSBadServers: the node that dials hears what is wrong with what it has reached.
func TestTLSBadServers(t *testing.T) {
	p := newPKI(t)
	server := func(c tls.Certificate, with func(*tls.Config)) func(net.Conn) {
		s := &tls.Config{Certificates: []tls.Certificate{c}, ClientAuth: tls.RequireAnyClientCert, NextProtos: []string{"marketplace/1"}}
		if with != nil {
			with(s)
		}
		return func(c net.Conn) {
			t := tls.Server(c, s)
			_, _ = t.Write(frame(0)) // which accepts the client
			_, _ = io.Copy(io.Discard, t)
		}
	}
	good := p.issue(t, nil, "marketplace://r/b")
	for name, test := range map[string]struct {
		serve func(net.Conn)
		is    error
		text  string
	}{
		"plain text":  {func(c net.Conn) { _, _ = io.WriteString(c, "220 hello\r\n"); _, _ = io.Copy(io.Discard, c) }, distributed.ErrHandshake, "does not speak TLS"},
		"closes":      {func(c net.Conn) { _, _ = c.Read(make([]byte, 1<<14)) }, distributed.ErrHandshake, "closed the connection"},
		"TLS 1.2":     {server(good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), distributed.ErrHandshake, "version"},
		"no protocol": {server(good, func(c *tls.Config) { c.NextProtos = nil }), distributed.ErrHandshake, `speaks ""`},
		"other realm": {server(newPKI(t).issue(t, nil, "marketplace://r/b"), nil), distributed.ErrRealm, "another realm key"},
		"other node":  {server(p.issue(t, nil, "marketplace://r/c"), nil), distributed.ErrWrongNode, `node "c"`},
		"expired": {server(p.issue(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, "marketplace://r/b"), nil),
			distributed.ErrCertificate, "expired"},
		"for clients alone": {server(p.issue(t, func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] }, "marketplace://r/b"), nil),
			distributed.ErrCertificate, "usage"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			done := make(chan struct{})
			defer func() { <-done }()
			go func() {
				defer close(done)
				if c, err := l.Accept(); err == nil {
					test.serve(c)
					_ = c.Close()
				}
			}()
			err = dialed(t, p.node(t, "r", "a"), l.Addr().String())
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("the error is %v; want %q and %q in it", err, test.is, test.text)
			}
		})
	}
}

// frame returns a frame with its length, as it is on the connection.
func frame(b ...byte) []byte { return append([]byte{0, 0, byte(len(b) >> 8), byte(len(b))}, b...) }

// TestTLSSilence: a side that says nothing costs the other one the time of a handshake.
func TestTLSSilence(t *testing.T) {
	p := newPKI(t)
	c := p.node(t, "r", "b")
	c.HandshakeLimit = time.Second
	n, o, log := serve(t, c)
	silent, err := net.Dial("tcp", n.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := io.ReadAll(silent); err != nil {
		t.Error(err)
	}
	mute := tls.Client(mustDial(t, n), p.client(p.issue(t, nil, "marketplace://r/a")))
	defer mute.Close()
	if _, err := mute.Write(frame(0)); err != nil { // which accepts the home; a HELLO does not follow
		t.Fatal(err)
	}
	if _, err := io.ReadAll(mute); err != nil {
		t.Error(err)
	}
	_ = silent.Close()
	_ = mute.Close()
	awaitRefusals(t, n, 2)
	log.mustLog(t, "not come to an end in time")
	log.mustLog(t, "there is no HELLO")
	goesOn(t, p, n, o)

	l, err := net.Listen("tcp", "127.0.0.1:0") // whose queue takes the connection
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := dialed(t, waitsShortly(t, p), l.Addr().String()); !errors.Is(err, distributed.ErrHandshake) || !strings.Contains(err.Error(), "100ms") {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errEnough)
	defer cancel()
	a := waitsShortly(t, p)
	a.HandshakeLimit, a.Peers = time.Hour, map[string]string{"b": l.Addr().String()}
	if _, err := mustTLS(t, a).Dial(ctx, "b", "room"); !errors.Is(err, errEnough) {
		t.Error(err)
	}
}

var errEnough = errors.New("enough")

func waitsShortly(t *testing.T, p *pki) distributed.TLSConfig {
	c := p.node(t, "r", "a")
	c.HandshakeLimit = 100 * time.Millisecond
	return c
}

func mustDial(t *testing.T, n *distributed.TLSNetwork) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", n.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTLSBadFrames: frames that are no frames end the link or the handshake, and nothing
// else. B-P23, B-F10.
func TestTLSBadFrames(t *testing.T) {
	p := newPKI(t)
	hello := networktest.Hello("b", "room")
	framed := append([]byte{0, 0, 0, byte(len(hello))}, hello...)
	unfinished := hello[:len(hello)-1]
	bye := wire.Frame{Kind: wire.BYE, Body: wire.AppendReason(nil, nil)}.Append(nil)
	accepts := frame(0)
	for name, test := range map[string]struct {
		sends   []byte
		refusal string // before there is a link
		reason  string // of the link
	}{
		"zero length":          {append(accepts, 0, 0, 0, 0), "a frame of 0 bytes is announced", ""},
		"oversized":            {append(accepts, 0, 4, 0, 1), "a frame of 262145 bytes is announced", ""},
		"no HELLO":             {append(accepts, frame(bye...)...), "a BYE frame instead of a HELLO", ""},
		"garbage":              {append(accepts, frame(2)...), "version 2", ""},
		"truncated HELLO":      {append(accepts, frame(unfinished...)...), "keep to the protocol", ""},
		"verdict":              {frame(7), "begins with 7", ""},
		"no verdict":           {frame(), "0 bytes", ""},
		"cut within the HELLO": {append(accepts, framed[:10]...), "cut", ""},
		"zero length later":    {append(append(accepts, framed...), 0, 0, 0, 0), "", "a frame of 0 bytes is announced"},
		"oversized later":      {append(append(accepts, framed...), 255, 255, 255, 255), "", "a frame of 4294967295 bytes is announced"},
		"cut later":            {append(append(accepts, framed...), 0, 0, 0, 9, 1), "", "was cut"},
		"end later":            {append(accepts, framed...), "", "has closed the link"},
	} {
		t.Run(name, func(t *testing.T) {
			n, o, log := serve(t, p.node(t, "r", "b"))
			c := tls.Client(mustDial(t, n), p.client(p.issue(t, nil, "marketplace://r/a")))
			defer c.Close()
			if _, err := c.Write(bytes.Clone(test.sends)); err != nil {
				t.Fatal(err)
			}
			if test.reason != "" {
				home := networktest.Accept(t, o, "b", "room")
				if strings.Contains(test.reason, "closed") || strings.Contains(test.reason, "cut") {
					_ = c.CloseWrite()
				}
				reason := networktest.Ended(t, home)
				if !strings.Contains(reason.Error(), test.reason) || !strings.Contains(reason.Error(), `"a"`) {
					t.Errorf("the reason is %q; want %q and the name of the peer in it", reason, test.reason)
				}
				if home.Send([]byte("x")) == nil {
					t.Error("the link still sends")
				}
				_ = home.Close()
			} else {
				_ = c.CloseWrite()
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
				awaitRefusals(t, n, 1)
				log.mustLog(t, distributed.ErrHandshake.Error(), test.refusal)
			}
			_ = c.Close()
			goesOn(t, p, n, o)
		})
	}
}
