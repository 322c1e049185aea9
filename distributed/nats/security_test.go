package nats_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	client "github.com/nats-io/nats.go"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/nats"
	"github.com/go-marketplace/marketplace/distributed/networktest"
)

// A heard has what a raw client receives, and the errors that it gets.
type heard struct {
	sync.Mutex
	subjects, errors []string
}

// await waits until ok holds.
func (h *heard) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	until(t, what, func() bool {
		h.Lock()
		defer h.Unlock()
		return ok()
	})
}

// eavesdrop connects to a server with the credentials of a node, without package nats.
func eavesdrop(t *testing.T, at, credentials string) (*client.Conn, *heard) {
	t.Helper()
	h := &heard{}
	token, err := jwt.ParseDecoratedJWT([]byte(credentials))
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwt.ParseDecoratedUserNKey([]byte(credentials))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Connect(at, client.UserJWT(func() (string, error) { return token, nil }, key.Sign),
		client.ErrorHandler(func(_ *client.Conn, _ *client.Subscription, err error) {
			h.Lock()
			defer h.Unlock()
			h.errors = append(h.errors, err.Error())
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, h
}

// TestPretender: a node with credentials of its own can neither send as another one, nor hear
// what is sent to another one. The server says so.
func TestPretender(t *testing.T) {
	key := realmKey(t)
	s := startServer(t, serverConfig(t, key, "127.0.0.1:-1"))
	home := open(t, nats.Config{Node: "home", URL: s.url, RealmKeyFile: key})
	anna := open(t, nats.Config{Node: "anna", URL: s.url, RealmKeyFile: key})
	o := networktest.Offer(t, home, "room")
	networktest.Dial(t, anna, "home", "room")
	link := networktest.Accept(t, o, "home", "room") // so that home listens to anna
	eve, err := home.Member("eve")
	if err != nil {
		t.Fatal(err)
	}
	c, h := eavesdrop(t, s.url, eve.Credentials)
	for i, subject := range []string{nats.FromPeer(home, "anna"), "mp." + home.Realm() + ".>", ">", "mp." + home.Realm() + ".link.*.home.>"} {
		if _, err := c.Subscribe(subject, func(m *client.Msg) {
			h.Lock()
			defer h.Unlock()
			h.subjects = append(h.subjects, m.Subject)
		}); err != nil {
			t.Fatal(err)
		}
		h.await(t, subject, func() bool { return len(h.errors) == i+1 })
	}
	forged := nats.LinkSubject(anna, "home", "room", "0123456789abcdef")
	if err := c.Publish(forged, networktest.Hello("home", "room")); err != nil {
		t.Fatal(err)
	}
	h.await(t, forged, func() bool { return len(h.errors) == 5 })
	for _, text := range h.errors {
		if !strings.Contains(strings.ToLower(text), "permissions violation") {
			t.Errorf("the server says %q", text)
		}
	}
	networktest.Send(t, link, []byte("for anna"))
	if _, links := nats.Peers(home); links != 1 || len(h.subjects) != 0 {
		t.Errorf("home has %d links, and eve has heard %q", links, h.subjects)
	}
	accepted := make(chan string, 1)
	go func() {
		if l, err := o.Accept(); err == nil {
			accepted <- l.Peer()
			_ = l.Close()
		}
	}()
	honest := open(t, eve)
	networktest.Dial(t, honest, "home", "room")
	if peer := <-accepted; peer != "eve" {
		t.Errorf("the peer is %q", peer)
	}
}

// TestPretendingLeaf: the server of a node can do no more than the node itself: the hub does not
// take what it sends as another one.
func TestPretendingLeaf(t *testing.T) {
	var log logged
	hub := open(t, nats.Config{Node: "home", RealmKeyFile: realmKey(t), Listen: ":0", Logger: log.logger()})
	anna := member(t, hub, "anna")
	o := networktest.Offer(t, hub, "room")
	near := networktest.Dial(t, anna, "home", "room")
	far := networktest.Accept(t, o, "home", "room")
	eve, err := hub.Member("eve")
	if err != nil {
		t.Fatal(err)
	}
	c := freeLeaf(t, eve)
	p := "mp." + hub.Realm()
	var h heard
	for _, subject := range []string{nats.FromPeer(hub, "anna"), p + ".link.home.eve.>"} {
		if _, err := c.Subscribe(subject, func(m *client.Msg) {
			h.Lock()
			defer h.Unlock()
			h.subjects = append(h.subjects, m.Subject)
		}); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "home listens to eve", func() bool {
		return c.Publish(p+".knock.home", []byte("eve")) == nil && nats.ListensTo(hub, "eve")
	})
	asAnna, asEve := nats.LinkSubject(anna, "home", "room", "0123456789abcdef"), p+".link.eve.home.room.up.0123456789abcdef.frame"
	until(t, "eve has a link", func() bool { // the servers have to hear that home listens
		for _, subject := range []string{asAnna, asEve} {
			if err := c.Publish(subject, networktest.Hello("home", "room")); err != nil {
				t.Fatal(err)
			}
		}
		_, links := nats.Peers(hub)
		return links > 1
	})
	if l := networktest.Accept(t, o, "home", "room"); l.Peer() != "eve" {
		t.Errorf("the peer is %q", l.Peer())
	} else {
		networktest.Send(t, near, []byte("for home"))
		networktest.Receive(t, far)
		networktest.Send(t, l, []byte("for eve"))
	}
	h.await(t, "eve hears home", func() bool { return len(h.subjects) > 0 })
	for _, subject := range h.subjects {
		if !strings.HasPrefix(subject, p+".link.home.eve.") {
			t.Errorf("eve hears %s", subject)
		}
	}
	if _, links := nats.Peers(hub); links != 2 {
		t.Errorf("home has %d links, one of anna and one of eve", links)
	}
}

// freeLeaf starts a server that is a leaf with the credentials of a node, and where everybody may
// do everything, and returns a client of it.
func freeLeaf(t *testing.T, c nats.Config) *client.Conn {
	t.Helper()
	token, _ := jwt.ParseDecoratedJWT([]byte(c.Credentials))
	key, err := jwt.ParseDecoratedUserNKey([]byte(c.Credentials))
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(strings.Replace(c.LeafOf, "tls://", "nats-leaf://", 1))
	if err != nil {
		t.Fatal(err)
	}
	r := &server.RemoteLeafOpts{URLs: []*url.URL{at}, TLS: true, TLSConfig: trusting(), SignatureCB: func(nonce []byte) (string, []byte, error) {
		signed, err := key.Sign(nonce)
		return token, signed, err
	}}
	o := &server.Options{DontListen: true, NoLog: true, NoSigs: true, NoSystemAccount: true}
	o.LeafNode.Remotes = []*server.RemoteLeafOpts{r}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	until(t, "the leaf connects", func() bool { return s.NumLeafNodes() == 1 })
	conn, err := client.Connect("", client.InProcessServer(s), client.NoEcho())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// A logged is a log that tests look into.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// await waits until the log has a text.
func (l *logged) await(t *testing.T, text string) {
	t.Helper()
	until(t, "the log has "+text, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return strings.Contains(l.text.String(), text)
	})
}

// TestWrongCredentials: a leaf that has another realm key, or credentials of another realm, is
// refused, and both ends hear why.
func TestWrongCredentials(t *testing.T) {
	var log logged
	hub := open(t, nats.Config{Node: "home", RealmKeyFile: realmKey(t), Listen: ":0", Logger: log.logger()})
	other := open(t, nats.Config{Node: "other", RealmKeyFile: realmKey(t), Listen: ":0"})
	discard := slog.New(slog.DiscardHandler)

	_, err := nats.Open(t.Context(), nats.Config{Node: "eve", RealmKeyFile: realmKey(t), LeafOf: hub.URL(), Logger: discard})
	if !errors.Is(err, distributed.ErrRealm) {
		t.Errorf("with another realm key: %v; want ErrRealm", err)
	}
	log.await(t, "TLS")

	mixed, err := hub.Member("eve")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.Member("eve")
	if err != nil {
		t.Fatal(err)
	}
	mixed.Credentials, mixed.Logger = foreign.Credentials, discard
	if _, err := nats.Open(t.Context(), mixed); !errors.Is(err, distributed.ErrHandshake) || errors.Is(err, distributed.ErrRealm) {
		t.Errorf("with credentials of another realm: %v; want ErrHandshake", err)
	}
	log.await(t, "authentication error")
}

// TestWrongCredentialsByURL: so is a client of a cluster.
func TestWrongCredentialsByURL(t *testing.T) {
	s := startServer(t, serverConfig(t, realmKey(t), "127.0.0.1:-1"))
	_, err := nats.Open(t.Context(), nats.Config{Node: "eve", RealmKeyFile: realmKey(t), URL: s.url})
	if !errors.Is(err, distributed.ErrHandshake) {
		t.Errorf("with another realm key: %v; want ErrHandshake", err)
	}
}

// TestRealmsAreApart: nodes of two realms on one open server do not reach each other.
func TestRealmsAreApart(t *testing.T) {
	s := startServer(t, "listen: \"127.0.0.1:-1\"\n")
	limit := 300 * time.Millisecond
	a := open(t, nats.Config{Node: "a", RealmKeyFile: realmKey(t), URL: s.url, DialLimit: limit})
	b := open(t, nats.Config{Node: "b", RealmKeyFile: realmKey(t), URL: s.url})
	networktest.Offer(t, b, "room")
	if l, err := a.Dial(t.Context(), "b", "room"); err == nil {
		t.Errorf("node a reaches %q in another realm", l.Peer())
	} else if !errors.Is(err, distributed.ErrHandshake) {
		t.Errorf("%v; want ErrHandshake", err)
	}
}

// TestHostileMessages: messages of a node of the realm that make no sense do no harm, and begin
// no link.
func TestHostileMessages(t *testing.T) {
	key := realmKey(t)
	s := startServer(t, serverConfig(t, key, "127.0.0.1:-1"))
	var log logged
	home := open(t, nats.Config{Node: "home", URL: s.url, RealmKeyFile: key, Logger: log.logger()})
	o := networktest.Offer(t, home, "room")
	eve, err := home.Member("eve")
	if err != nil {
		t.Fatal(err)
	}
	c, h := eavesdrop(t, s.url, eve.Credentials)
	p := "mp." + home.Realm()
	send := func(subject string, data []byte) {
		t.Helper()
		if err := c.Publish(subject, data); err != nil {
			t.Fatal(err)
		}
	}
	send(p+".knock.home", []byte("eve"))
	for i := range nats.MaxIdle + 100 {
		send(p+".knock.home", fmt.Appendf(nil, "node %d", i))
	}
	for _, data := range [][]byte{nil, []byte("home"), {0xff, 0xfe}, bytes.Repeat([]byte("x"), 256), bytes.Repeat([]byte("x"), 1<<20)} {
		send(p+".knock.home", data)
		send(p+".here.room", data)
		send(p+".here.=ZZ", data)
		send(p+".who.=ZZ", data)
	}
	send(p+".knock.home", []byte("eve"))
	const id = "0123456789abcdef"
	hello, elsewhere := networktest.Hello("home", "room"), networktest.Hello("home", "hall")
	until(t, "home listens to eve", func() bool { return nats.ListensTo(home, "eve") })
	for range 3 {
		for _, role := range []string{"up", "down", "sideways"} {
			for _, place := range []string{"room", "=", "==", "=ZZ", "=72oom", "hall", strings.Repeat("x", 300)} {
				for _, kind := range []string{"dial", "answer", "frame", "end", "dance"} {
					for _, data := range [][]byte{nil, {1, 1}, elsewhere, bytes.Repeat([]byte{1}, 1<<20)} {
						if len(data) < 1000 || kind == "frame" && place == "room" {
							send(p+".link.eve.home."+place+"."+role+"."+id+"."+kind, data)
						}
					}
				}
			}
		}
		send(p+".link.eve.home.room.up.short.frame", hello)
		send(p+".link.eve.home.room.up."+id+".frame.more", hello)
		send(p+".link.eve.home.room.up."+id, hello)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	log.await(t, "a message is dropped")
	honest := open(t, nats.Config{Node: "anna", URL: s.url, RealmKeyFile: key})
	networktest.Dial(t, honest, "home", "room")
	if l := networktest.Accept(t, o, "home", "room"); l.Peer() != "anna" {
		t.Errorf("the first link is that of %q", l.Peer())
	}
	if peers, links := nats.Peers(home); peers > nats.MaxIdle+2 || links != 1 {
		t.Errorf("home listens to %d nodes, and has %d links", peers, links)
	}
	if len(h.errors) > 0 {
		t.Errorf("eve was not allowed: %q", h.errors)
	}
}
