package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestItemsComeBack: what was written is read, in the order in which it was written.
func TestItemsComeBack(t *testing.T) {
	for _, home := range []bool{false, true} {
		var w wire.Writer
		var want, got log
		for i, r := range roles {
			if id := uint64(i * 1000); home {
				must(t, w.Presence(id, 1<<63, r))
				must(t, want.Presence(id, 1<<63, wire.Role{Role: r}))
			} else {
				must(t, w.Assert(id, r))
				must(t, want.Assert(id, wire.Role{Role: r}))
			}
		}
		for i, m := range messages {
			c := wire.Content{Message: m}
			if home {
				must(t, w.Message([]uint64{0, uint64(i + 1), 1 << 40}, m))
				for _, id := range []uint64{0, uint64(i + 1), 1 << 40} {
					must(t, want.Message(id, c))
				}
			} else {
				must(t, w.Send(topic.Orientation(i&1), m))
				must(t, want.Send(topic.Orientation(i&1), c))
				e, err := wire.Encode(m)
				must(t, err)
				must(t, w.SendEncoded(topic.Orientation(i&1), e))
				must(t, want.Send(topic.Orientation(i&1), c))
			}
		}
		for i, reason := range []error{nil, io.EOF, &world.Error{Kind: "k", Op: "o", Addr: "a", Text: "t"}, errors.New("bad \xff")} {
			id := uint64(i)
			read := world.Reduce(reason)
			if home {
				must(t, w.Absence(id, id+1, reason))
				must(t, want.Absence(id, id+1, read))
				must(t, w.Reject(id, reason))
				must(t, want.Reject(id, read))
				must(t, w.Settled(id))
				must(t, want.Settled(id))
				must(t, w.You(id))
				must(t, want.You(id))
			} else {
				must(t, w.Retract(id, reason))
				must(t, want.Retract(id, read))
				must(t, w.Serves("room", id))
				must(t, want.Serves("room", id))
			}
		}
		known, err := read(home, wire.Known{}, &got, slices.Collect(w.Bodies)...)
		must(t, err)
		if got.String() != want.String() {
			t.Errorf("home %v: got\n%v\n\nwant\n%v", home, &got, &want)
		}
		if len(known.Types) != len(w.Sent.Types) {
			t.Errorf("%d types were introduced, and %d are known", len(w.Sent.Types), len(known.Types))
		}
		// The next frame introduces nothing.
		size := len(slices.Concat(slices.Collect(w.Bodies)...))
		w.Reset(w.Sent)
		for _, m := range messages {
			if home {
				must(t, w.Message([]uint64{1}, m))
			} else {
				must(t, w.Send(0, m))
			}
		}
		again := slices.Concat(slices.Collect(w.Bodies)...)
		if len(again) > size/2 || bytes.Contains(again, []byte("wire_test.says")) {
			t.Errorf("%d bytes, and then %d: %q", size, len(again), again)
		}
		got = log{}
		if _, err = read(home, known, &got, again); err != nil || len(got.lines) != len(messages) {
			t.Errorf("error %v, %v", err, got.lines)
		}
	}
}

// TestRolesComeBack: a role that was read is equal to the one that was written, and not
// only its text.
func TestRolesComeBack(t *testing.T) {
	for i, r := range roles {
		var w wire.Writer
		must(t, w.Assert(1, r))
		var got []topic.Role
		_, err := wire.ReadFromClient(slices.Concat(slices.Collect(w.Bodies)...), wire.Known{}, collect{&got})
		if err != nil || len(got) != 1 || !got[0].Equal(r) {
			t.Errorf("%v was read as %v, error %v", r, got, err)
		}
		key, err := wire.Key(r)
		must(t, err)
		if got, err := wire.RoleOf(key); err != nil || !got.Equal(r) {
			t.Errorf("%v has the key %q, which is of %v, error %v", r, key, got, err)
		}
		for _, s := range roles[:i] {
			if other, _ := wire.Key(s); other == key {
				t.Errorf("%v and %v have one key", r, s)
			}
		}
	}
}

type collect struct{ roles *[]topic.Role }

func (c collect) Assert(_ uint64, r wire.Role) error {
	*c.roles = append(*c.roles, r.Role)
	return r.Err
}
func (collect) Retract(uint64, error) error                { return nil }
func (collect) Send(topic.Orientation, wire.Content) error { return nil }
func (collect) Serves(string, uint64) error                { return nil }

// TestUnsendable: what means something in one machine alone is refused where it is
// written, by name, and changes nothing. G6, G12, G14, B-F03.
func TestUnsendable(t *testing.T) {
	var w wire.Writer
	deep := topic.Tuple{}
	for range 100 {
		deep = topic.Tuple{deep}
	}
	must(t, w.Send(0, messages[0]))
	before, types := slices.Concat(slices.Collect(w.Bodies)...), len(w.Sent.Types)
	for _, test := range []struct {
		what func() error
		want string
	}{
		{func() error { return w.Send(0, topic.MessageOf(nobody{})) }, "the type wire_test.nobody is not registered; use world.Register"},
		{func() error { return w.Send(0, topic.MessageOf(handed{})) }, "wire_test.handed.By[][] is a PID, which means another process there; give the process a name"},
		{func() error { return w.Send(0, topic.MessageOf(move{Any: nobody{}})) }, "codec: wire_test.move.Any: the type wire_test.nobody is not registered; use world.Register"},
		{func() error { return w.Send(0, topic.MessageOf(inner{})) }, "the type wire_test.inner has an Unsendable"},
		{func() error { return w.Send(0, topic.MessageOf(move{Any: actions.PID(1)})) }, "codec: wire_test.move.Any: the type actions.PID is not registered; use world.Register"},
		{func() error { return w.Send(0, topic.Message{}) }, "it is no message"},
		{func() error { return w.Assert(1, topic.Role{}) }, "a role without a topic"},
		{func() error { return w.Assert(1, topic.Role{Topic: topic.Where(number.Is(new(int))).Topic()}) }, "N of wire_test.secret: a *int is not equal to what is read after it was written: do not pin it"},
		{func() error {
			return w.Presence(1, 2, topic.Role{Topic: topic.Like(topic.Tuple{topic.Tuple{nobody{}.Says.Who, new(int)}}).Topic()})
		}, "element 1 of a tuple: codec: *int: the type *int is not registered; use world.Register"},
		{func() error { return w.Assert(1, topic.Role{Topic: topic.Like(deep).Topic()}) }, "more than 100 tuples are inside each other"},
	} {
		err := test.what()
		if !errors.Is(err, wire.ErrUnsendable) || !strings.HasSuffix(err.Error(), test.want) {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
	if err := w.Send(0, topic.MessageOf(says{What: make([]byte, wire.MaxBody)})); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if err := w.Message([]uint64{2, 2}, messages[0]); !errors.Is(err, wire.ErrUnsendable) {
		t.Errorf("got %v", err)
	}
	if after := slices.Concat(slices.Collect(w.Bodies)...); !bytes.Equal(after, before) || len(w.Sent.Types) != types {
		t.Errorf("something was written: %q, %v", after, w.Sent)
	}
}

// TestBodiesFit: no body is larger than a frame may be, and no item is cut.
func TestBodiesFit(t *testing.T) {
	var w wire.Writer
	const n = 20
	for i := range n {
		must(t, w.Send(0, topic.MessageOf(says{fmt.Sprint(i), make([]byte, 50_000)})))
	}
	must(t, w.Send(0, topic.MessageOf(says{"large", make([]byte, wire.MaxBody-100)})))
	must(t, w.Retract(1, nil))
	var bodies [][]byte
	for b := range w.Bodies {
		if len(b) > wire.MaxBody {
			t.Errorf("a body has %d bytes", len(b))
		}
		if frame := (wire.Frame{Kind: wire.DATA, ID: wire.ID{1, 1<<64 - 1}, Seq: 1 << 61, Body: b}).Append(nil); len(frame) > wire.MaxFrame {
			t.Errorf("a frame has %d bytes", len(frame))
		}
		bodies = append(bodies, b)
	}
	if len(bodies) < 5 || len(bodies) > 8 {
		t.Errorf("there are %d bodies", len(bodies))
	}
	var got log
	if _, err := read(false, wire.Known{}, &got, bodies...); err != nil || len(got.lines) != n+2 {
		t.Errorf("%d items, error %v", len(got.lines), err)
	}
}

// TestUnknownTypes: a type that the reader does not know, or knows in another form, is
// refused by name, in roles and messages, and all else is read. G5.
func TestUnknownTypes(t *testing.T) {
	var w wire.Writer
	must(t, w.Assert(1, roles[2]))
	must(t, w.Send(0, messages[0]))
	must(t, w.Send(1, topic.MessageOf(7)))
	body := slices.Concat(slices.Collect(w.Bodies)...)
	for _, test := range []struct {
		body []byte
		want error
	}{
		{bytes.Replace(body, []byte("wire_test.says"), []byte("wire_test.sexy"), 1), wire.ErrUnknownType},
		{bytes.Replace(body, []byte("wire_test.says"), []byte("wire_test.move"), 1), wire.ErrSchema},
	} {
		var got items
		if _, err := wire.ReadFromClient(test.body, wire.Known{}, &got); err != nil {
			t.Fatal(err)
		}
		var e *wire.TypeError
		if len(got.roles) != 1 || !errors.Is(got.roles[0].Err, test.want) || !errors.As(got.roles[0].Err, &e) || !bytes.Contains(test.body, []byte(e.Name)) {
			t.Errorf("the roles are %v, and the error should be %v", got.roles, test.want)
		}
		if len(got.messages) != 2 || !errors.Is(got.messages[0].Err, test.want) || len(got.messages[0].Data) == 0 || got.messages[1].Message.Value() != 7 {
			t.Errorf("the messages are %v, and the error should be %v", got.messages, test.want)
		}
	}
}

type items struct {
	roles    []wire.Role
	messages []wire.Content
}

func (i *items) Assert(_ uint64, r wire.Role) error { i.roles = append(i.roles, r); return nil }
func (*items) Retract(uint64, error) error          { return nil }
func (*items) Serves(string, uint64) error          { return nil }
func (i *items) Send(_ topic.Orientation, c wire.Content) error {
	i.messages = append(i.messages, c)
	return nil
}

// TestSides: what only one side may say is malformed from the other.
func TestSides(t *testing.T) {
	var w wire.Writer
	must(t, w.Retract(1, nil))
	client := slices.Concat(slices.Collect(w.Bodies)...)
	w.Reset(wire.Sent{})
	must(t, w.Reject(1, nil))
	home := slices.Concat(slices.Collect(w.Bodies)...)
	if _, err := read(true, wire.Known{}, new(log), client); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("got %v", err)
	}
	if _, err := read(false, wire.Known{}, new(log), home); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("got %v", err)
	}
}

// TestReadersStop: an error of the one who is told ends the reading.
func TestReadersStop(t *testing.T) {
	var w wire.Writer
	for range 3 {
		must(t, w.Message([]uint64{1, 2}, messages[0]))
	}
	l := log{after: 2}
	if _, err := read(true, wire.Known{}, &l, slices.Concat(slices.Collect(w.Bodies)...)); err != errGone || len(l.lines) != 2 {
		t.Errorf("error %v, %v", err, l.lines)
	}
}

// TestWritingTakesNoMemory: to write a message of a type that was introduced allocates
// nothing, and to read it allocates the message alone.
func TestWritingTakesNoMemory(t *testing.T) {
	m := topic.MessageOf(says{"tony", []byte("hi")})
	var w wire.Writer
	must(t, w.Send(0, m))
	known, err := read(false, wire.Known{}, new(log), slices.Concat(slices.Collect(w.Bodies)...))
	must(t, err)
	sent := w.Sent
	if n := testing.AllocsPerRun(100, func() { w.Reset(sent); _ = w.Send(0, m) }); n > 0 {
		t.Errorf("Send allocates %v times", n)
	}
	ids := []uint64{1, 2, 3}
	if n := testing.AllocsPerRun(100, func() { w.Reset(sent); _ = w.Message(ids, m) }); n > 0 {
		t.Errorf("Message allocates %v times", n)
	}
	w.Reset(sent)
	for range 100 {
		must(t, w.Send(0, m))
	}
	body := slices.Concat(slices.Collect(w.Bodies)...)
	value, err := codec.AppendRef(nil, m.Ref())
	must(t, err)
	one := testing.AllocsPerRun(100, func() { _, _, _ = codec.DecodeRef(value, m.Type()) })
	// With the race detector, a pool loses a part of what is put into it.
	if n := testing.AllocsPerRun(100, func() { _, _ = wire.ReadFromClient(body, known, nothing{}) }); n > 1.25*(100*one+1) {
		t.Errorf("to read 100 messages allocates %v times, and to decode one %v times", n, one)
	}
}

type nothing struct{}

func (nothing) Assert(uint64, wire.Role) error             { return nil }
func (nothing) Retract(uint64, error) error                { return nil }
func (nothing) Serves(string, uint64) error                { return nil }
func (nothing) Settled(uint64) error                       { return nil }
func (nothing) You(uint64) error                           { return nil }
func (nothing) Send(topic.Orientation, wire.Content) error { return nil }
func (nothing) Presence(uint64, uint64, wire.Role) error   { return nil }
func (nothing) Absence(uint64, uint64, error) error        { return nil }
func (nothing) Message(uint64, wire.Content) error         { return nil }
func (nothing) Reject(uint64, error) error                 { return nil }

// TestTypesAreState: a process can keep the types of a session in its state.
func TestTypesAreState(t *testing.T) {
	var w wire.Writer
	for _, m := range messages {
		must(t, w.Send(0, m))
	}
	known, err := read(false, wire.Known{}, new(log), slices.Collect(w.Bodies)...)
	must(t, err)
	for _, v := range []any{w.Sent, known} {
		data, err := codec.AppendValue(nil, v)
		must(t, err)
		if got, _, err := codec.DecodeValue(data, reflect.TypeOf(v)); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%v comes back as %v, error %v", v, got, err)
		}
	}
}

// TestAssertKeyIsAssert: a key is written as the role that has it.
func TestAssertKeyIsAssert(t *testing.T) {
	var byRole, byKey wire.Writer
	for i, r := range roles {
		must(t, byRole.Assert(uint64(i), r))
		key, err := wire.Key(r)
		must(t, err)
		must(t, byKey.AssertKey(uint64(i), key))
	}
	if !slices.EqualFunc(slices.Collect(byRole.Bodies), slices.Collect(byKey.Bodies), bytes.Equal) {
		t.Error("the keys of roles are written in another way than the roles")
	}
	for _, key := range []string{"", "\x03abc", "\x07unknown\x00\x01\x00"} {
		if err := byKey.AssertKey(1, key); err == nil {
			t.Errorf("%q is no key, and was written", key)
		}
	}
}

// TestHeadIsSendEncoded: the head and the data of a message are what SendEncoded writes, once
// the type was introduced.
func TestHeadIsSendEncoded(t *testing.T) {
	for _, m := range messages {
		e, err := wire.Encode(m)
		must(t, err)
		var w wire.Writer
		if _, ok := w.Sent.Head(topic.Subscriber, e); ok {
			t.Errorf("%s has a head before it was introduced", e.Type)
		}
		must(t, w.SendEncoded(topic.Subscriber, e))
		w.Reset(w.Sent)
		must(t, w.SendEncoded(topic.Subscriber, e))
		head, ok := w.Sent.Head(topic.Subscriber, e)
		if got := slices.Concat([]byte(head), e.Data); !ok || !bytes.Equal(got, slices.Concat(slices.Collect(w.Bodies)...)) {
			t.Errorf("%s: %t, %x", e.Type, ok, got)
		}
	}
}

// TestAllocationsOfAHead: a message whose type was introduced needs no memory but its head.
func TestAllocationsOfAHead(t *testing.T) {
	e, err := wire.Encode(topic.MessageOf(says{"tony", make([]byte, 42)}))
	must(t, err)
	var w wire.Writer
	must(t, w.SendEncoded(0, e))
	if n := testing.AllocsPerRun(1000, func() { _, _ = w.Sent.Head(0, e) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
