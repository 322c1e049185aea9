package tcp

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/vm"
)

// Modes and credit change at any time, subscribers come and go, and data of the peer
// arrives in any pieces. The delivered bytes are those that were sent, each piece
// fits the mode, and there are exactly as many as the credit allows.
func TestDR28Modes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) { testModes(t, rt) })
}

func FuzzModes(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) { rapid.MakeFuzz(func(rt *rapid.T) { testModes(t, rt) })(t, in) })
}

// A reader is the model of a flow in a test of modes.
type reader struct {
	*rapid.T
	r      *rig
	sent   []byte // by the peer, sooner or later
	come   int    // of these
	closed bool   // the peer's end has come, too

	subscribed bool
	mode       Mode
	credit     int
	paused     bool
	late       int // pieces that have come since

	got    []byte
	ended  bool // the end has been told
	failed error
}

func testModes(t *testing.T, rt *rapid.T) {
	x := &reader{
		T: rt, r: newServer(t, "a"), paused: true, credit: Unlimited,
		sent: []byte(rapid.StringMatching(`([ab\r]{0,5}\n?){0,40}`).Draw(rt, "sent")),
	}
	x.r.watch = func(c vm.Command) {
		if _, ok := c.Address.Device.(acceptedConn); ok && c.Kind == vm.Flow {
			x.paused, x.late = c.Paused, 0
		}
	}
	x.r.do("a", x.r.publish("out", serverAt, peer))
	rt.Repeat(map[string]func(*rapid.T){
		"receive":     x.receive,
		"setMode":     x.setMode,
		"grant":       x.grant,
		"subscribe":   x.subscribe,
		"unsubscribe": x.unsubscribe,
		"":            x.check,
	})
	if x.failed != nil {
		return
	}
	x.T = rt
	x.set(Bytes(), Unlimited)
	x.join()
	for !x.ended {
		x.bring(rt, len(x.sent))
		x.check(rt)
	}
	if !bytes.Equal(x.got, x.sent) {
		rt.Fatalf("got %q, and not %q", x.got, x.sent)
	}
}

// over reports whether the flow has ended.
func (x *reader) over() bool { return x.ended || x.failed != nil }

// receive delivers data of the peer. After a pause that is at most one piece, which
// was on its way.
func (x *reader) receive(t *rapid.T) {
	if x.closed || x.over() || x.late > 0 || x.paused && !rapid.Bool().Draw(t, "late") {
		return // nothing comes
	}
	if x.paused {
		x.late++
	}
	x.bring(t, rapid.IntRange(1, 12).Draw(t, "n"))
}

func (x *reader) bring(t *rapid.T, n int) {
	x.T = t
	if n = min(n, len(x.sent)-x.come); n == 0 {
		x.closed = true
		x.r.value("conn1", peerEnded{})
		return
	}
	x.come += n
	x.r.value("conn1", received{x.sent[x.come-n : x.come : x.come]})
}

func (x *reader) setMode(t *rapid.T) {
	x.T = t
	m := Bytes()
	if rapid.Bool().Draw(t, "lines") {
		m = Lines(rapid.SampledFrom([]int{1, 3, 5, 6, 1000}).Draw(t, "max"))
	}
	x.set(m, rapid.SampledFrom([]int{0, 1, 2, 7, Unlimited}).Draw(t, "credit"))
}

func (x *reader) set(m Mode, credit int) {
	x.mode, x.credit = m, credit
	x.r.do("a", SetMode(peer, serverAt, m, credit))
}

func (x *reader) grant(t *rapid.T) {
	x.T = t
	n := rapid.IntRange(0, 9).Draw(t, "n")
	if x.credit != Unlimited {
		x.credit += n
	}
	x.r.do("a", Grant(peer, serverAt, n))
}

func (x *reader) subscribe(t *rapid.T) {
	if x.subscribed || x.over() {
		return
	}
	x.T = t
	x.join()
}

func (x *reader) join() {
	x.subscribed = true
	x.r.do("a", endpoint.Subscriber(Flow(peer, serverAt),
		endpoint.OnMessage(func(d Data) actions.Action { x.hear(d); return nil }),
		endpoint.OnAbsence(func(_ Data, reason error) actions.Action { x.absent(reason); return nil }),
	).As("in"))
}

func (x *reader) unsubscribe(t *rapid.T) {
	if !x.subscribed || x.over() {
		return
	}
	x.T = t
	x.subscribed = false
	x.r.do("a", actions.Delete("in"))
}

// hear checks a piece.
func (x *reader) hear(d Data) {
	if !x.subscribed || x.over() {
		x.Fatalf("%q comes to nobody", d.Bytes)
	}
	if d.EOF {
		if !x.closed || len(d.Bytes) > 0 || len(x.got) < len(x.sent) {
			x.Fatalf("the end comes after %q, with %q", x.got, d.Bytes)
		}
		x.ended = true
		return
	}
	cost := 1
	if x.mode == Bytes() {
		cost = len(d.Bytes)
	} else {
		x.checkLine(d.Bytes)
	}
	if x.credit != Unlimited {
		x.credit -= cost
	}
	if x.credit < 0 || len(d.Bytes) == 0 {
		x.Fatalf("%q comes, after which the credit is %d", d.Bytes, x.credit)
	}
	x.got = append(x.got, d.Bytes...)
	if !bytes.HasPrefix(x.sent[:x.come], x.got) {
		x.Fatalf("got %q of %q", x.got, x.sent[:x.come])
	}
}

func (x *reader) checkLine(b []byte) {
	last := x.closed && len(x.got)+len(b) == len(x.sent)
	end := bytes.IndexByte(b, '\n')
	if len(b) > x.mode.MaxLine || end >= 0 && end != len(b)-1 || end < 0 && !last {
		x.Fatalf("%q is no line, or not one of %v", b, x.mode)
	}
}

// waits returns the undelivered data, and the length of its first line so far.
func (x *reader) waits() (b []byte, line int) {
	b = x.sent[len(x.got):x.come]
	if line = bytes.IndexByte(b, '\n') + 1; line == 0 {
		line = len(b)
	}
	return b, line
}

// absent checks that a flow ends that has a reason to.
func (x *reader) absent(reason error) {
	if reason == nil && (x.ended || !x.subscribed) {
		return
	}
	x.failed = reason
	b, line := x.waits()
	if !errors.Is(reason, ErrLineTooLong) || !x.subscribed || x.credit == 0 || x.mode == Bytes() || line <= x.mode.MaxLine {
		x.Fatalf("%q waits, %v with credit %d: %v", b, x.mode, x.credit, reason)
	}
}

// check checks that as much was delivered as is allowed.
func (x *reader) check(t *rapid.T) {
	if x.over() {
		return
	}
	b, line := x.waits()
	flows := x.subscribed && x.credit > 0
	if x.paused == flows {
		t.Fatalf("paused %v, with credit %d", x.paused, x.credit)
	}
	if flows && (x.closed || x.mode == Bytes() && len(b) > 0 || x.mode != Bytes() && (bytes.IndexByte(b, '\n') >= 0 || line > x.mode.MaxLine)) {
		t.Fatalf("%q has come and still waits, %v with credit %d, the end %v", b, x.mode, x.credit, x.closed)
	}
}
