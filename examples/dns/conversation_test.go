package main

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

// A waiter is a client, as far as a conversation knows.
type waiter struct {
	*vmtest.Probe[Answer]
	r *rig
}

func (r *rig) wait(q Question) waiter { return waiter{vmtest.Subscriber(r, Answering(q)), r} }

// hears checks that there is one answer, and returns it. Then the client is
// satisfied.
func (w waiter) hears() Reply {
	w.r.t.Helper()
	var replies []Reply
	for _, h := range w.Take() {
		if h.Kind == actions.Delivery {
			replies = append(replies, h.About.Reply)
		}
	}
	if len(replies) != 1 {
		w.r.t.Fatalf("there are %d answers", len(replies))
	}
	w.Close(nil)
	return replies[0]
}

func (w waiter) hearsNothing() {
	w.r.t.Helper()
	for _, h := range w.Take() {
		if h.Kind == actions.Delivery {
			w.r.t.Fatalf("there is an answer: %+v", h.About)
		}
	}
}

func newAskerRig(t testing.TB, upstreams ...inet.Addr) *rig {
	r := newRig(t, bringer(), actions.Spawn(answerQuestions(testConfig(upstreams...))).Named("asker"))
	r.tick(0)
	return r
}

// bringer is a process that brings questions.
func bringer() actions.Action {
	return actions.Spawn(actions.Stateless(subscribeDuty())).Named("service")
}

// TestOneQuestionIsAskedOnce: however many have a question, an upstream is asked
// once, and all get the answer; those who come later get it from the cache, with
// the age it has.
func TestOneQuestionIsAskedOnce(t *testing.T) {
	r := newAskerRig(t, first)
	a, b := r.wait(www), r.wait(www)
	q, us := r.asksUDP(first, 7)
	c := r.wait(www)
	if len(q.Questions) != 1 || !www.is(q.Questions[0]) || len(q.Additionals) != 1 {
		t.Errorf("it asks %+v", q)
	}
	for _, w := range []waiter{a, b, c} {
		w.hearsNothing()
	}
	r.answers(first, us, upstreamAnswer(t, 7))
	for _, w := range []waiter{a, b, c} {
		if got := w.hears(); got.Packet == nil || got.Age != 0 {
			t.Errorf("the reply is %+v", got)
		}
	}
	r.counts(forwarded)
	r.running("\"", 0) // conversations
	r.running("attempt", 0)

	r.tick(100)
	if got := r.wait(www).hears(); got.Age != 100 {
		t.Errorf("from the cache comes %+v", got)
	}
	r.counts(kept)
	r.tick(199)
	if got := r.wait(www).hears(); got.Age != 299 {
		t.Errorf("from the cache comes %+v", got)
	}
	r.counts(kept)
	r.tick(1)
	r.wait(www).hearsNothing()
	r.asksUDP(first, 8)
	r.counts(forwarded)
}

// TestDifferentQuestionsAreAskedEach: they are answered in any order.
func TestDifferentQuestionsAreAskedEach(t *testing.T) {
	r := newAskerRig(t, first)
	other := www
	other.DNSSEC = true
	a := r.wait(www)
	_, us := r.asksUDP(first, 7)
	b := r.wait(other)
	q, others := r.asksUDP(first, 8)
	if us == others || !q.Additionals[0].Header.DNSSECAllowed() {
		t.Errorf("from %v and %v: %+v", us, others, q)
	}
	r.answers(first, others, upstreamAnswer(t, 8))
	a.hearsNothing()
	b.hears()
	r.answers(first, us, upstreamAnswer(t, 7))
	a.hears()
}

// TestStrangersAreIgnored: an answer must come from where the question went, to
// the port from which it came, with its ID, and be about the question.
func TestStrangersAreIgnored(t *testing.T) {
	r := newAskerRig(t, first)
	w := r.wait(www)
	_, us := r.asksUDP(first, 7)
	r.counts(forwarded)
	r.answers(second, us, upstreamAnswer(t, 7))
	r.answers(inet.Remote("192.0.2.1", 54), us, upstreamAnswer(t, 7))
	r.answers(first, us, upstreamAnswer(t, 8))
	r.answers(first, us, upstreamAnswer(t, 7, func(m *dnsmessage.Message) { m.Questions = asking("a.test.", 1) }))
	r.answers(first, us, []byte("rubbish"))
	r.answers(first, us, nil)
	r.answers(first, inet.Handle("other"), upstreamAnswer(t, 7))
	w.hearsNothing()
	r.counts(strange, strange, strange, strange, strange, strange)
	r.answers(first, us, upstreamAnswer(t, 7))
	w.hears()
	r.answers(first, us, upstreamAnswer(t, 7)) // twice: nobody is there
}

// TestNextUpstream: an upstream that is slow, or fails, is followed by the next
// one. The slow one may still answer, and gets another chance; the one that
// failed does not.
func TestNextUpstream(t *testing.T) {
	r := newAskerRig(t, first, second)
	w := r.wait(www)
	_, slow := r.asksUDP(first, 7)
	r.expire(tryEnd, 2*time.Second)
	_, us := r.asksUDP(second, 8)
	r.answers(second, us, upstreamAnswer(t, 8, with(dnsmessage.RCodeServerFailure, nil, nil, nil)))
	again, us := r.asksUDP(first, 9)
	if us == slow || len(again.Additionals) != 1 {
		t.Errorf("from %v: %+v", us, again)
	}
	r.expire(tryEnd, 2*time.Second)
	r.asksUDP(first, 10)
	w.hearsNothing()
	r.answers(first, slow, upstreamAnswer(t, 7))
	w.hears()
	r.counts(forwarded, retried, retried, retried)
	r.running("attempt", 0)
}

// TestNobodyKnows: when all upstreams have failed, there is no answer, and this
// is not kept.
func TestNobodyKnows(t *testing.T) {
	r := newAskerRig(t, first, second)
	w := r.wait(www)
	_, us := r.asksUDP(first, 7)
	r.answers(first, us, upstreamAnswer(t, 7, with(dnsmessage.RCodeRefused, nil, nil, nil)))
	_, us = r.asksUDP(second, 8)
	r.network.Perform(actions.Send(udp.Undelivered{Source: us, Destination: second, Reason: errors.ErrUnsupported}))
	if got := w.hears(); got.Packet != nil || got.Code != dnsmessage.RCodeServerFailure {
		t.Errorf("the reply is %+v", got)
	}
	r.counts(forwarded, retried, gaveUp)
	r.wait(www).hearsNothing()
	r.asksUDP(first, 9)
}

// TestLimit: after a while, there is no answer, whatever is still being tried.
func TestLimit(t *testing.T) {
	r := newAskerRig(t, first)
	w := r.wait(www)
	_, us := r.asksUDP(first, 7)
	r.expire(limitEnd, 5*time.Second)
	if got := w.hears(); got.Packet != nil {
		t.Errorf("the reply is %+v", got)
	}
	r.counts(forwarded, gaveUp)
	r.running("attempt", 0)
	r.answers(first, us, upstreamAnswer(t, 7))
}

// TestNoSocket: an attempt that gets no socket has failed.
func TestNoSocket(t *testing.T) {
	r := newAskerRig(t, first)
	r.sent.Close(nil)
	w := r.wait(www)
	r.draw(7)
	w.hearsNothing()
	socket := vmtest.Subscriber(r, topic.All[udp.Packet]())
	socket.Close(errors.ErrUnsupported)
	if got := w.hears(); got.Packet != nil {
		t.Errorf("the reply is %+v", got)
	}
}

// TestTruncation: an answer that is too long for UDP is fetched over TCP, from
// the same upstream, wherever the stream is cut.
func TestTruncation(t *testing.T) {
	for _, piece := range []int{1, 5, 1000} {
		r := newAskerRig(t, first, second)
		w := r.wait(www)
		_, us := r.asksUDP(first, 7)
		r.answers(first, us, upstreamAnswer(t, 7, func(m *dnsmessage.Message) { m.Truncated, m.Answers = true, nil }))
		r.draw(8)
		flow := r.connects(first, 8)
		stream := append(framed([]byte("rubbish")), framed(upstreamAnswer(t, 8))...)
		for len(stream) > 0 {
			w.hearsNothing()
			n := min(piece, len(stream))
			flow.Send(tcp.Data{From: first, To: flow.us, Bytes: stream[:n]})
			stream = stream[n:]
		}
		if got := w.hears(); got.Packet == nil {
			t.Errorf("the reply is %+v", got)
		}
		r.counts(forwarded, overTCP, strange)
		r.running("attempt", 0)
	}
}

// A flow is a connection to an upstream.
type flow struct {
	*vmtest.Probe[tcp.Data]
	us inet.Addr
}

// connects makes the connection that is wanted, and checks what is asked there.
func (r *rig) connects(upstream inet.Addr, id uint16) flow {
	r.t.Helper()
	wanted := vmtest.ObservePublishers(r, topic.Where(tcp.To.Is(upstream)))
	f := flow{vmtest.Publisher(r, topic.Where(tcp.From.Is(upstream))), inet.Addr{}}
	for _, h := range wanted.Take() {
		if f.us = h.About.From; h.Kind != actions.Delivery {
			continue
		}
		packet, rest, complete := cut(h.About.Bytes)
		if m := read(r.t, packet); !complete || len(rest) > 0 || m.ID != id {
			r.t.Fatalf("it asks %+v", m)
		}
		return f
	}
	r.t.Fatal("nothing is asked")
	return f
}

// TestTruncatedForGood: an upstream that has no room over TCP either, or closes
// the connection, is not asked again.
func TestTruncatedForGood(t *testing.T) {
	r := newAskerRig(t, first, second)
	w := r.wait(www)
	cutShort := func(m *dnsmessage.Message) { m.Truncated, m.Answers = true, nil }
	_, us := r.asksUDP(first, 7)
	r.answers(first, us, upstreamAnswer(t, 7, cutShort))
	r.draw(8)
	f := r.connects(first, 8)
	f.Send(tcp.Data{From: first, To: f.us, Bytes: framed(upstreamAnswer(t, 8, cutShort))})
	_, us = r.asksUDP(second, 9)
	r.answers(second, us, upstreamAnswer(t, 9, cutShort))
	r.draw(10)
	f = r.connects(second, 10)
	f.Close(errors.ErrUnsupported)
	if got := w.hears(); got.Packet != nil {
		t.Errorf("the reply is %+v", got)
	}
}

// TestWithoutEDNS: an upstream that knows nothing of EDNS is asked without.
func TestWithoutEDNS(t *testing.T) {
	r := newAskerRig(t, first)
	w := r.wait(www)
	_, us := r.asksUDP(first, 7)
	r.answers(first, us, upstreamAnswer(t, 7, with(dnsmessage.RCodeFormatError, nil, nil, nil)))
	q, us := r.asksUDP(first, 8)
	if len(q.Additionals) > 0 {
		t.Errorf("it asks %+v", q)
	}
	r.answers(first, us, upstreamAnswer(t, 8))
	w.hears()
}

// TestNegativeAnswersAreKept: that there is nothing is known for as long as the
// SOA record says.
func TestNegativeAnswersAreKept(t *testing.T) {
	r := newAskerRig(t, first)
	w := r.wait(www)
	_, us := r.asksUDP(first, 7)
	soa := records{record("test.", dnsmessage.TypeSOA, 300)} // whose minimum is 60 s
	r.answers(first, us, upstreamAnswer(t, 7, with(dnsmessage.RCodeNameError, nil, soa, nil)))
	w.hears()
	r.tick(59)
	if m := read(t, r.wait(www).hears().Packet); m.RCode != dnsmessage.RCodeNameError {
		t.Errorf("the reply is %+v", m)
	}
	r.tick(1)
	r.wait(www).hearsNothing()
	r.asksUDP(first, 8)
}

// TestNobodyWaits: when the last client with a question goes, no upstream is
// asked any longer; the next client with it is served as usual.
func TestNobodyWaits(t *testing.T) {
	r := newAskerRig(t, first)
	a, b := r.wait(www), r.wait(www)
	r.asksUDP(first, 7)
	a.Close(nil)
	r.running("attempt", 1)
	b.Close(nil)
	r.running("attempt", 0)
	r.running("\"", 0)
	// Some come and go before there is a conversation.
	r.Perform(actions.Spawn(actions.Stateless(subscribeTo(www), actions.Quit())))
	r.running("\"", 0)
	w := r.wait(www)
	_, us := r.asksUDP(first, 8)
	r.answers(first, us, upstreamAnswer(t, 8))
	w.hears()
}

// TestHandover: a client that comes at the moment when the last one goes is
// answered.
func TestHandover(t *testing.T) {
	r := newAskerRig(t, first)
	next := actions.Spawn(actions.Stateless(subscribeTo(www))).Named("next")
	r.Perform(actions.Spawn(actions.Stateless(answeredOnce(www, next))))
	_, us := r.asksUDP(first, 7)
	r.answers(first, us, upstreamAnswer(t, 7, with(0, records{record("www.example.test.", 1, 0)}, nil, nil)))
	r.running("next", 0)
	r.counts(forwarded)
}

// TestCrash: when a conversation crashes, those who wait are told that there is
// no answer.
func TestCrash(t *testing.T) {
	r := newAskerRig(t, first)
	w := r.wait(www)
	r.Perform(actions.Kill(r.find(www.String()), errors.ErrUnsupported))
	if got := w.hears(); got.Packet != nil || got.Code != dnsmessage.RCodeServerFailure {
		t.Errorf("the reply is %+v", got)
	}
	r.running("attempt", 0)
	r.running("\"", 0)
	r.wait(www).hearsNothing()
	r.asksUDP(first, 8)
}

// TestBeforeTheClock: without the time, nothing is kept.
func TestBeforeTheClock(t *testing.T) {
	r := newRig(t, bringer(), actions.Spawn(answerQuestions(testConfig(first))).Named("asker"))
	w := r.wait(www)
	_, us := r.asksUDP(first, 7)
	r.answers(first, us, upstreamAnswer(t, 7))
	w.hears()
	r.tick(0)
	r.wait(www).hearsNothing()
	r.asksUDP(first, 8)
}

// TestTooManyQuestions: the number of questions at a time is limited.
func TestTooManyQuestions(t *testing.T) {
	r := newRigOf(t, vmtest.Config{Runs: 1}, bringer(), actions.Spawn(answerQuestions(testConfig(first))))
	for n := range maxConversations {
		q := www
		q.Type += dnsmessage.Type(n)
		r.Perform(actions.Spawn(actions.Stateless(subscribeTo(q))))
	}
	r.running("attempt", maxConversations)
	last := www
	last.Name = "other.test."
	if got := r.wait(last).hears(); got.Packet != nil {
		t.Errorf("the reply is %+v", got)
	}
	r.running("attempt", maxConversations)
}
