package main

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// A serviceRig is a resolver that listens.
type serviceRig struct {
	*rig
	said *vmtest.Probe[console.Text]
	udp  *vmtest.Probe[udp.Listening]
}

var bound = inet.Remote("127.0.0.1", 5353)

func newServiceRig(t testing.TB) *serviceRig { return newServiceRigOf(t, vmtest.Config{}) }

func newServiceRigOf(t testing.TB, c vmtest.Config) *serviceRig {
	t.Helper()
	r := &serviceRig{rig: newRigOf(t, c, resolve(testConfig(first)))}
	r.said = vmtest.Subscriber(r, topic.All[console.Text]())
	r.udp = vmtest.Publisher(r, topic.Where(udp.At.Is(here), udp.Bound.Is(bound)))
	r.tick(0)
	return r
}

// connect is a client that has connected.
func (r *serviceRig) connect() flow {
	r.t.Helper()
	f := flow{vmtest.Publisher(r, tcp.Flow(client, here)), here}
	f.Take()
	return f
}

func (f flow) sends(b []byte, eof bool) { f.Send(tcp.Data{From: client, To: f.us, Bytes: b, EOF: eof}) }

// toClient returns the messages that a client has got over UDP since the last
// look.
func (r *serviceRig) toClient() (ms []dnsmessage.Message) {
	r.t.Helper()
	for _, h := range r.sent.Take() {
		if h.Kind == actions.Delivery && h.About.Destination == client {
			if h.About.Source != here {
				r.t.Errorf("the answer comes from %v", h.About.Source)
			}
			ms = append(ms, read(r.t, h.About.Body))
		}
	}
	return ms
}

// exits checks that the program ends, for a reason.
func (r *serviceRig) exits(reason string) {
	r.t.Helper()
	r.Device(world.Result{}).ExpectCommands(world.ExitWith(errors.New(reason)))
}

// TestListening: the service says where it listens when it does so over UDP and
// TCP.
func TestListening(t *testing.T) {
	r := newServiceRig(t)
	r.said.ExpectNothing()
	listening := vmtest.Publisher(r, topic.Where(tcp.At.Is(here), tcp.Bound.Is(bound)))
	r.said.ExpectMessages(console.Text{Text: "dns: listening on 127.0.0.1:5353\n"})
	listening.Close(errors.New("the cable"))
	r.exits("the cable")
	for _, name := range []string{"service", "asker"} {
		r.running(name, 0)
	}
}

// TestNoListening: without a socket the service ends, and says why.
func TestNoListening(t *testing.T) {
	r := newServiceRig(t)
	r.udp.Close(errors.New("taken"))
	r.exits("taken")
	r.running("service", 0)
	r.running("asker", 0)
}

// TestAskerCrash: without the asker there is no service either.
func TestAskerCrash(t *testing.T) {
	r := newServiceRig(t)
	r.Perform(actions.Kill(r.find("asker"), errors.New("bug")))
	r.exits("bug")
	r.running("service", 0)
}

// TestStop: a stop of the machine is not reported to the operator as an error.
func TestStop(t *testing.T) {
	r := newServiceRig(t)
	vmtest.Publisher(r, topic.Where(tcp.At.Is(here), tcp.Bound.Is(bound)))
	r.said.ExpectMessages(console.Text{Text: "dns: listening on 127.0.0.1:5353\n"})
	r.udp.Close(world.Reduce(world.ErrStopped))
	r.said.ExpectNothing()
	r.running("service", 0)
}

// TestOverUDP: a client gets the answer to its own message.
func TestOverUDP(t *testing.T) {
	r := newServiceRig(t)
	r.answers(client, here, clientQuery(t, "wWw.example.test."))
	r.running("request", 1)
	_, us := r.asksUDP(first, 7)
	r.answers(first, us, upstreamAnswer(t, 7))
	got := r.toClient()
	if len(got) != 1 || got[0].ID != 4711 || got[0].Questions[0].Name.String() != "wWw.example.test." || len(got[0].Answers) != 1 {
		t.Errorf("the client gets %+v", got)
	}
	r.running("request", 0)
	r.counts(asked, forwarded)
}

// TestUDPLimit is for Issue 9.4: the number of requests at a time over UDP is
// limited. A client with another one hears that there is no answer, and when
// some have ended others can come.
func TestUDPLimit(t *testing.T) {
	r := newServiceRigOf(t, vmtest.Config{Runs: 1})
	ask := func() { r.answers(client, here, clientQuery(t, "www.example.test.")) }
	var counted []event
	for range maxRequests {
		ask()
		counted = append(counted, asked)
	}
	r.running("request", maxRequests)
	if got := r.toClient(); len(got) > 0 {
		t.Errorf("the client gets %d answers", len(got))
	}
	for range 3 {
		ask()
		counted = append(counted, gaveUp)
	}
	// What is no question is no request.
	r.answers(client, here, clientQuery(t, "a.", func(m *dnsmessage.Message) { m.OpCode = 4 }))
	codes := []dnsmessage.RCode{}
	for _, m := range r.toClient() {
		codes = append(codes, m.RCode)
	}
	if want := []dnsmessage.RCode{dnsmessage.RCodeServerFailure, dnsmessage.RCodeServerFailure, dnsmessage.RCodeServerFailure, dnsmessage.RCodeNotImplemented}; !slices.Equal(codes, want) {
		t.Errorf("the client gets %v; want %v", codes, want)
	}
	// Requests over TCP have bounds of their own.
	c := r.tcpClient()
	c.sends(framed(clientQuery(t, "www.example.test.")), false)
	r.running("request", maxRequests+1)
	r.counts(append(counted, refused, forwarded, asked)...)
	_, us := r.asksUDP(first, 7)
	r.answers(first, us, upstreamAnswer(t, 7))
	if got := r.toClient(); len(got) != maxRequests {
		t.Errorf("the client gets %d answers; want %d", len(got), maxRequests)
	}
	r.running("request", 0)
	r.answers(client, here, clientQuery(t, "a.test."))
	r.running("request", 1)
}

// TestSizes: over UDP a client gets what it has room for.
func TestSizes(t *testing.T) {
	r := newServiceRig(t)
	r.answers(client, here, clientQuery(t, "www.example.test."))
	_, us := r.asksUDP(first, 7)
	r.answers(first, us, upstreamAnswer(t, 7, func(m *dnsmessage.Message) {
		for range 4 {
			m.Answers = append(m.Answers, record("www.example.test.", dnsmessage.TypeTXT, 40))
		}
	}))
	r.answers(client, here, clientQuery(t, "www.example.test.", withEDNS(1232, 0, false)))
	got := r.toClient()
	if len(got) != 2 || !got[0].Truncated || got[1].Truncated || len(got[1].Answers) != 5 {
		t.Errorf("the client gets %+v", got)
	}
}

// TestRubbish: what cannot be a question gets an error where that is possible,
// and is counted.
func TestRubbish(t *testing.T) {
	r := newServiceRig(t)
	whole := clientQuery(t, "www.example.test.")
	r.answers(client, here, whole[:headerLength-1])
	r.answers(client, here, upstreamAnswer(t, 7))
	r.network.Send(udp.Packet{Source: client, Destination: here, Body: whole, Truncated: true})
	if got := r.toClient(); len(got) > 0 {
		t.Errorf("the client gets %+v", got)
	}
	r.counts(dropped, dropped, dropped)
	r.answers(client, here, whole[:headerLength+3])
	r.answers(client, here, clientQuery(t, "a.", func(m *dnsmessage.Message) { m.OpCode = 4 }))
	got := r.toClient()
	if len(got) != 2 || got[0].RCode != dnsmessage.RCodeFormatError || got[1].RCode != dnsmessage.RCodeNotImplemented {
		t.Errorf("the client gets %+v", got)
	}
	r.counts(refused, refused)
	r.running("request", 0)
}

// TestCounts: a client can ask for the counts.
func TestCounts(t *testing.T) {
	r := newServiceRig(t)
	r.answers(client, here, nil)
	r.answers(client, here, nil)
	chaos := func(typ dnsmessage.Type) writer {
		return func(m *dnsmessage.Message) {
			m.Questions[0].Type, m.Questions[0].Class = typ, dnsmessage.ClassCHAOS
		}
	}
	for _, typ := range []dnsmessage.Type{dnsmessage.TypeTXT, dnsmessage.TypeALL} {
		r.answers(client, here, clientQuery(t, "Counts.dns.", chaos(typ)))
		got := r.toClient()
		if len(got) != 1 {
			t.Fatalf("the client gets %+v", got)
		}
		text := got[0].Answers[0].Body.(*dnsmessage.TXTResource).TXT
		if len(text) != int(events) || text[dropped] != "dropped=2" {
			t.Errorf("the client gets %q", text)
		}
	}
	r.answers(client, here, clientQuery(t, "version.bind.", chaos(dnsmessage.TypeTXT)))
	r.answers(client, here, clientQuery(t, "counts.dns.", chaos(dnsmessage.TypeA)))
	for _, m := range r.toClient() {
		if m.RCode != dnsmessage.RCodeRefused {
			t.Errorf("the client gets %+v", m)
		}
	}
}

// A tcpClient is a client that has connected, and hears what it gets.
type tcpClient struct {
	flow
	in *vmtest.Probe[tcp.Data]
}

func (r *serviceRig) tcpClient() tcpClient {
	r.t.Helper()
	return tcpClient{r.connect(), vmtest.Subscriber(r, tcp.Flow(here, client))}
}

func (c tcpClient) gets(t *testing.T) (ms []dnsmessage.Message) {
	t.Helper()
	var stream []byte
	for _, h := range c.in.Take() {
		if h.Kind == actions.Delivery {
			stream = append(stream, h.About.Bytes...)
		}
	}
	for len(stream) > 0 {
		packet, rest, complete := cut(stream)
		if !complete {
			t.Fatalf("half a message: % x", stream)
		}
		stream, ms = rest, append(ms, read(t, packet))
	}
	return ms
}

// TestSession: a client over TCP has several questions, and gets the answers as
// they come, even if it says that it has no more questions. Nothing keeps the
// connection open then.
func TestSession(t *testing.T) {
	for _, piece := range []int{1, 20, 1000} {
		r := newServiceRig(t)
		c := r.tcpClient()
		stream := append(framed(clientQuery(t, "www.example.test.")), framed(clientQuery(t, "a.test."))...)
		stream = append(stream, framed([]byte("rubbish"))...)
		stream = append(stream, framed(make([]byte, headerLength))...)
		stream = append(stream, framed(clientQuery(t, "b.test."))[:5]...)
		for len(stream) > 0 {
			n := min(piece, len(stream))
			c.sends(stream[:n], n == len(stream))
			stream = stream[n:]
		}
		if got := c.gets(t); len(got) != 1 || got[0].RCode != dnsmessage.RCodeFormatError {
			t.Errorf("the client gets %+v", got)
		}
		c.Close(nil)
		r.running("session", 0)
		r.running("request", 2)
		_, us := r.asksUDP(first, 7)
		_, other := r.asksUDP(first, 8)
		r.answers(first, other, upstreamAnswer(t, 8, func(m *dnsmessage.Message) { m.Questions = asking("a.test.", 1) }))
		if got := c.gets(t); len(got) != 1 || got[0].Questions[0].Name.String() != "a.test." {
			t.Errorf("the client gets %+v", got)
		}
		r.running("request", 1)
		r.answers(first, us, upstreamAnswer(t, 7, func(m *dnsmessage.Message) {
			for range 10 {
				m.Answers = append(m.Answers, record("www.example.test.", dnsmessage.TypeTXT, 40))
			}
		}))
		if got := c.gets(t); len(got) != 1 || len(got[0].Answers) != 11 {
			t.Errorf("the client gets %+v", got)
		}
		r.running("request", 0)
		r.counts(asked, forwarded, asked, forwarded, dropped, refused)
	}
}

// TestSessionIdle: the server does not wait for a client that has no more
// questions.
func TestSessionIdle(t *testing.T) {
	r := newServiceRig(t)
	c := r.tcpClient()
	c.sends(framed(clientQuery(t, "www.example.test.")), false)
	r.draw(7)
	sessionTimer := "dns session with " + client.String()
	r.expire(sessionTimer, sessionIdle)
	r.running("session", 0)
	r.running("request", 1)
	// When the connection has gone, nobody has the question any more.
	c.in.Close(nil)
	r.running("request", 0)
	r.running("attempt", 0)
}

// TestSessionLimit: the number of questions of a client at a time is limited.
func TestSessionLimit(t *testing.T) {
	r := newServiceRigOf(t, vmtest.Config{Runs: 1})
	c := r.tcpClient()
	var stream []byte
	for range sessionLimit + 1 {
		stream = append(stream, framed(clientQuery(t, "www.example.test."))...)
	}
	c.sends(stream, false)
	if got := c.gets(t); len(got) != 1 || got[0].RCode != dnsmessage.RCodeServerFailure {
		t.Errorf("the client gets %+v", got)
	}
	r.running("request", sessionLimit)
	_, us := r.asksUDP(first, 7)
	r.answers(first, us, upstreamAnswer(t, 7))
	if got := c.gets(t); len(got) != sessionLimit {
		t.Errorf("the client gets %d answers", len(got))
	}
	c.sends(stream, false)
	if got := c.gets(t); len(got) != sessionLimit+1 {
		t.Errorf("the client gets %d answers", len(got))
	}
}
