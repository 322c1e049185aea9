package session

import (
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// Config is what a side asks of a session.
type Config struct {
	Heartbeat time.Duration // how often the other side has to send something
	Lease     time.Duration // how long the other side may be silent: at least two heartbeats
	Client    uint64        // of a client: which machine of its node it is
	Window    uint64        // how many bytes it may send before some are taken: at least wire.MinWindow
	Reuse     bool          // a frame of this side is valid only until the next input
}

// A Place is where a client wants to take part.
type Place struct {
	Node, Name string
	Epoch      uint64 // which life of it; 0 for any, if a client wants it
}

// An Event is what the machine is told: [Joined], [Data] or [Ended].
type Event interface{ event() }

// Joined says that the session has begun. From now on both sides may send.
type Joined struct{ Epoch uint64 } // of the place

// Data is the body of a frame. The machine has to say when it has taken it, with
// [Session.Take].
type Data struct {
	Seq  uint64
	Body []byte // shares memory with the frame
}

// Ended says that the session is over.
type Ended struct{ Reason error }

func (Joined) event() {}
func (Data) event()   {}
func (Ended) event()  {}

// An Output is what an input brings about.
type Output struct {
	Frame []byte // to be sent to the other side; nil if there is none
	Event Event  // to be told to the machine, after the frame is on its way; nil if there is none
}

// A phase says how far a session is.
type phase uint8

const (
	ended phase = iota
	dialing
	joined
)

// A Session is one side of a session. The zero Session has ended.
type Session struct {
	config Config
	id     wire.ID
	place  Place
	home   bool
	phase  phase

	beat time.Duration // how often the other side wants to hear something
	told time.Duration // when something was sent
	rang time.Duration // when the other side was heard
	ran  time.Duration // when there was an input

	sent, got       uint64 // DATA frames
	sentSize, limit uint64 // bytes of bodies: that were sent, and may be sent
	gotSize, taken  uint64 // bytes of bodies: that were received, and were taken
	granted         uint64 // bytes of bodies that the other side may send

	memory []byte // of the last frame, with Reuse
}

// Dial begins a session as a client. The id must be greater than those of all earlier
// sessions of this node with the home. If there is no answer within the lease, the session
// ends, and the client dials again, with another id.
func Dial(c Config, id wire.ID, p Place, now time.Duration) (Session, Output) {
	s := Session{config: c, id: id, place: p, phase: dialing, granted: c.Window, told: now, rang: now, ran: now}
	return s, Output{Frame: s.hello()}
}

// Accept begins a session at home, at a place in its present life, if data is a HELLO frame
// that can be welcomed. Otherwise the session has ended; the frame is a REFUSE then, or
// nil if data is no HELLO.
func Accept(c Config, p Place, data []byte, now time.Duration) (Session, Output) {
	f, err := wire.ReadFrame(data)
	if err == nil && f.Kind != wire.HELLO {
		err = fmt.Errorf("%w: a %v frame instead of a HELLO", wire.ErrMalformed, f.Kind)
	}
	if err != nil {
		return Session{}, Output{Event: Ended{err}}
	}
	h, err := wire.ReadHello(f.Body)
	switch {
	case err != nil:
	case h.From > wire.Version || h.To < wire.Version:
		err = fmt.Errorf("%w: the client speaks %d to %d, the home %d", ErrVersion, h.From, h.To, wire.Version)
	case h.Node != p.Node || h.Place != p.Name:
		err = fmt.Errorf("%w: the client wants %q on %q, and this is %q on %q", ErrNoPlace, h.Place, h.Node, p.Name, p.Node)
	case h.Epoch != 0 && h.Epoch != p.Epoch:
		err = fmt.Errorf("%w: the client wants %d, and this is %d", ErrStale, h.Epoch, p.Epoch)
	case f.Seq != 0:
		err = fmt.Errorf("%w: the number of a first HELLO is %d", wire.ErrMalformed, f.Seq)
	}
	if err != nil {
		return Session{}, Output{Refuse(f.ID, err), Ended{err}}
	}
	s := Session{
		config: c, id: f.ID, place: p, home: true, phase: joined,
		beat: h.Heartbeat, told: now, rang: now, ran: now, limit: h.Window, granted: c.Window,
	}
	return s, Output{s.welcome(), Joined{p.Epoch}}
}

// Refuse returns the frame that refuses a session.
func Refuse(id wire.ID, reason error) []byte {
	return wire.Frame{Kind: wire.REFUSE, ID: id, Body: wire.AppendReason(nil, reason)}.Append(nil)
}

// Stray returns the answer to a frame for which there is no session: a BYE, or nil if it
// needs no answer.
func Stray(data []byte) []byte {
	f, err := wire.ReadFrame(data)
	if err != nil {
		return nil
	}
	return stray(f)
}

func stray(f wire.Frame) []byte {
	switch f.Kind {
	case wire.DATA, wire.BEAT, wire.WELCOME:
		return wire.Frame{Kind: wire.BYE, ID: f.ID, Body: wire.AppendReason(nil, ErrNoSession)}.Append(nil)
	}
	return nil
}

// ID returns the id of the session.
func (s *Session) ID() wire.ID { return s.id }

// Next returns when the session needs a [Session.Tick], unless there is another input
// before. It is negative if the session has ended.
func (s *Session) Next() time.Duration {
	switch s.phase {
	case dialing:
		return s.expiry()
	case joined:
		return min(s.told+s.beat, s.expiry())
	default:
		return -1
	}
}

// Beat returns how often the other side wants to hear something. It is 0 before the session
// has begun.
func (s *Session) Beat() time.Duration { return s.beat }

// expiry returns when the lease has passed.
func (s *Session) expiry() time.Duration { return s.rang + s.config.Lease + 1 }

// Room returns how many bytes the other side still allows. It is 0 before the session has
// begun, and after it has ended.
func (s *Session) Room() uint64 {
	if s.phase != joined {
		return 0
	}
	return s.limit - s.sentSize
}

// Tick says that time has passed.
func (s *Session) Tick(now time.Duration) Output {
	if out, over := s.enter(now); over {
		return out
	}
	if s.phase == dialing || now < s.told+s.beat {
		return Output{}
	}
	s.told = now
	return Output{Frame: s.alive()}
}

// Send sends a body, of not more than [wire.MaxBody] bytes. The caller makes sure that
// there is [Session.Room] for it, and keeps the body for later if not. Send panics
// otherwise, except after the end, when it does nothing. If the event says that the session
// has ended, the body was not sent.
func (s *Session) Send(now time.Duration, body []byte) Output {
	if out, over := s.enter(now); over {
		return out
	}
	if n := uint64(len(body)); n == 0 || n > wire.MaxBody || n > s.Room() {
		panic(fmt.Sprintf("session: Send: %d bytes where there is room for %d, and a frame has 1 to %d", n, s.Room(), wire.MaxBody))
	}
	s.sent++
	s.sentSize += uint64(len(body))
	s.told = now
	return Output{Frame: s.frame(wire.DATA, body)}
}

// Take says that the machine has taken so many bytes of the bodies it was told.
func (s *Session) Take(now time.Duration, n int) Output {
	if out, over := s.enter(now); over {
		return out
	}
	if n < 0 || s.taken+uint64(n) > s.gotSize {
		panic(fmt.Sprintf("session: Take: %d bytes of %d", n, s.gotSize-s.taken))
	}
	s.taken += uint64(n)
	if s.taken+s.config.Window-s.granted < s.config.Window/2 {
		return Output{}
	}
	s.told = now
	return Output{Frame: s.alive()}
}

// End ends the session, with a reason, or without one: the other side is told [ErrLeft]
// then.
func (s *Session) End(now time.Duration, reason error) Output {
	if out, over := s.enter(now); over {
		return out
	}
	return s.end(reason)
}

// Cut says that the link has ended, with a reason or nil.
func (s *Session) Cut(reason error) Output {
	if s.phase == ended {
		return Output{}
	}
	s.phase = ended
	if reason != nil {
		return Output{Event: Ended{fmt.Errorf("%w: %w", ErrCut, reason)}}
	}
	return Output{Event: Ended{ErrCut}}
}

// enter is the beginning of every input. It reports whether the session is over, which it
// is also if the lease has passed: so nothing is taken or sent after that.
func (s *Session) enter(now time.Duration) (out Output, over bool) {
	late := now - s.ran
	s.ran = now
	switch {
	case s.phase == ended:
		return Output{}, true
	case now < s.expiry():
		return Output{}, false
	case s.phase == dialing:
		return s.end(fmt.Errorf("%w for %v", ErrNoAnswer, s.config.Lease)), true
	case late > s.config.Lease:
		return s.end(fmt.Errorf("%w: one side was stopped for %v", ErrLease, late)), true
	}
	return s.end(ErrLease), true
}

// end ends the session with a reason of this side, and says so to the other.
func (s *Session) end(reason error) Output {
	s.phase = ended
	bye := s.frame(wire.BYE, wire.AppendReason(nil, reason))
	return Output{bye, Ended{reason}}
}

// over ends the session with a reason of the other side.
func (s *Session) over(reason error) Output {
	s.phase = ended
	return Output{Event: Ended{reason}}
}

// frame returns a frame of this session. All kinds have the number of the last DATA frame.
func (s *Session) frame(k wire.Kind, body []byte) []byte {
	f := wire.Frame{Kind: k, ID: s.id, Seq: s.sent, Body: body}
	if size := len(body) + headSize; size > cap(s.memory) {
		s.memory = make([]byte, 0, size)
	}
	frame := f.Append(s.memory[:0])
	if !s.config.Reuse || cap(frame) > keepMemory {
		s.memory = nil
	}
	return frame
}

// keepMemory is how many bytes a session keeps for its frames.
const keepMemory = 64 << 10

// headSize is enough for the header of a frame.
const headSize = wire.MaxFrame - wire.MaxBody

func (s *Session) terms() wire.Terms {
	return wire.Terms{Window: s.config.Window, Heartbeat: s.config.Heartbeat}
}

func (s *Session) hello() []byte {
	h := wire.Hello{From: wire.Version, To: wire.Version, Node: s.place.Node, Place: s.place.Name, Epoch: s.place.Epoch, Client: s.config.Client, Terms: s.terms()}
	return s.frame(wire.HELLO, h.Append(nil))
}

func (s *Session) welcome() []byte {
	return s.frame(wire.WELCOME, wire.Welcome{Version: wire.Version, Epoch: s.place.Epoch, Terms: s.terms()}.Append(nil))
}

// alive returns a BEAT, with a new limit.
func (s *Session) alive() []byte {
	s.granted = s.taken + s.config.Window
	return s.frame(wire.BEAT, wire.AppendLimit(nil, s.granted))
}
