package door

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/go-marketplace/marketplace/topic"
)

// An Event is what a subscription has to say. M is the type of the messages.
type Event[M any] struct {
	Kind Kind

	// Value is the message or, for Presence and Absence, an example of what the
	// conversation is about: what it pins is set, and the rest is zero. For [topic.Any]
	// it is a [topic.Erased].
	Value M

	// Reason is that of an Absence, which is nil if there is none, or of the End, which
	// is never nil.
	Reason error

	// Dropped is how many events were dropped directly before this one: see
	// [DropWhenFull].
	Dropped int
}

// Kind tells events apart.
type Kind uint8

// The kinds of event.
const (
	Started  Kind = iota // the machine has the endpoint: no later event is missed. It comes first
	Presence             // a peer has come
	Message              // a message, or feedback
	Absence              // a peer has gone
	End                  // nothing more will come. It comes last
)

// String returns the name of the kind, in lower case.
func (k Kind) String() string {
	switch k {
	case Started:
		return "started"
	case Presence:
		return "presence"
	case Message:
		return "message"
	case Absence:
		return "absence"
	case End:
		return "end"
	}
	return "unknown"
}

// An Option changes a subscription.
type Option func(*subscription)

// Buffer sets how many events may wait for the loop. The default is 1024. It panics if n
// is not positive.
func Buffer(n int) Option {
	if n <= 0 {
		panic(fmt.Sprintf("door: Buffer(%d): the number must be positive", n))
	}
	return func(s *subscription) { s.limit = n }
}

// DropWhenFull drops events for which the buffer has no room, and counts them
// ([Event.Dropped]), where the subscription would end with [ErrSlow] without this option.
// A loop that counts presences miscounts then.
func DropWhenFull() Option { return func(s *subscription) { s.drops = true } }

// Observing makes the endpoint an observer, which peers do not see: see [topic.Observer].
func Observing() Option { return func(s *subscription) { s.open.Interest = topic.Observer } }

// Subscribe opens a subscriber of p in the machine, for as long as the loop over the
// result runs:
//
//	for ev := range door.Subscribe(ctx, shop, topic.Where(Who.Is("tony"))) {
//		switch ev.Kind {
//		case door.Message:
//			fmt.Println(ev.Value.What)
//		case door.End:
//			return ev.Reason
//		}
//	}
//
// The loop gets a Started when the machine has the endpoint, then a Presence for each
// publisher that is there, and what happens after that. Its last event is an End, with
// the reason: the error of ctx; [ErrClosed]; [ErrSlow]; or what is wrong with p, such as
// a message type or a pinned value that is not registered. To leave the loop closes the
// endpoint, too. Each loop over the result is a subscription of its own.
func Subscribe[M any](ctx context.Context, d *Door, p topic.Pattern[M], opts ...Option) iter.Seq[Event[M]] {
	return loop(ctx, d, topic.Subscriber, p, opts)
}

// Publish opens a publisher of p in the machine, for as long as the loop over the result
// runs, and so makes Go code present in the conversation. The loop sees subscribers come
// and go, and gets their feedback. [Door.Send] sends messages. In everything else it is
// [Subscribe].
func Publish[M any](ctx context.Context, d *Door, p topic.Pattern[M], opts ...Option) iter.Seq[Event[M]] {
	return loop(ctx, d, topic.Publisher, p, opts)
}

func loop[M any](ctx context.Context, d *Door, o topic.Orientation, p topic.Pattern[M], opts []Option) iter.Seq[Event[M]] {
	return func(yield func(Event[M]) bool) {
		s := &subscription{limit: 1024, wake: make(chan struct{}, 1)}
		s.open.Orientation = o
		for _, opt := range opts {
			opt(s)
		}
		defer d.stop(s)
		if err := d.start(ctx, s, p.Topic()); err != nil {
			yield(Event[M]{Kind: End, Reason: err})
			return
		}
		if !yield(Event[M]{Kind: Started}) {
			return
		}
		for {
			e := s.next(ctx)
			ev := Event[M]{Kind: e.Kind, Reason: e.Reason, Dropped: e.dropped}
			if e.Kind != End {
				ev.Value = valueOf[M](e.told)
			}
			if !yield(ev) || e.Kind == End {
				return
			}
		}
	}
}

// valueOf returns the value of an event.
func valueOf[M any](t told) (v M) {
	if e, ok := any(&v).(*topic.Erased); ok {
		*e = topic.Erased{Message: t.Message, Topic: t.Topic}
	} else if t.Kind == Message {
		v, _ = topic.As[M](t.Message)
	} else if p, ok := topic.Typed[M](t.Topic); ok {
		v = p.Example()
	}
	return v
}

// A subscription is the Go side of an endpoint.
type subscription struct {
	open  subscribe
	limit int
	drops bool
	wake  chan struct{} // has one if there is something new

	mu      sync.Mutex
	queue   []entry
	dropped int   // since the last of the queue
	end     error // nil while more may come
}

// An entry is an event, and how many were dropped directly before it.
type entry struct {
	told
	dropped int
}

// start makes the machine open the endpoint.
func (d *Door) start(ctx context.Context, s *subscription, t topic.Topic) error {
	w, err := writeTopic(t)
	if err != nil {
		return fmt.Errorf("door %v: a subscription to %v: %w", d, t, err)
	}
	d.mu.Lock()
	d.lastSub++
	s.open.ID, s.open.Topic = d.lastSub, w
	d.subs[s.open.ID] = s
	d.mu.Unlock()
	err = d.put(ctx, "Subscribe", s.open, s.open)
	if err != nil && !errors.Is(err, ErrUncertain) {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.subs, s.open.ID) // the machine never gets it
	}
	return err
}

// stop ends a subscription, if it has not ended.
func (d *Door) stop(s *subscription) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.subs[s.open.ID] == s {
		d.dropLocked(s)
	}
}

// dropLocked removes a subscription, and makes the machine close its endpoint. The caller
// holds d.mu.
func (d *Door) dropLocked(s *subscription) {
	delete(d.subs, s.open.ID)
	if d.closed == nil {
		d.queue = append(d.queue, &request{item: unsubscribe{s.open.ID}, size: 64})
		d.wakeLocked()
	}
}

// push adds an event. It reports false if the subscription has ended.
func (s *subscription) push(t told) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case t.Kind == End:
		s.end = t.Reason
	case len(s.queue) < s.limit:
		s.queue = append(s.queue, entry{t, s.dropped})
		s.dropped = 0
	case s.drops:
		s.dropped++
	default:
		s.end = ErrSlow
	}
	s.wakeUp()
	return s.end == nil
}

// finish ends the subscription, for a reason.
func (s *subscription) finish(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		s.end = reason
	}
	s.wakeUp()
}

func (s *subscription) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next waits for the next event.
func (s *subscription) next(ctx context.Context) entry {
	for {
		if ctx.Err() != nil {
			return entry{told{Kind: End, Reason: context.Cause(ctx)}, 0}
		}
		if e, ok := s.take(); ok {
			return e
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
		}
	}
}

func (s *subscription) take() (e entry, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.queue) > 0:
		e, s.queue[0] = s.queue[0], entry{}
		s.queue = s.queue[1:]
		return e, true
	case s.end != nil:
		return entry{told{Kind: End, Reason: s.end}, s.dropped}, true
	}
	return entry{}, false
}
