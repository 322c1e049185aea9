package main

import (
	"golang.org/x/net/dns/dnsmessage"
)

// respond returns the message that answers q with r, of at most size bytes. It
// leaves out what does not fit, and the message says so: TCP has room for it.
func (q query) respond(r Reply, size int) []byte {
	if r.Packet == nil {
		return q.refuse(r.Code)
	}
	var m dnsmessage.Message
	if err := m.Unpack(r.Packet); err != nil || len(m.Questions) != 1 {
		return q.refuse(dnsmessage.RCodeServerFailure)
	}
	for _, section := range [][]dnsmessage.Resource{m.Answers, m.Authorities, m.Additionals} {
		for i := range section {
			h := &section[i].Header
			h.TTL -= min(h.TTL, r.Age)
			if h.Name == m.Questions[0].Name {
				h.Name = q.spelling // so that it need not be written twice
			}
		}
	}
	answer := q.message(m.RCode)
	answer.Answers, answer.Authorities = m.Answers, m.Authorities
	answer.Additionals = append(m.Additionals, answer.Additionals...)
	packet, err := answer.Pack()
	if err == nil && len(packet) <= size {
		return packet
	}
	answer = q.message(m.RCode)
	answer.Truncated = true
	return pack(answer)
}

// refuse returns the message that says no more than a code.
func (q query) refuse(code dnsmessage.RCode) []byte { return pack(q.message(code)) }

// message returns an answer without records.
func (q query) message(code dnsmessage.RCode) *dnsmessage.Message {
	m := &dnsmessage.Message{Header: dnsmessage.Header{
		ID:                 q.header.ID,
		Response:           true,
		OpCode:             q.header.OpCode,
		RecursionDesired:   q.header.RecursionDesired,
		RecursionAvailable: true,
		CheckingDisabled:   q.header.CheckingDisabled,
		RCode:              code & 0xf, // the rest of it is in the record of EDNS
	}}
	if q.answerable {
		m.Questions = []dnsmessage.Question{{Name: q.spelling, Type: q.question.Type, Class: q.question.Class}}
	}
	if q.edns {
		m.Additionals = []dnsmessage.Resource{edns(code, q.question.DNSSEC)}
	}
	return m
}

// edns returns the pseudo-record of EDNS, without options.
func edns(code dnsmessage.RCode, dnssec bool) dnsmessage.Resource {
	var h dnsmessage.ResourceHeader
	if err := h.SetEDNS0(mostDatagram, code, dnssec); err != nil {
		panic(err) // it returns nil
	}
	return dnsmessage.Resource{Header: h, Body: &dnsmessage.OPTResource{}}
}

// pack packs a message of a header, a question and a record of EDNS, which
// cannot fail.
func pack(m *dnsmessage.Message) []byte {
	packet, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return packet
}
