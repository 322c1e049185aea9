package door

import (
	"errors"
	"fmt"
	"time"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// ErrKeyReused says that the key of a call belongs to another call: one of another
// operation, with other arguments, or at another destination. The call is not made.
var ErrKeyReused = errors.New("the key belongs to another call")

// Key gives a call through a door a key, which identifies it among all calls through the
// door:
//
//	n, err := rpc.Do(ctx, shop, Buy, order, door.Key("order-17"))
//
// The operation is carried out once for a key. A later call with the same key,
// operation and arguments joins the first one while that is open, and then gets the
// recorded answer, for as long as the door remembers it: see [Remember]. So a client that
// does not know whether its call was carried out repeats the call with the key. With a
// journal, that works across crashes and restarts as well.
//
// An error is an answer like a result. If the call fails because nobody serves the
// operation ([rpc.ErrNobody]), or its destination is not within reach
// ([rpc.ErrUnreachable]), it was not carried out, and a later call tries again. The other
// options of the first call count, except for a destination ([rpc.At]), which is a part of
// the call like its arguments. The empty key is none, and the longest has 1024 bytes.
func Key(key string) rpc.Option { return func(o *rpc.Options) { o.Key = key } }

// A Setting changes a door.
type Setting func(*Door)

// Remember sets how long a door remembers the answers to calls with a [Key]: the last n
// answers, and each of them for d. The time begins at the latest with the next call that
// has a key. The default is 10,000 answers for 24 hours. The answers are in the state of
// the process of the door, so they end with it. Remember panics if n is negative, or d is
// not positive.
func Remember(n int, d time.Duration) Setting {
	if n < 0 || d <= 0 {
		panic(fmt.Sprintf("door: Remember(%d, %v): the number must not be negative, and the time must be positive", n, d))
	}
	return func(door *Door) { door.memory = opened{n, d} }
}

// OnClock sets the clock for [Remember]. The default is [world.SystemClock].
func OnClock(c world.Clock) Setting { return func(d *Door) { d.clock = c } }

// A memory is what a keeper knows of calls with keys. It never changes.
type memory struct {
	limit opened                                   // how much is kept
	byKey *immutable.SortedMap[string, *keyedCall] `fingerprint:"-"` // the shape depends on the past; next says enough
	kept  *immutable.SortedMap[uint64, keptAnswer] `fingerprint:"-"` // by the numbers of the answers
	next  uint64                                   // the number of the next answer
	timed uint64                                   // all answers before this one have their times
	now   int64                                    // the time of the last call with a key, in milliseconds since 1970
}

// A keyedCall is a call with a key.
type keyedCall struct {
	Key     string
	Op      string
	Sum     [32]byte  // of the arguments and of a destination
	Waiting []callTag // for the answer
	Done    bool      // there is an answer
	Result  any
	Err     *world.Error
}

// A keptAnswer says to which call an answer belongs.
type keptAnswer struct {
	Key string
	At  int64 // the time from which it counts, if it has one already
}

var noMemory = memory{
	byKey: immutable.NewSortedMap[string, *keyedCall](nil),
	kept:  immutable.NewSortedMap[uint64, keptAnswer](nil),
}

func (c *keyedCall) answerTo(n uint64) answer {
	if c.Err != nil {
		return answer{n, nil, c.Err}
	}
	return answer{n, c.Result, nil}
}

// with returns m with a call.
func (m memory) with(c *keyedCall) memory {
	m.byKey = m.byKey.Set(c.Key, c)
	return m
}

// at returns m at a time: answers without a time get this one, and old ones are
// forgotten.
func (m memory) at(now int64) memory {
	m.now = max(m.now, now)
	for ; m.timed < m.next; m.timed++ {
		if a, ok := m.kept.Get(m.timed); ok {
			m.kept = m.kept.Set(m.timed, keptAnswer{a.Key, m.now})
		}
	}
	return m.forget()
}

// forget returns m without the answers that are too many, or too old.
func (m memory) forget() memory {
	for m.kept.Len() > 0 {
		n := m.next - uint64(m.kept.Len())
		a, _ := m.kept.Get(n)
		old := n < m.timed && m.now-a.At > m.limit.For.Milliseconds()
		if m.kept.Len() <= m.limit.Answers && !old {
			break
		}
		m.kept, m.byKey = m.kept.Delete(n), m.byKey.Delete(a.Key)
	}
	return m
}

// answered returns m with the answer to a call.
func (m memory) answered(c *keyedCall, result any, err error) memory {
	if notMade(err) {
		m.byKey = m.byKey.Delete(c.Key)
		return m
	}
	done := &keyedCall{Key: c.Key, Op: c.Op, Sum: c.Sum, Done: true, Result: result}
	done.Err, _ = world.Reduce(err).(*world.Error)
	m = m.with(done)
	m.kept = m.kept.Set(m.next, keptAnswer{Key: c.Key})
	m.next++
	return m.forget()
}

// notMade reports whether a call has failed because there was no server, or it was out of
// reach. The server can fail for the same reason, with a call of its own.
func notMade(err error) bool {
	_, replied := err.(*world.Error)
	return (errors.Is(err, rpc.ErrNobody) || errors.Is(err, rpc.ErrUnreachable)) && !replied && !errors.Is(err, rpc.ErrGone)
}

// callWithKey makes a call with a key, joins it, or answers it.
func (k *keeper) callWithKey(c call) (*keeper, actions.Action) {
	next := *k
	next.memory = k.memory.at(c.At)
	tag := callTag{k.opening, c.N, c.Options.Key}
	first, ok := next.memory.byKey.Get(tag.Key)
	switch {
	case !ok:
		next.memory = next.memory.with(&keyedCall{Key: tag.Key, Op: c.Op, Sum: c.Sum, Waiting: []callTag{tag}})
		return &next, c.make(tag)
	case first.Op != c.Op || first.Sum != c.Sum:
		err := fmt.Errorf("door %q: a call of %s with key %q: %w, which is of %s", k.device.name, c.Op, tag.Key, ErrKeyReused, first.Op)
		return &next, actions.Tell(k.self, answer{c.N, nil, err})
	case first.Done:
		return &next, actions.Tell(k.self, first.answerTo(c.N))
	default:
		joined := *first
		joined.Waiting = append(first.Waiting[:len(first.Waiting):len(first.Waiting)], tag)
		next.memory = next.memory.with(&joined)
		return &next, nil
	}
}

// answeredKey records the answer to a call with a key, and tells it to all who wait.
func (k *keeper) answeredKey(key string, result any, err error) step {
	c, ok := k.memory.byKey.Get(key)
	if !ok || c.Done {
		return actions.Next(k)
	}
	var all actions.Tree
	for _, t := range c.Waiting {
		if t.Opening == k.opening {
			all = append(all, actions.Tell(k.self, answer{t.N, result, err}))
		}
	}
	next := *k
	next.memory = k.memory.answered(c, result, err)
	return actions.Next(&next, all)
}

// writtenMemory is the written form of a memory. The names of its fields never change.
type writtenMemory struct {
	Limit opened
	Calls []*keyedCall // in the order of their keys
	Kept  []keptAnswer // in the order of their numbers
	Next  uint64
	Timed uint64
	Now   int64
}

func (m memory) write() writtenMemory {
	w := writtenMemory{Limit: m.limit, Next: m.next, Timed: m.timed, Now: m.now}
	for i := m.byKey.Iterator(); !i.Done(); {
		_, c, _ := i.Next()
		w.Calls = append(w.Calls, c)
	}
	for i := m.kept.Iterator(); !i.Done(); {
		_, a, _ := i.Next()
		w.Kept = append(w.Kept, a)
	}
	return w
}

// read returns the memory, and whether w is one.
func (w writtenMemory) read() (memory, bool) {
	m := noMemory
	m.limit, m.next, m.timed, m.now = w.Limit, w.Next, w.Timed, w.Now
	open := 0
	for _, c := range w.Calls {
		if c == nil {
			return m, false
		}
		m = m.with(c)
		if !c.Done {
			open++
		}
	}
	first := w.Next - uint64(len(w.Kept))
	for i, a := range w.Kept {
		if c, ok := m.byKey.Get(a.Key); !ok || !c.Done {
			return m, false
		}
		m.kept = m.kept.Set(first+uint64(i), a)
	}
	return m, first <= w.Next && w.Timed <= w.Next && m.byKey.Len() == len(w.Calls) && m.byKey.Len() == open+len(w.Kept)
}
