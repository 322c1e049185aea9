package sharded_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// newSettings returns settings for a server at localhost, and for its clients.
func newSettings(t *testing.T) (server, client *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), // before the time of a bubble
		NotAfter:     time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC),
		DNSNames:     []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// dialTLS connects, with a handshake.
func (r *rig) dialTLS(settings *tls.Config) *client {
	r.Helper()
	plain := r.dial()
	c := tls.Client(plain.Conn, settings)
	if err := c.Handshake(); err != nil {
		r.Fatal(err)
	}
	return r.client(c)
}

// TestBL10TLSIsSpokenByTheWorkers: with the true addresses, and no client waits for
// the handshake of another.
func TestBL10TLSIsSpokenByTheWorkers(t *testing.T) {
	server, settings := newSettings(t)
	everywhere(t, func(t *testing.T, c sharded.Config) {
		c.Workers, c.TLS = 2, server
		peers := make(chan tcp.Addr, 100)
		r := listen(t, c, func(w sharded.Worker) actions.Process {
			return actions.Stateless(w.Driver(), serve(w), endpoint.ObservePublishers(tcp.Arriving(w.Listener()),
				endpoint.OnPresence(func(c tcp.Data) actions.Action { peers <- c.From; return nil })))
		})
		for i := range 10 {
			silent := r.dial() // which shakes no hands, and holds up nobody
			c := r.dialTLS(settings)
			if got := c.who(); got != "1.1" {
				t.Errorf("connection %d is served by %s", i, got)
			}
			if got := <-peers; got.String() != c.LocalAddr().String() {
				t.Errorf("the worker knows %v as %v", c.LocalAddr(), got)
			}
			silent.Close()
		}
		r.dial().Close()
		if got := r.dialTLS(settings).who(); got != "1.1" {
			t.Errorf("served by %s", got)
		}
		if got := r.dialTLS(settings).who(); got != "0.1" {
			t.Errorf("served by %s", got)
		}
	})
}

func TestBL10TLSSettingsThatDoNotWork(t *testing.T) {
	_, err := tryListen(t, sharded.Config{Workers: 1, TLS: &tls.Config{}}, boot)
	blame(t, err, sharded.ErrNotBooted, 0)
	if !strings.Contains(fmt.Sprint(err), "certificate") {
		t.Errorf("%v: it does not say what is missing", err)
	}
}

// TestBL10ListenerThatSpeaksTLS: a Config.Listener with TLS works as well.
func TestBL10ListenerThatSpeaksTLS(t *testing.T) {
	server, settings := newSettings(t)
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := listen(t, sharded.Config{Workers: 2, Policy: sharded.LeastLoaded, Listener: tls.NewListener(socket, server), Network: world.SystemNetwork()}, boot)
	for i := range 4 {
		if got, want := r.dialTLS(settings).who(), fmt.Sprintf("%d.1", i%2); got != want {
			t.Errorf("connection %d is served by %s; want %s", i, got, want)
		}
	}
}

// TestTLSConnectionsAreCounted: connections with TLS count like others.
func TestTLSConnectionsAreCounted(t *testing.T) {
	server, settings := newSettings(t)
	synctest.Test(t, func(t *testing.T) {
		r := listen(t, sharded.Config{Workers: 2, Policy: sharded.LeastLoaded, TLS: server, Network: simnet.New("test")}, boot)
		var all []*client
		for _, want := range []string{"0.1", "1.1", "0.1", "1.1"} {
			all = append(all, r.dialTLS(settings))
			if got := all[len(all)-1].who(); got != want {
				t.Errorf("served by %s; want %s", got, want)
			}
		}
		all[1].Close()
		all[3].Close()
		r.dial().Close() // who shakes no hands is counted until it goes
		<-time.After(time.Minute)
		for range 2 {
			if got := r.dialTLS(settings).who(); got != "1.1" {
				t.Errorf("served by %s; want 1.1", got)
			}
		}
	})
}
