package wire

import (
	"cmp"
	"encoding/binary"
	"time"
)

// Version is the version of the protocol that this package reads and writes.
const Version = 1

// Limits of frames.
const (
	MaxFrame   = 256 << 10     // bytes of a frame
	MaxBody    = MaxFrame - 30 // bytes of the body of a DATA frame
	MaxMessage = MaxBody - 512 // bytes of an encoded message, so that there is room for its type
	// MinWindow is the smallest window. When half of it has been taken, the peer is told:
	// so it waits for no more than a body that it may send.
	MinWindow = 2 * MaxBody
	MaxName   = 255              // bytes of the name of a node, a place, or a type
	maxBeat   = 24 * time.Hour   // the longest heartbeat
	maxCount  = 1<<62 - 1        // of bytes and of frames
	minBeat   = time.Millisecond // the shortest heartbeat
)

// A Kind is a kind of frames.
type Kind byte

// The kinds of frames. The comment of the package says what they are for.
const (
	HELLO Kind = 1 + iota
	WELCOME
	REFUSE
	DATA
	BEAT
	BYE
)

var kinds = [...]string{HELLO: "HELLO", WELCOME: "WELCOME", REFUSE: "REFUSE", DATA: "DATA", BEAT: "BEAT", BYE: "BYE"}

// String returns the name of k.
func (k Kind) String() string {
	if k < HELLO || k > BYE {
		return "unknown"
	}
	return kinds[k]
}

// An ID identifies a session between two nodes. The client chooses it.
type ID struct {
	Life   uint64 // which life of the client; a later one is greater
	Number uint64 // counts the sessions in this life
}

// Compare returns -1, 0 or 1 if x is an earlier session than y, the same, or a later one.
func (x ID) Compare(y ID) int {
	return cmp.Or(cmp.Compare(x.Life, y.Life), cmp.Compare(x.Number, y.Number))
}

// A Frame is a frame whose body has not been read yet.
type Frame struct {
	Kind Kind
	ID   ID
	Seq  uint64 // of DATA; of all others, that of the last DATA before
	Body []byte
}

// Append appends f to dst.
func (f Frame) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(append(dst, Version, byte(f.Kind)), f.ID.Life)
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, f.ID.Number), f.Seq)
	return append(dst, f.Body...)
}

// ReadFrame reads the header of a frame, which is all of data. The body shares memory with
// data. The error is an [ErrMalformed], also for a frame of another version.
func ReadFrame(data []byte) (f Frame, err error) {
	if len(data) > MaxFrame {
		return f, malformed("a frame has %d bytes, and at most %d are allowed", len(data), MaxFrame)
	}
	r := reader{data: data}
	if v := r.octet("the version"); r.err == nil && v != Version {
		return f, malformed("a frame is of version %d, and this is version %d", v, Version)
	}
	f.Kind = Kind(r.octet("the kind"))
	if r.err == nil && (f.Kind < HELLO || f.Kind > BYE) {
		return f, malformed("a frame is of kind %d, which does not exist", f.Kind)
	}
	f.ID.Life = r.word("the header")
	f.ID.Number = r.number("the number of the session")
	f.Seq = r.number("the number of the frame")
	f.Body = r.data
	if f.Seq > maxCount {
		r.fail("the number of the frame is %d", f.Seq)
	}
	return f, r.err
}

// A Hello is the body of a HELLO frame.
type Hello struct {
	From, To byte   // the versions that the client speaks
	Node     string // the node that the client means
	Place    string // the place on that node
	Epoch    uint64 // the epoch of the place that the client wants, or 0 for any
	Client   uint64 // tells the machines of a node apart; the same in all lives of a machine
	Terms
}

// Terms are what both sides say when a session begins.
type Terms struct {
	Window    uint64        // bytes of bodies that the peer may send at first
	Heartbeat time.Duration // how often the peer has to send something
}

// A Welcome is the body of a WELCOME frame.
type Welcome struct {
	Version byte   // which both speak from now on
	Epoch   uint64 // of the place
	Terms
}

// Append appends h to dst.
func (h Hello) Append(dst []byte) []byte {
	dst = appendText(appendText(append(dst, h.From, h.To), h.Node), h.Place)
	return h.Terms.append(binary.LittleEndian.AppendUint64(binary.AppendUvarint(dst, h.Epoch), h.Client))
}

// ReadHello reads the body of a HELLO frame.
func ReadHello(body []byte) (h Hello, err error) {
	r := reader{data: body}
	h.From, h.To = r.octet("the version"), r.octet("the version")
	h.Node, h.Place = r.text("the name of a node", MaxName), r.text("the name of a place", MaxName)
	h.Epoch = r.number("the epoch")
	h.Client = r.word("the client")
	h.Terms = r.terms()
	return h, r.end()
}

// Append appends w to dst.
func (w Welcome) Append(dst []byte) []byte {
	return w.Terms.append(binary.AppendUvarint(append(dst, w.Version), w.Epoch))
}

// ReadWelcome reads the body of a WELCOME frame.
func ReadWelcome(body []byte) (w Welcome, err error) {
	r := reader{data: body}
	if w.Version = r.octet("the version"); r.err == nil && w.Version != Version {
		r.fail("the home chooses version %d", w.Version)
	}
	w.Epoch = r.number("the epoch")
	w.Terms = r.terms()
	return w, r.end()
}

func (t Terms) append(dst []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, t.Window), uint64(t.Heartbeat))
}

func (r *reader) terms() (t Terms) {
	t.Window = r.number("the window")
	beat := r.number("the heartbeat")
	switch {
	case r.err != nil:
	case t.Window < MinWindow || t.Window > maxCount:
		r.fail("the window is of %d bytes, and at least %d are needed", t.Window, MinWindow)
	case beat < uint64(minBeat) || beat > uint64(maxBeat):
		r.fail("the heartbeat is of %d ns", beat)
	}
	t.Heartbeat = time.Duration(beat)
	return t
}

// AppendLimit appends the body of a BEAT frame: how many bytes of bodies the peer may send
// in the session in all.
func AppendLimit(dst []byte, limit uint64) []byte { return binary.AppendUvarint(dst, limit) }

// ReadLimit reads the body of a BEAT frame.
func ReadLimit(body []byte) (uint64, error) {
	r := reader{data: body}
	n := r.number("the limit")
	if n > maxCount {
		r.fail("the limit is %d", n)
	}
	return n, r.end()
}

// AppendReason appends the body of a REFUSE or a BYE frame.
func AppendReason(dst []byte, reason error) []byte { return appendReason(dst, reason) }

// ReadReason reads the body of a REFUSE or a BYE frame: nil, or a [*world.Error].
func ReadReason(body []byte) (reason, err error) {
	r := reader{data: body}
	reason = r.reason()
	return reason, r.end()
}
