package door

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// The values of the device. Any other value is one to send. The names of types and fields
// are in journals, so they never change.
type (
	// opened is the opening value. What the process had for an earlier opening is over. It
	// says how much to remember: as data, so that a replay does not depend on [Remember].
	opened struct {
		Answers int
		For     time.Duration
	}

	// batch is several requests.
	batch struct{ Items []any }

	// feedback sends a value as feedback.
	feedback struct{ Value any }

	// subscribe opens an endpoint.
	subscribe struct {
		ID          uint64
		Orientation topic.Orientation
		Interest    topic.Interest
		Topic       writtenTopic
	}

	// unsubscribe closes an endpoint.
	unsubscribe struct{ ID uint64 }

	// call calls an operation. Its answer acknowledges it.
	call struct {
		N       uint64
		Op      string
		Args    any
		Options rpc.Options
		Sum     [32]byte // of Args and of a destination, if there is a key
		At      int64    // the time, in milliseconds since 1970, if there is a key
	}
)

// The commands of the device.
type (
	// ready says that the process has had the opening value. Commands before it are for
	// an earlier opening.
	ready struct{}

	// taken acknowledges so many requests that are no calls.
	taken struct{ Count int }

	// answer answers a call.
	answer struct {
		N      uint64
		Result any
		Err    error
	}

	// told is an event at the endpoint of a subscription, or its end.
	told struct {
		ID      uint64
		Kind    Kind
		Message topic.Message
		Topic   topic.Topic
		Reason  error
	}

	// over is the reason for which the process ends.
	over struct{ Reason error }
)

// Here is the message type of the conversation in which a process sees a door: see
// [Open]. Nobody sends one.
type Here struct{ Door string }

var hereDoor = topic.FieldOf(func(h *Here) *string { return &h.Door })

// Open is the topic by which a process sees that its machine has the door with a name:
// the process of the door publishes it, and is absent, with the reason, when it ends.
func Open(name string) topic.Pattern[Here] { return topic.Where(hereDoor.Is(name)) }

// A writtenTopic is a topic as data.
type writtenTopic struct {
	Type        string // of the messages, as registered; "" for topic.Any
	Constraints []writtenConstraint
	Tuple       topic.Tuple // for a pattern over tuples, with wild for topic.Wild
	Pinned      bool        // there is a Tuple
}

type writtenConstraint struct {
	Path  string
	Value any
	Glob  string
}

// wild stands for topic.Wild.
type wild struct{}

func init() {
	world.Register[opened]("door.opened")
	world.Register[batch]("door.batch")
	world.Register[feedback]("door.feedback")
	world.Register[subscribe]("door.subscribe")
	world.Register[unsubscribe]("door.unsubscribe")
	world.Register[call]("door.call")
	world.Register[answer]("door.answer")
	world.Register[ready]("door.ready")
	world.Register[taken]("door.taken")
	world.Register[told]("door.told")
	world.Register[over]("door.over")
	world.Register[Here]("door.Here")
	world.Register[wild]("door.wild")
	world.RegisterErrorKind("door.ErrClosed", ErrClosed)
	world.RegisterErrorKind("door.ErrKeyReused", ErrKeyReused)
	world.RegisterErrorKind("door.ErrSlow", ErrSlow)
	world.RegisterErrorKind("door.ErrUncertain", ErrUncertain)
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// sizeOf returns how many bytes an item has when it is written down. The error says that
// it cannot be.
func sizeOf(item any) (int, error) {
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	data, err := codec.Plain.Append((*b)[:0], item)
	if err != nil {
		return 0, err
	}
	if len(data) > MaxSize {
		return 0, fmt.Errorf("it takes %d bytes, and a door takes values of at most %d", len(data), MaxSize)
	}
	if cap(data) <= 64<<10 {
		*b = data
	}
	return len(data), nil
}

// writeTopic returns t as data. The error names what cannot be restored.
func writeTopic(t topic.Topic) (w writtenTopic, err error) {
	typ := t.MessageType()
	if typ == nil {
		return w, nil
	}
	name, ok := world.NameOf(typ)
	if !ok {
		return w, fmt.Errorf("the message type %v is not registered; use world.Register", typ)
	}
	w.Type = name
	if p, ok := topic.Typed[topic.Tuple](t); ok {
		if !t.Equivalent(topic.All[topic.Tuple]().Topic()) {
			w.Pinned, w.Tuple = true, withWild(p.Example(), topic.Wild, wild{})
			err = mustRestore("a part of the tuple", w.Tuple)
		}
		return w, err
	}
	for _, c := range t.Constraints() {
		if c.Glob == "" && c.Value != nil {
			if err := mustRestore(fmt.Sprintf("the value of %s of %v", c.Path, typ), c.Value); err != nil {
				return w, err
			}
		}
		w.Constraints = append(w.Constraints, writtenConstraint{c.Path, c.Value, c.Glob})
	}
	return w, nil
}

// mustRestore returns an error if v cannot be written down, or what is read then differs.
func mustRestore(what string, v any) error {
	data, err := codec.Plain.Append(nil, v)
	if err != nil {
		return fmt.Errorf("%s cannot be encoded: %w", what, err)
	}
	if read, _, err := codec.Plain.Decode(data); err != nil || !reflect.DeepEqual(read, v) || reflect.TypeOf(v).Comparable() && read != v {
		return fmt.Errorf("%s, a %T, is not equal to what is decoded after it was encoded: leave it open, and look at it in the loop", what, v)
	}
	return nil
}

// withWild returns t with one wildcard for another, at any depth.
func withWild(t topic.Tuple, from, to any) topic.Tuple {
	c := make(topic.Tuple, len(t))
	for i, v := range t {
		switch v := v.(type) {
		case topic.Tuple:
			c[i] = withWild(v, from, to)
		default:
			c[i] = v
			if v == from {
				c[i] = to
			}
		}
	}
	return c
}

// read returns the topic.
func (w writtenTopic) read() (topic.Topic, error) {
	if w.Type == "" {
		return topic.Any.Topic(), nil
	}
	typ, ok := world.Registered(w.Type)
	if !ok {
		return topic.Topic{}, fmt.Errorf("no type is registered as %q", w.Type)
	}
	if w.Pinned {
		return topic.Like(withWild(w.Tuple, wild{}, topic.Wild)).Topic(), nil
	}
	cs := make([]topic.Constraint, len(w.Constraints))
	for i, c := range w.Constraints {
		cs[i] = topic.Constraint{Path: c.Path, Value: c.Value, Glob: c.Glob}
	}
	return topic.Build(typ, cs...)
}

// role returns the role of the endpoint.
func (s subscribe) role() (topic.Role, error) {
	t, err := s.Topic.read()
	return topic.Role{Orientation: s.Orientation, Interest: s.Interest, Topic: t}, err
}

// asAction returns the action that sends a value.
func asAction(v any, o topic.Orientation) actions.Action {
	return actions.Forward(topic.MessageOf(v), o)
}
