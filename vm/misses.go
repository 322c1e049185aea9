package vm

import (
	"fmt"
	"math/bits"
	"reflect"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// MissedTypes returns the length of what [Machine.Misses] returns, at less cost.
func (m *Machine) MissedTypes() int {
	if m.misses == nil {
		return 0
	}
	return len(m.misses.order)
}

// Misses returns a Miss for each type and direction of messages that nobody has
// heard, in the order of the first of each. The machine keeps this account from the
// first call of [Machine.Warn] on; before that, Misses returns nil. The account is
// not part of a snapshot.
func (m *Machine) Misses() []Miss {
	if m.misses == nil {
		return nil
	}
	m.misses.review()
	all := make([]Miss, 0, len(m.misses.order))
	for _, u := range m.misses.order {
		index := u.k.index[u.Orientation.Opposite()]
		u.Heard = u.justGone || !u.deaf && index != nil && index.Matched(u.Type)
		all = append(all, u.Miss)
	}
	return all
}

// misses is the account of the messages that nobody has heard.
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
	k        *kernel
	deaf     bool // only endpoints without a handler for messages matched the first
	justGone bool // an endpoint that had just gone would have matched one
}

// A recent message is one that nobody has heard, and for which an endpoint may come
// too late.
type recent struct {
	k    *kernel
	from *proc
	sent *actions.SendMessage
	u    *missed

	first bool // of its type
}

// maxRecent is how many recent messages are remembered.
const maxRecent = 64

// gone is the role of an endpoint that has gone. To send a message that it would
// have heard a moment ago is no mistake.
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

// review looks again for endpoints that nearly heard the first message of each type,
// now that the work for the input is done, and forgets the recent messages.
func (x *misses) review() {
	for _, r := range x.recent {
		if r.first && r.u.Near == "" && !x.hasJustGone(r.k, r.sent) {
			if near := r.k.nearMiss(r.from, r.sent, nil); near != "" {
				x.warnNear(r.u, near)
			}
		}
	}
	clear(x.recent)
	x.recent = x.recent[:0]
}

// endpointLeft notes that an endpoint is going.
func (x *misses) endpointLeft(k *kernel, r topic.Role) {
	x.gone[x.goneAt%len(x.gone)] = gone{k, r}
	x.goneAt++
}

// endpointCame notes that an endpoint is coming.
func (x *misses) endpointCame(k *kernel, s entry) {
	if s.e.run == nil && !s.e.route {
		return
	}
	for i := range x.recent {
		r := &x.recent[i]
		if r.k == k && r.from != s.p && r.u.Near == "" && s.e.role.Orientation != r.sent.Orientation && s.e.role.Topic.Matches(r.sent.Message) {
			x.warnNear(r.u, fmt.Sprintf("process %s has become %v only after that: spawn it first, or send when it is there", s.p.label(), s.e.role))
		}
	}
}

// warnNear warns of a message that was nearly heard.
func (x *misses) warnNear(u *missed, near string) {
	u.Near = near
	x.near(u.Miss)
}

// note counts a message of p that nobody hears. The endpoints that match it, if any,
// are targets; they have no handler for messages.
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
	// The search takes time proportional to the number of endpoints, so it is made
	// only when the count is a power of two.
	switch {
	case bits.OnesCount64(u.Count) != 1:
	case x.hasJustGone(k, s):
		u.justGone = true
	default:
		if near := k.nearMiss(p, s, targets); near != "" {
			x.warnNear(u, near)
		}
	}
}

// hasJustGone reports whether one of the endpoints that went last would have matched
// the message.
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

// nearMiss describes an endpoint that nearly heard a message of p, and why it did not.
// It returns "" if there is none.
func (k *kernel) nearMiss(p *proc, s *actions.SendMessage, targets []entry) string {
	for _, t := range targets {
		// An observer need not hear messages, but one that serves a demand does.
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

// sameSide describes an endpoint that would hear the message of p if it went the
// other way. If p has such an endpoint itself, it is one of several equal processes,
// and the message is no mistake.
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

// outside describes an endpoint in a machine around k that would hear the message.
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

// inner describes an endpoint in a machine inside k, one level down, that would hear
// the message.
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
