package timer

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

// A model is a driver that is as simple as possible: it gets the same messages,
// and has what users must hear.
type model struct {
	now     time.Time
	seq     int
	timers  []modelTimer
	waiting map[int]topic.Pattern[Expired] // by number of the process
	heard   heard
}

// heard is what users have heard since the last check.
type heard struct {
	expired []Expired
	times   []Time
	refused []string
}

type modelTimer struct {
	label string
	at    time.Time
	seq   int
	every time.Duration
}

func (m *model) hears(label string) bool {
	for _, p := range m.waiting {
		if p.Matches(Expired{Label: label}) {
			return true
		}
	}
	return false
}

// drop takes timers out.
func (m *model) drop(out func(label string) bool) {
	m.timers = slices.DeleteFunc(m.timers, func(t modelTimer) bool { return out(t.label) })
}

// do does what a message asks for, at the time at which the clock is read.
func (m *model) do(message any, now time.Time) {
	switch s := message.(type) {
	case Cancel:
		m.drop(func(label string) bool { return label == s.Label })
	case Read:
		m.heard.times = append(m.heard.times, Time{s.Label, now})
	case Set:
		switch {
		case s.Every < 0 || s.After != 0 && !s.At.IsZero() || !m.hears(s.Label):
			m.heard.refused = append(m.heard.refused, s.Label)
			return
		case s.At.IsZero():
			s.At = now.Add(max(s.After, 0))
		}
		m.drop(func(label string) bool { return label == s.Label })
		m.seq++
		m.timers = append(m.timers, modelTimer{s.Label, s.At, m.seq, s.Every})
	}
}

// pass lets time pass.
func (m *model) pass(now time.Time) {
	m.now = now
	slices.SortFunc(m.timers, func(a, b modelTimer) int {
		if a.at.Equal(b.at) {
			return a.seq - b.seq
		}
		return a.at.Compare(b.at)
	})
	var pending []modelTimer
	for _, t := range m.timers {
		if t.at.After(now) {
			pending = append(pending, t)
			continue
		}
		m.heard.expired = append(m.heard.expired, Expired{t.label, now})
		if t.every > 0 {
			for !t.at.After(now) {
				t.at = t.at.Add(t.every)
			}
			pending = append(pending, t)
		}
	}
	m.timers = pending
}

// B-D15, B-D16: whatever users do, and whenever, they hear what they would hear
// from a simple list of timers; and the ticker is open as long as there are
// timers.
func TestBD16DriverIsAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := modelCheck{
			T:     t,
			rig:   newRig(t),
			model: model{now: noon, waiting: map[int]topic.Pattern[Expired]{}},
			users: map[int]*vmtest.Probe[Expired]{},
		}
		c.spy = vmtest.New(c.rig, topic.Subscriber, topic.Observer, topic.Any)
		t.Repeat(map[string]func(*rapid.T){
			"come": c.come,
			"go":   c.leave,
			"send": c.send,
			"pass": c.pass,
			"":     c.check,
		})
	})
}

type modelCheck struct {
	*rapid.T
	rig   *rig
	model model
	users map[int]*vmtest.Probe[Expired]
	last  int // number of the user that has come last
	spy   *vmtest.Probe[topic.Erased]
}

func (c *modelCheck) come(t *rapid.T) {
	p := rapid.SampledFrom([]topic.Pattern[Expired]{
		Expiring("a"), Expiring("b"), Expiring("ab"), glob("a*"), glob("*b"), glob("a?"), topic.All[Expired](),
	}).Draw(t, "pattern")
	c.last++
	c.users[c.last] = vmtest.Subscriber(c.rig, p)
	c.model.waiting[c.last] = p
}

func (c *modelCheck) leave(t *rapid.T) {
	n := rapid.IntRange(1, max(1, c.last)).Draw(t, "user")
	if u, ok := c.users[n]; ok {
		u.Close(nil)
		c.rig.play()
		delete(c.users, n)
		delete(c.model.waiting, n)
		c.model.drop(func(label string) bool { return !c.model.hears(label) })
	}
}

var someTime = rapid.SampledFrom([]time.Duration{-time.Minute, 0, 1, time.Second, 30 * time.Second, time.Minute, time.Hour})

// send sends some messages, and lets time pass before the test plays the
// ticker.
func (c *modelCheck) send(t *rapid.T) {
	var as actions.Tree
	var sent []any
	for range rapid.IntRange(1, 5).Draw(t, "messages") {
		label := rapid.SampledFrom([]string{"a", "b", "ab", "c"}).Draw(t, "label")
		set := Set{Label: label, After: someTime.Draw(t, "after"), Every: rapid.SampledFrom([]time.Duration{0, 0, 0, time.Second, time.Minute, -1}).Draw(t, "every")}
		if rapid.Bool().Draw(t, "at") {
			set.At, set.After = c.rig.now.Add(set.After), set.After%2
		}
		m := rapid.SampledFrom([]any{set, set, set, Cancel{label}, Read{label}}).Draw(t, "message")
		as, sent = append(as, actions.Send(m)), append(sent, m)
	}
	c.rig.Perform(as...)
	c.rig.now = c.rig.now.Add(max(0, someTime.Draw(t, "lag")))
	c.rig.play()
	for _, m := range sent {
		c.model.do(m, c.rig.now)
	}
	c.model.pass(c.rig.now)
}

func (c *modelCheck) pass(t *rapid.T) {
	c.rig.pass(max(0, someTime.Draw(t, "time")))
	c.model.pass(c.rig.now)
}

func (c *modelCheck) check(t *rapid.T) {
	var got heard
	for _, h := range c.spy.Take() {
		if h.Kind != actions.Delivery {
			continue
		}
		switch m := h.About.Message.Value().(type) {
		case Expired:
			got.expired = append(got.expired, m)
		case Time:
			got.times = append(got.times, m)
		case Refused:
			got.refused = append(got.refused, m.Label)
		}
	}
	if diff := cmp.Diff(c.model.heard, got, cmp.AllowUnexported(heard{})); diff != "" {
		t.Fatalf("users have heard other things (-want +got):\n%s", diff)
	}
	c.model.heard = heard{}
	if open := c.rig.held() != nil; open != (len(c.model.timers) > 0) {
		t.Fatalf("open is %v, with %d timers", open, len(c.model.timers))
	}
}
