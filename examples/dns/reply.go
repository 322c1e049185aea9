package main

import (
	"slices"

	"golang.org/x/net/dns/dnsmessage"
)

// A Reply is what the resolver answers to a question.
type Reply struct {
	// Packet is the message of an upstream, without its ID and without EDNS. It
	// is nil if there is none; then Code says why.
	Packet []byte
	Code   dnsmessage.RCode

	Keep uint32 // for how many seconds it may be kept, from when it came
	Age  uint32 // how many seconds ago that was
}

// failure is the reply when nobody has an answer.
var failure = Reply{Code: dnsmessage.RCodeServerFailure}

// A verdict is the result of asking an upstream.
type verdict int

const (
	stranger  verdict = iota // this is no answer to what was asked
	answered                 // this is the answer
	truncated                // there is an answer, too long for UDP
	puzzled                  // the upstream knows nothing of EDNS
	failed                   // the upstream has no answer
)

// String returns the name of the verdict.
func (v verdict) String() string {
	return [...]string{"stranger", "answered", "truncated", "puzzled", "failed"}[v]
}

// A reply is kept for a day at most, and a negative one for three hours: RFC
// 2308, section 5.
const (
	keepAnswers  = 24 * 60 * 60
	keepNegative = 3 * 60 * 60
)

// upstreamQuery returns the message that asks an upstream.
func upstreamQuery(q Question, id uint16, extended bool) []byte {
	name := dnsmessage.MustNewName(q.Name) // it was that of a question
	m := &dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true, CheckingDisabled: q.Unchecked},
		Questions: []dnsmessage.Question{{Name: name, Type: q.Type, Class: q.Class}},
	}
	if extended {
		m.Additionals = []dnsmessage.Resource{edns(dnsmessage.RCodeSuccess, q.DNSSEC)}
	}
	return pack(m)
}

// readReply reads a message from the upstream that was asked q, under the given
// ID, with EDNS or without. There is a reply only if the message is an answer.
func readReply(packet []byte, q Question, id uint16, extended bool) (Reply, verdict) {
	var p dnsmessage.Parser
	h, err := p.Start(packet)
	if err != nil || !h.Response || h.ID != id || h.OpCode != 0 {
		return Reply{}, stranger
	}
	asked, err := p.AllQuestions()
	switch {
	case err != nil, len(asked) > 1, len(asked) == 1 && !q.is(asked[0]):
		return Reply{}, stranger
	case len(asked) == 0:
		// An upstream that cannot read the question cannot repeat it.
		if !isPuzzled(h.RCode) {
			return Reply{}, stranger
		}
	case h.Truncated:
		return Reply{}, truncated // and perhaps in the middle of a record
	}
	var m dnsmessage.Message
	if err := m.Unpack(packet); err != nil {
		return Reply{}, failed
	}
	code := withoutEDNS(&m)
	switch {
	case extended && isPuzzled(code):
		return Reply{}, puzzled
	case code != dnsmessage.RCodeSuccess && code != dnsmessage.RCodeNameError && code != rcodeYXDomain:
		return Reply{}, failed
	}
	m.Questions[0].Name = dnsmessage.MustNewName(q.Name) // however it spells it
	return newReply(&m)
}

// is reports whether a is q, as far as the wire tells.
func (q Question) is(a dnsmessage.Question) bool {
	return a.Type == q.Type && a.Class == q.Class && lower(a.Name.String()) == q.Name
}

// isPuzzled reports whether an upstream may have given this code because of EDNS.
func isPuzzled(code dnsmessage.RCode) bool {
	return code == dnsmessage.RCodeFormatError || code == dnsmessage.RCodeNotImplemented || code == rcodeBadVersion
}

// withoutEDNS takes the pseudo-record of EDNS out of m, and returns the code,
// of which a part may be in that record.
func withoutEDNS(m *dnsmessage.Message) dnsmessage.RCode {
	code := m.RCode
	rest := m.Additionals[:0]
	for _, r := range m.Additionals {
		if r.Header.Type == dnsmessage.TypeOPT {
			code = r.Header.ExtendedRCode(m.RCode)
		} else {
			rest = append(rest, r)
		}
	}
	m.Additionals = rest
	return code
}

// newReply returns what is kept of a message.
func newReply(m *dnsmessage.Message) (Reply, verdict) {
	m.ID = 0
	for _, section := range [][]dnsmessage.Resource{m.Answers, m.Authorities, m.Additionals} {
		for i := range section {
			h := &section[i].Header
			if h.Type == dnsmessage.TypeOPT || isObsolete(h.Type) {
				return Reply{}, failed
			}
			if h.TTL > 1<<31-1 {
				h.TTL = 0 // RFC 2181, section 8
			}
		}
	}
	packet, err := m.Pack()
	if err != nil || len(packet) > mostMessage {
		return Reply{}, failed
	}
	return Reply{Packet: packet, Keep: keep(m)}, answered
}

// isObsolete reports whether records of a type may have names in them that are
// compressed, in places that package dnsmessage does not know. Nobody has used
// these types for decades.
func isObsolete(t dnsmessage.Type) bool {
	switch t {
	case 3, 4, 7, 8, 9, dnsmessage.TypeMINFO: // MD, MF, MB, MG, MR
		return true
	}
	return false
}

// keep returns for how long a message may be kept, in seconds: as long as all of
// its records. A negative reply may be kept as long as the SOA record says, and
// not at all without one.
func keep(m *dnsmessage.Message) uint32 {
	least := uint32(keepAnswers)
	negative := m.RCode != dnsmessage.RCodeSuccess || !hasAnswer(m)
	sure := !negative
	for _, section := range [][]dnsmessage.Resource{m.Answers, m.Authorities, m.Additionals} {
		for _, r := range section {
			least = min(least, r.Header.TTL)
		}
	}
	if negative {
		for _, r := range m.Authorities {
			if soa, ok := r.Body.(*dnsmessage.SOAResource); ok {
				least, sure = min(least, soa.MinTTL, keepNegative), true
			}
		}
	}
	if !sure {
		return 0
	}
	return least
}

// hasAnswer reports whether there is a record of the type that was asked for.
func hasAnswer(m *dnsmessage.Message) bool {
	want := m.Questions[0].Type
	return slices.ContainsFunc(m.Answers, func(r dnsmessage.Resource) bool {
		return r.Header.Type == want || want == dnsmessage.TypeALL
	})
}
