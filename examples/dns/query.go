package main

import (
	"golang.org/x/net/dns/dnsmessage"
)

// A query is a question as a client has put it, with what is needed to answer
// it.
type query struct {
	header   dnsmessage.Header
	question Question
	spelling dnsmessage.Name // of the name in the question, as the client has it

	answerable bool // there is one question, so it can be repeated in the answer
	edns       bool // the client knows of EDNS, and so its answer says so
	size       int  // how long an answer over UDP may be
}

// The length of the header of a message, and of messages over UDP: what everybody
// takes, and what gets through any network in one piece.
const (
	headerLength  = 12
	leastDatagram = 512
	mostDatagram  = 1232
	mostMessage   = 65535 // over TCP
)

// Codes and types that package dnsmessage has no names for.
const (
	rcodeYXDomain   dnsmessage.RCode = 6  // a name that exists and should not
	rcodeBadVersion dnsmessage.RCode = 16 // of EDNS
	typeIXFR        dnsmessage.Type  = 251
)

// readQuery reads what a client has sent. It reports false if that cannot be
// answered: it is no message, or is itself an answer. If the code is not
// RCodeSuccess, it is the answer, and there is no question to ask.
func readQuery(packet []byte) (q query, code dnsmessage.RCode, ok bool) {
	var p dnsmessage.Parser
	header, err := p.Start(packet)
	if err != nil || header.Response {
		return query{}, 0, false
	}
	q = query{header: header, size: leastDatagram}
	if header.OpCode != 0 {
		return q, dnsmessage.RCodeNotImplemented, true
	}
	var m dnsmessage.Message
	if err := m.Unpack(packet); err != nil || len(m.Questions) != 1 || len(m.Answers)+len(m.Authorities) > 0 {
		return q, dnsmessage.RCodeFormatError, true
	}
	asked := m.Questions[0]
	if asked.Type == dnsmessage.TypeOPT {
		return q, dnsmessage.RCodeFormatError, true
	}
	q.answerable = true
	q.spelling = asked.Name
	q.question = Question{
		Name:      lower(asked.Name.String()),
		Type:      asked.Type,
		Class:     asked.Class,
		Unchecked: header.CheckingDisabled,
	}
	if code := q.extend(m.Additionals); code != dnsmessage.RCodeSuccess {
		return q, code, true
	}
	switch {
	case asked.Type == dnsmessage.TypeAXFR || asked.Type == typeIXFR:
		return q, dnsmessage.RCodeNotImplemented, true // it takes more than one message
	case !header.RecursionDesired && asked.Class != dnsmessage.ClassCHAOS:
		return q, dnsmessage.RCodeRefused, true // nothing of it is here
	}
	return q, dnsmessage.RCodeSuccess, true
}

// extend reads the pseudo-record of EDNS.
func (q *query) extend(additionals []dnsmessage.Resource) dnsmessage.RCode {
	for _, r := range additionals {
		if r.Header.Type != dnsmessage.TypeOPT {
			continue
		}
		if q.edns {
			return dnsmessage.RCodeFormatError
		}
		q.edns = true
		q.size = min(max(int(r.Header.Class), leastDatagram), mostDatagram)
		q.question.DNSSEC = r.Header.DNSSECAllowed()
		if version := r.Header.TTL >> 16 & 0xff; version != 0 {
			return rcodeBadVersion
		}
	}
	return dnsmessage.RCodeSuccess
}

// lower returns a name in lower case. In DNS there are bytes, and only the letters
// of ASCII have a case.
func lower(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
