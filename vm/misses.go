package vm

import (
	"fmt"
	"math/bits"
	"reflect"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// A Miss tells of the messages of one type that nobody has heard: no endpoint
// matched, or only such that take no messages.
type Miss struct {
	Type        reflect.Type      // of the messages
	Orientation topic.Orientation // of the sender: Publisher for Send, Subscriber for Feedback
	Path        Path              // of the process that sent the first of them
	Name        string            // of that process
	Count       uint64            // of these messages

	// Near says why one of them was not heard although it nearly was: there is
	// a subscriber of the value where a pointer was sent, or of the pointer;
	// one that pins a field to another value; one on the same side, as for Send
	// where Feedback is needed; one further out or further in;
	// one that takes no messages; or one that came too late. It is empty if
	// nothing was nearly right.
	Near string

	// Heard says that somebody has heard another message of the type, in the
	// machine in which the first of these messages was sent, or would have heard
	// one of them but had just gone.
	Heard bool
}

// String describes the miss for people.
func (m Miss) String() string {
	verb := "sent"
	if m.Orientation == topic.Subscriber {
		verb = "sent as feedback"
	}
	s := fmt.Sprintf("%v, %s by %s", m.Type, verb, Label(m.Path, m.Name))
	if m.Near != "" {
		s += ": " + m.Near
	}
	return s
}

// MissedTypes returns of how many types of message nobody has heard some: the
// length of what [Machine.Misses] returns.
func (m *Machine) MissedTypes() int {
	if m.misses == nil {
		return 0
	}
	return len(m.misses.order)
}

// Misses returns the account that the machine keeps since [Machine.Warn] was
// called: an entry for each type of message of which nobody has heard some, in the
// order in which that has happened first. The account is not part of a snapshot.
func (m *Machine) Misses() []Miss {
	if m.misses == nil {
		return nil
	}
	m.misses.review()
	all := make([]Miss, 0, len(m.misses.order))
	for _, u := range m.misses.order {
		index := u.k.index[u.Orientation.Opposite()]
		u.Heard = u.had || !u.deaf && index != nil && index.Matched(u.Type)
		all = append(all, u.Miss)
	}
	return all
}

// misses are the account of what nobody has heard.
type misses struct {
	near   func(Miss)
	byType map[missKey]*missed
	order  []*missed

	recent []recent // messages that nobody has heard since the last input, up to a limit
	gone   [64]gone // the endpoints that went last
	goneAt int
}

type missKey struct {
	typ reflect.Type
	o   topic.Orientation
}

type missed struct {
	Miss
	k    *kernel
	deaf bool // the first was matched by endpoints that take no messages
	had  bool // somebody would have heard one who had just gone
}

// A recent message is one for which a subscriber may come too late.
type recent struct {
	k    *kernel
	from *proc
	sent *actions.SendMessage
	u    *missed

	first bool // of its type
}

// maxRecent is how many recent messages are remembered.
const maxRecent = 64

// gone is an endpoint that is there no more. What it would have heard a moment
// ago is not a mistake of the sender.
type gone struct {
	k *kernel
	r topic.Role
}

// input notes that another input enters the machine.
func (x *misses) input() {
	if len(x.recent) > 0 {
		x.review()
	}
}

// review looks once more for what was nearly right about the first message of
// each type, now that all that came of the input has been done, and forgets the
// recent messages.
func (x *misses) review() {
	for _, r := range x.recent {
		if r.first && r.u.Near == "" && !x.hasJustGone(r.k, r.sent) {
			if near := r.k.nearly(r.from, r.sent, nil); near != "" {
				x.say(r.u, near)
			}
		}
	}
	clear(x.recent)
	x.recent = x.recent[:0]
}

// left notes that an endpoint is going.
func (x *misses) left(k *kernel, r topic.Role) {
	x.gone[x.goneAt%len(x.gone)] = gone{k, r}
	x.goneAt++
}

// came notes that an endpoint is coming.
func (x *misses) came(k *kernel, s entry) {
	if s.e.run == nil && !s.e.route {
		return
	}
	for i := range x.recent {
		r := &x.recent[i]
		if r.k == k && r.from != s.p && r.u.Near == "" && s.e.role.Orientation != r.sent.Orientation && s.e.role.Topic.Matches(r.sent.Message) {
			x.say(r.u, fmt.Sprintf("process %s has become %v only after that: spawn it first, or send when it is there", s.p.label(), s.e.role))
		}
	}
}

// say tells what was nearly right.
func (x *misses) say(u *missed, near string) {
	u.Near = near
	x.near(u.Miss)
}

// note notes a message of p that nobody hears: targets, which may be none, take
// no messages.
func (x *misses) note(k *kernel, p *proc, s *actions.SendMessage, targets []entry) {
	key := missKey{s.Message.Type(), s.Orientation}
	if key.typ == nil {
		return
	}
	u := x.byType[key]
	if u == nil {
		u = &missed{Miss: Miss{Type: key.typ, Orientation: key.o, Path: p.path(), Name: p.cell.name}, k: k, deaf: len(targets) > 0}
		if x.byType == nil {
			x.byType = map[missKey]*missed{}
		}
		x.byType[key] = u
		x.order = append(x.order, u)
	}
	u.Count++
	if u.Near != "" {
		return
	}
	if len(x.recent) < maxRecent {
		x.recent = append(x.recent, recent{k, p, s, u, u.Count == 1 && len(targets) == 0})
	}
	// Looking takes time with the number of subscribers, so it is not done for
	// every message.
	switch {
	case bits.OnesCount64(u.Count) != 1:
	case x.hasJustGone(k, s):
		u.had = true
	default:
		if near := k.nearly(p, s, targets); near != "" {
			x.say(u, near)
		}
	}
}

// hasJustGone reports whether somebody would have heard the message who has
// gone meanwhile.
func (x *misses) hasJustGone(k *kernel, s *actions.SendMessage) bool {
	for _, g := range x.gone {
		if g.k == k && g.r.Orientation != s.Orientation && g.r.Topic.Matches(s.Message) {
			return true
		}
	}
	return false
}

// takes reports whether one of targets takes messages.
func takes(targets []entry) bool {
	for i := range targets {
		if e := targets[i].e; e.run != nil || e.route {
			return true
		}
	}
	return false
}

// nearly returns what was nearly right about a message of p that nobody heard.
func (k *kernel) nearly(p *proc, s *actions.SendMessage, targets []entry) string {
	for _, t := range targets {
		// Who only watches others need not hear what they say, but who serves
		// their demand does.
		if t.e.role.Interest == topic.Participant || t.e.handler != nil && t.e.handler.Demand != nil {
			return fmt.Sprintf("process %s is %v, but takes no messages, or not yet", t.p.label(), t.e.role)
		}
	}
	if len(targets) > 0 {
		return ""
	}
	typ := s.Message.Type()
	who := s.Orientation.Opposite()
	if x := k.index[who]; x != nil {
		if typ.Kind() == reflect.Pointer {
			if found := x.OfType(typ.Elem()); len(found) > 0 {
				return fmt.Sprintf("it is a pointer, and process %s is %v: send the value", found[0].p.label(), found[0].e.role)
			}
		}
		if found := x.OfType(reflect.PointerTo(typ)); len(found) > 0 {
			return fmt.Sprintf("it is a value, and process %s is %v: send a pointer, or better subscribe to the value", found[0].p.label(), found[0].e.role)
		}
		for _, e := range x.OfType(typ) {
			if e.e.run == nil && !e.e.route {
				continue
			}
			if m := e.e.role.Topic.Mismatches(s.Message); len(m) == 1 {
				return fmt.Sprintf("process %s is %v, where %s is %s, and in the message it is %s",
					e.p.label(), e.e.role, field(typ, m[0].Path), m[0].Want, m[0].Got)
			}
		}
	}
	if near := k.sameSide(p, s); near != "" {
		return near
	}
	if near := k.outside(s, who); near != "" {
		return near
	}
	return k.inner(s, who)
}

// field returns the name of a part of a message for people.
func field(typ reflect.Type, path string) string {
	if path == "" {
		return "the " + typ.String()
	}
	if strings.HasPrefix(path, "[") {
		return "element " + path
	}
	return path
}

// sameSide returns who would hear a message of p if it went the other way. Where p
// hears such messages itself, it is one of several that are alike, and not mistaken.
func (k *kernel) sameSide(p *proc, s *actions.SendMessage) (near string) {
	x := k.index[s.Orientation]
	if x == nil {
		return ""
	}
	for _, t := range x.OfType(s.Message.Type()) {
		switch {
		case t.e.run == nil && !t.e.route || !t.e.role.Topic.Matches(s.Message):
		case t.p == p:
			return ""
		case near != "":
		case s.Orientation == topic.Publisher:
			near = fmt.Sprintf("process %s is %v, and hears feedback only: use actions.Feedback, or let it subscribe", t.p.label(), t.e.role)
		default:
			near = fmt.Sprintf("process %s is %v, and hears no feedback: use actions.Send, or let it publish", t.p.label(), t.e.role)
		}
	}
	return near
}

// outside returns who would hear a message in the machines around k.
func (k *kernel) outside(s *actions.SendMessage, who topic.Orientation) string {
	for level, host := 1, k.host; host != nil; level, host = level+1, host.k.host {
		if t, ok := host.k.listener(s, who); ok {
			distance := "one level"
			if level > 1 {
				distance = fmt.Sprintf("%d levels", level)
			}
			return fmt.Sprintf("process %s, %s further out, is %v: use actions.AtMeta, or a relay", t.p.label(), distance, t.e.role)
		}
	}
	return ""
}

// listener returns an endpoint of k that takes the message.
func (k *kernel) listener(s *actions.SendMessage, who topic.Orientation) (t entry, ok bool) {
	if k.index[who] == nil {
		return t, false
	}
	for _, t := range k.index[who].OfType(s.Message.Type()) {
		if (t.e.run != nil || t.e.route) && t.e.role.Topic.Matches(s.Message) {
			return t, true
		}
	}
	return t, false
}

// inner returns who would hear a message in the machines inside k, one level
// down.
func (k *kernel) inner(s *actions.SendMessage, who topic.Orientation) (near string) {
	k.procs.all(func(_ actions.PID, p *proc) bool {
		if p.inner != nil {
			if t, ok := p.inner.listener(s, who); ok {
				near = fmt.Sprintf("process %s, one level further in, is %v: it must subscribe with actions.AtMeta", t.p.label(), t.e.role)
			}
		}
		return near == ""
	})
	return near
}
