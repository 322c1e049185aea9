package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"
)

// record returns a record with an example of what its type may have.
func record(name string, typ dnsmessage.Type, ttl uint32) dnsmessage.Resource {
	r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{
		Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET, TTL: ttl,
	}}
	switch typ {
	case dnsmessage.TypeA:
		r.Body = &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}
	case dnsmessage.TypeCNAME:
		r.Body = &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("elsewhere.test.")}
	case dnsmessage.TypeSOA:
		r.Body = &dnsmessage.SOAResource{NS: dnsmessage.MustNewName("ns.test."), MBox: dnsmessage.MustNewName("me.test."), MinTTL: 60}
	case dnsmessage.TypeTXT:
		r.Body = &dnsmessage.TXTResource{TXT: []string{strings.Repeat("x", 200)}}
	default:
		r.Body = &dnsmessage.UnknownResource{Type: typ, Data: []byte{1, 2, 3}}
	}
	return r
}

// A writer changes a message before it is packed.
type writer func(*dnsmessage.Message)

func written(t testing.TB, m dnsmessage.Message, ws ...writer) []byte {
	t.Helper()
	for _, w := range ws {
		w(&m)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func asking(name string, typ dnsmessage.Type) []dnsmessage.Question {
	return []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET}}
}

// clientQuery is what a client sends.
func clientQuery(t testing.TB, name string, ws ...writer) []byte {
	t.Helper()
	return written(t, dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 4711, RecursionDesired: true},
		Questions: asking(name, dnsmessage.TypeA),
	}, ws...)
}

// withEDNS adds the pseudo-record of EDNS.
func withEDNS(size int, version uint32, dnssec bool) writer {
	return func(m *dnsmessage.Message) {
		r := edns(0, dnssec)
		r.Header.Class = dnsmessage.Class(size)
		r.Header.TTL |= version << 16
		m.Additionals = append(m.Additionals, r)
	}
}

func read(t testing.TB, packet []byte) (m dnsmessage.Message) {
	t.Helper()
	if err := m.Unpack(packet); err != nil {
		t.Fatalf("% x: %v", packet, err)
	}
	return m
}

func TestReadQuery(t *testing.T) {
	const ok = dnsmessage.RCodeSuccess
	plain := Question{Name: "www.example.test.", Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
	with := func(f func(*Question)) Question { q := plain; f(&q); return q }
	opt := dnsmessage.RCodeFormatError
	for name, test := range map[string]struct {
		change   writer
		question Question
		code     dnsmessage.RCode
		size     int
		edns     bool
	}{
		"plain":        {func(*dnsmessage.Message) {}, plain, ok, 512, false},
		"EDNS":         {withEDNS(1000, 0, false), plain, ok, 1000, true},
		"EDNS, little": {withEDNS(100, 0, false), plain, ok, 512, true},
		"EDNS, much":   {withEDNS(65535, 0, false), plain, ok, 1232, true},
		"DNSSEC":       {withEDNS(1000, 0, true), with(func(q *Question) { q.DNSSEC = true }), ok, 1000, true},
		"EDNS 1":       {withEDNS(1000, 1, false), plain, rcodeBadVersion, 1000, true},
		"EDNS twice":   {func(m *dnsmessage.Message) { withEDNS(600, 0, false)(m); withEDNS(600, 0, false)(m) }, plain, opt, 600, true},
		"unchecked":    {func(m *dnsmessage.Message) { m.CheckingDisabled = true }, with(func(q *Question) { q.Unchecked = true }), ok, 512, false},
		"no recursion": {func(m *dnsmessage.Message) { m.RecursionDesired = false }, plain, dnsmessage.RCodeRefused, 512, false},
		"about us":     {func(m *dnsmessage.Message) { m.RecursionDesired = false; m.Questions[0].Class = 3 }, with(func(q *Question) { q.Class = 3 }), ok, 512, false},
		"transfer":     {func(m *dnsmessage.Message) { m.Questions[0].Type = 252 }, with(func(q *Question) { q.Type = 252 }), dnsmessage.RCodeNotImplemented, 512, false},
		"update":       {func(m *dnsmessage.Message) { m.OpCode = 5 }, Question{}, dnsmessage.RCodeNotImplemented, 512, false},
		"no question":  {func(m *dnsmessage.Message) { m.Questions = nil }, Question{}, dnsmessage.RCodeFormatError, 512, false},
		"two questions": {func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions...) },
			Question{}, dnsmessage.RCodeFormatError, 512, false},
		"an answer": {func(m *dnsmessage.Message) {
			m.Answers = []dnsmessage.Resource{record("www.example.test.", dnsmessage.TypeA, 1)}
		}, Question{}, dnsmessage.RCodeFormatError, 512, false},
		"OPT": {func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeOPT }, Question{}, dnsmessage.RCodeFormatError, 512, false},
	} {
		q, code, readable := readQuery(clientQuery(t, "WWW.Example.test.", test.change))
		if !readable || code != test.code || q.question != test.question || q.size != test.size || q.edns != test.edns || q.header.ID != 4711 {
			t.Errorf("%s: %+v, code %d, %v", name, q, code, readable)
		}
		// There is an answer in each case.
		m := read(t, q.refuse(dnsmessage.RCodeServerFailure))
		if m.ID != 4711 || !m.Response || m.RCode != dnsmessage.RCodeServerFailure || len(m.Additionals) > 0 != test.edns {
			t.Errorf("%s: the answer is %+v", name, m)
		}
		if q.answerable && m.Questions[0].Name.String() != "WWW.Example.test." {
			t.Errorf("%s: the answer is for %v", name, m.Questions)
		}
	}
}

func TestReadQueryOfRubbish(t *testing.T) {
	whole := clientQuery(t, "www.example.test.")
	for n := range whole {
		q, code, readable := readQuery(whole[:n])
		switch {
		case n < headerLength && readable:
			t.Errorf("%d bytes were taken for a message", n)
		case n >= headerLength && (!readable || code != dnsmessage.RCodeFormatError || q.header.ID != 4711):
			t.Errorf("%d bytes: code %d, %v, ID %d", n, code, readable, q.header.ID)
		}
	}
	if _, _, readable := readQuery(clientQuery(t, "a.", func(m *dnsmessage.Message) { m.Response = true })); readable {
		t.Error("an answer was taken for a query")
	}
}

func TestExtendedCodes(t *testing.T) {
	q, code, _ := readQuery(clientQuery(t, "a.", withEDNS(600, 1, true)))
	m := read(t, q.refuse(code))
	h := m.Additionals[0].Header
	if got := h.ExtendedRCode(m.RCode); got != rcodeBadVersion || m.RCode != 0 || m.CheckingDisabled || m.OpCode != 0 {
		t.Errorf("the code is %d, and the message %+v", got, m)
	}
}

var www = Question{Name: "www.example.test.", Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}

// upstreamAnswer is what an upstream answers, to the question www.
func upstreamAnswer(t testing.TB, id uint16, ws ...writer) []byte {
	t.Helper()
	return written(t, dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, Response: true, RecursionDesired: true, RecursionAvailable: true},
		Questions: asking("www.EXAMPLE.test.", dnsmessage.TypeA),
		Answers:   []dnsmessage.Resource{record("www.example.test.", dnsmessage.TypeA, 300)},
	}, ws...)
}

// with returns a writer for a code and the records of three sections.
func with(code dnsmessage.RCode, answers, authorities, additionals []dnsmessage.Resource) writer {
	return func(m *dnsmessage.Message) {
		m.RCode, m.Answers, m.Authorities, m.Additionals = code, answers, authorities, additionals
	}
}

type records = []dnsmessage.Resource

func TestReadReply(t *testing.T) {
	soa := func(ttl uint32) records { return records{record("example.test.", dnsmessage.TypeSOA, ttl)} }
	a := func(ttl uint32) records { return records{record("www.example.test.", dnsmessage.TypeA, ttl)} }
	cname := records{record("www.example.test.", dnsmessage.TypeCNAME, 50)}
	for name, test := range map[string]struct {
		change  writer
		verdict verdict
		keep    uint32
	}{
		"answer":               {with(0, a(300), nil, nil), answered, 300},
		"shortest TTL":         {with(0, append(a(300), a(200)...), soa(100), a(150)), answered, 100},
		"EDNS has no TTL":      {with(0, a(300), nil, records{edns(0, false)}), answered, 300},
		"very long TTL":        {with(0, a(1<<31-1), nil, nil), answered, keepAnswers},
		"impossible TTL":       {with(0, a(1<<31), nil, nil), answered, 0},
		"TTL of zero":          {with(0, a(0), nil, nil), answered, 0},
		"no such name":         {with(dnsmessage.RCodeNameError, nil, soa(300), nil), answered, 60},
		"no such name, brief":  {with(dnsmessage.RCodeNameError, nil, soa(30), nil), answered, 30},
		"no such name, no SOA": {with(dnsmessage.RCodeNameError, nil, nil, nil), answered, 0},
		"no such type":         {with(0, nil, soa(300), nil), answered, 60},
		"no such type, no SOA": {with(0, nil, nil, nil), answered, 0},
		"alias of nothing":     {with(0, cname, soa(300), nil), answered, 50},
		"alias of unknown":     {with(0, cname, nil, nil), answered, 0},
		"alias":                {with(0, append(a(300), cname...), nil, nil), answered, 50},
		"no DNAME":             {with(rcodeYXDomain, nil, nil, nil), answered, 0},
		"server failure":       {with(dnsmessage.RCodeServerFailure, nil, nil, nil), failed, 0},
		"refused":              {with(dnsmessage.RCodeRefused, nil, nil, nil), failed, 0},
		"format error":         {with(dnsmessage.RCodeFormatError, nil, nil, nil), puzzled, 0},
		"header only":          {func(m *dnsmessage.Message) { *m = dnsmessage.Message{Header: m.Header}; m.RCode = 1 }, puzzled, 0},
		"header only, success": {func(m *dnsmessage.Message) { *m = dnsmessage.Message{Header: m.Header} }, stranger, 0},
		"bad version":          {with(0, nil, nil, records{edns(rcodeBadVersion, false)}), puzzled, 0},
		"bad cookie":           {with(7, nil, nil, records{edns(23, false)}), failed, 0},
		"truncated":            {func(m *dnsmessage.Message) { m.Truncated = true }, truncated, 0},
		"a query":              {func(m *dnsmessage.Message) { m.Response = false }, stranger, 0},
		"other operation":      {func(m *dnsmessage.Message) { m.OpCode = 4 }, stranger, 0},
		"other ID":             {func(m *dnsmessage.Message) { m.ID++ }, stranger, 0},
		"other name":           {func(m *dnsmessage.Message) { m.Questions = asking("ww.example.test.", 1) }, stranger, 0},
		"other type":           {func(m *dnsmessage.Message) { m.Questions[0].Type++ }, stranger, 0},
		"other class":          {func(m *dnsmessage.Message) { m.Questions[0].Class++ }, stranger, 0},
		"two questions":        {func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions...) }, stranger, 0},
		"obsolete type":        {with(0, records{record("www.example.test.", 14, 300)}, nil, nil), failed, 0},
		"EDNS as an answer":    {with(0, records{edns(0, false)}, nil, nil), failed, 0},
	} {
		r, v := readReply(upstreamAnswer(t, 7, test.change), www, 7, true)
		if v != test.verdict || r.Keep != test.keep || (r.Packet != nil) != (v == answered) {
			t.Errorf("%s: %v, kept for %d s: %+v", name, v, r.Keep, r)
		}
	}
	if _, v := readReply(upstreamAnswer(t, 7, with(dnsmessage.RCodeFormatError, nil, nil, nil)), www, 7, false); v != failed {
		t.Errorf("without EDNS, a format error is taken for %v", v)
	}
	// One that ends in the middle of a record is as bad as a failure.
	if _, v := readReply(upstreamAnswer(t, 7)[:40], www, 7, true); v != failed {
		t.Errorf("half an answer is taken for %v", v)
	}
}

func TestUpstreamQuery(t *testing.T) {
	q := www
	q.DNSSEC, q.Unchecked = true, true
	m := read(t, upstreamQuery(q, 7, true))
	opt := m.Additionals[0].Header
	if m.ID != 7 || m.Response || !m.RecursionDesired || !m.CheckingDisabled || !q.is(m.Questions[0]) || !opt.DNSSECAllowed() || opt.Class != mostDatagram {
		t.Errorf("%+v", m)
	}
	if m := read(t, upstreamQuery(q, 7, false)); len(m.Additionals) > 0 {
		t.Errorf("without EDNS: %+v", m)
	}
}

// TestRespond: an answer that was kept comes back as it came, but for the ID, the
// spelling, EDNS and the TTLs.
func TestRespond(t *testing.T) {
	r, v := readReply(upstreamAnswer(t, 7, func(m *dnsmessage.Message) {
		m.Authoritative, m.AuthenticData = true, true
		m.Answers = append(m.Answers, record("www.example.test.", dnsmessage.TypeA, 40), record("www.example.test.", 4711, 40))
		m.Authorities = records{record("example.test.", dnsmessage.TypeSOA, 1000)}
		m.Additionals = records{record("a.test.", dnsmessage.TypeA, 1000), edns(0, true)}
	}), www, 7, true)
	if v != answered {
		t.Fatal(v)
	}
	r.Age = 50
	q, _, _ := readQuery(clientQuery(t, "wWw.eXample.test.", withEDNS(1000, 0, true)))
	want := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 4711, Response: true, RecursionDesired: true, RecursionAvailable: true},
		Questions: asking("wWw.eXample.test.", dnsmessage.TypeA),
		Answers: records{
			record("wWw.eXample.test.", dnsmessage.TypeA, 250),
			record("wWw.eXample.test.", dnsmessage.TypeA, 0),
			record("wWw.eXample.test.", 4711, 0),
		},
		Authorities: records{record("example.test.", dnsmessage.TypeSOA, 950)},
		Additionals: records{record("a.test.", dnsmessage.TypeA, 950), edns(0, true)},
	}
	before := bytes.Clone(r.Packet)
	got := read(t, q.respond(r, q.size))
	if diff := cmp.Diff(read(t, written(t, want)), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !bytes.Equal(before, r.Packet) {
		t.Error("the reply has been written to")
	}
	q, _, _ = readQuery(clientQuery(t, "www.example.test."))
	if got := read(t, q.respond(r, q.size)); len(got.Additionals) != 1 {
		t.Errorf("a client without EDNS gets %v", got.Additionals)
	}
	for _, r := range []Reply{failure, {Packet: []byte{1}}, {Packet: make([]byte, headerLength)}} {
		if got := read(t, q.respond(r, q.size)); got.RCode != dnsmessage.RCodeServerFailure {
			t.Errorf("the answer to a failure is %+v", got)
		}
	}
}

// TestRoom: records that do not fit are left out, to the byte.
func TestRoom(t *testing.T) {
	r, _ := readReply(upstreamAnswer(t, 7, func(m *dnsmessage.Message) {
		for range 4 {
			m.Answers = append(m.Answers, record("www.example.test.", dnsmessage.TypeTXT, 40))
		}
	}), www, 7, true)
	q, _, _ := readQuery(clientQuery(t, "www.example.test.", withEDNS(1000, 0, false)))
	n := len(q.respond(r, mostMessage))
	for size := n - 2; size <= n+2; size++ {
		packet := q.respond(r, size)
		m := read(t, packet)
		fits := size >= n
		if len(packet) > size || m.Truncated == fits || (len(m.Answers) == 5) != fits || len(m.Additionals) != 1 {
			t.Errorf("%d bytes for %d: %d, %+v", size, n, len(packet), m.Header)
		}
	}
}

func TestFrames(t *testing.T) {
	longest := make([]byte, mostMessage)
	if p, rest, complete := cut(framed(longest)); !complete || !bytes.Equal(p, longest) || len(rest) > 0 {
		t.Errorf("the longest message is %d bytes, and %d more", len(p), len(rest))
	}
	packets := [][]byte{{1, 2, 3}, {}, bytes.Repeat([]byte{4}, 3000), {5}}
	var stream []byte
	for _, p := range packets {
		stream = append(stream, framed(p)...)
	}
	for _, piece := range []int{1, 2, 7, 1000, len(stream)} {
		var got [][]byte
		var begun []byte
		for rest := stream; len(rest) > 0; {
			n := min(piece, len(rest))
			begun = join(begun, rest[:n])
			rest = rest[n:]
			for {
				p, more, complete := cut(begun)
				begun = more
				if !complete {
					break
				}
				got = append(got, p)
			}
		}
		if !cmp.Equal(got, packets, cmp.Comparer(bytes.Equal)) || len(begun) > 0 {
			t.Errorf("in pieces of %d, it is %d messages", piece, len(got))
		}
	}
}
