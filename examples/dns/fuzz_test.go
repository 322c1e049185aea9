package main

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// FuzzMessage: no message from a client or an upstream does harm, whatever is
// in it. A client gets an answer that can be read, or nothing.
func FuzzMessage(f *testing.F) {
	f.Add(clientQuery(f, "www.example.test."), uint16(4711))
	f.Add(clientQuery(f, "www.example.test.", withEDNS(1232, 0, true)), uint16(4711))
	f.Add(clientQuery(f, "a.", withEDNS(1232, 3, true)), uint16(4711))
	f.Add(upstreamAnswer(f, 7), uint16(7))
	f.Add(upstreamAnswer(f, 7, with(dnsmessage.RCodeNameError, nil, records{record("test.", dnsmessage.TypeSOA, 9)}, records{edns(0, true)})), uint16(7))
	f.Add([]byte("\x00\x00\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"), uint16(0))
	f.Add([]byte{}, uint16(0))
	f.Fuzz(func(t *testing.T, packet []byte, id uint16) {
		q, code, ok := readQuery(packet)
		if ok {
			checkAnswer(t, q, q.refuse(code), code)
		}
		if ok && code == dnsmessage.RCodeSuccess {
			read(t, upstreamQuery(q.question, id, true))
			read(t, upstreamQuery(q.question, id, false))
		}
		var asked Question
		var m dnsmessage.Message
		if m.Unpack(packet) == nil && len(m.Questions) == 1 {
			asked = Question{Name: lower(m.Questions[0].Name.String()), Type: m.Questions[0].Type, Class: m.Questions[0].Class}
		}
		r, v := readReply(packet, asked, id, true)
		if v != answered {
			return
		}
		if r.Keep > keepAnswers {
			t.Errorf("a reply is kept for %d s", r.Keep)
		}
		client := query{header: dnsmessage.Header{ID: 1}, question: asked, spelling: m.Questions[0].Name, answerable: true, edns: true}
		for _, size := range []int{leastDatagram, mostDatagram, mostMessage} {
			answer := client.respond(r, size)
			if len(answer) > size {
				t.Errorf("the answer has %d bytes, and there is room for %d", len(answer), size)
			}
			checkAnswer(t, client, answer, m.RCode)
		}
	})
}

// FuzzService: whatever comes from a client, and whatever an upstream answers to
// it, no process crashes, and the client gets one message, or nothing.
func FuzzService(f *testing.F) {
	f.Add(clientQuery(f, "www.example.test."), upstreamAnswer(f, 7))
	f.Add(clientQuery(f, "WWW.example.test.", withEDNS(1232, 0, false)), upstreamAnswer(f, 7, func(m *dnsmessage.Message) { m.Truncated = true }))
	f.Add(clientQuery(f, "a."), []byte{})
	f.Fuzz(func(t *testing.T, query, answer []byte) {
		query, answer = slices.Clip(query), slices.Clip(answer) // there is a lot of memory behind them
		r := newServiceRig(t)
		r.answers(client, here, query)
		if len(r.Devices()) == 0 {
			if got := r.toClient(); len(got) > 1 {
				t.Errorf("the client gets %+v", got)
			}
			return
		}
		_, us := r.asksUDP(first, 7)
		r.answers(first, us, answer)
		got := len(r.toClient())
		r.expire(limitEnd, 5*time.Second)
		if got += len(r.toClient()); got != 1 {
			t.Errorf("the client gets %d messages", got)
		}
		r.running("request", 0)
		r.running("attempt", 0)
	})
}

func checkAnswer(t *testing.T, q query, packet []byte, code dnsmessage.RCode) {
	t.Helper()
	m := read(t, packet)
	if m.ID != q.header.ID || !m.Response || m.RCode != code&0xf || m.OpCode != q.header.OpCode {
		t.Errorf("the answer is %+v; want code %d and ID %d", m.Header, code, q.header.ID)
	}
}
