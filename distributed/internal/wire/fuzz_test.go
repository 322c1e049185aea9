package wire_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/topic"
)

// FuzzFrame: any bytes are refused as malformed, or are a frame that is written as it was
// read.
func FuzzFrame(f *testing.F) {
	_, all := frames(f)
	for _, frame := range all {
		f.Add(frame.Append(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := wire.ReadFrame(data)
		if err != nil {
			if !errors.Is(err, wire.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if again := frame.Append(nil); !bytes.Equal(again, data) {
			t.Fatalf("%x was read as %v, which is %x", data, frame, again)
		}
		again := frame.Body
		switch frame.Kind {
		case wire.HELLO:
			var h wire.Hello
			if h, err = wire.ReadHello(frame.Body); err == nil {
				again = h.Append(nil)
			}
		case wire.WELCOME:
			var w wire.Welcome
			if w, err = wire.ReadWelcome(frame.Body); err == nil {
				again = w.Append(nil)
			}
		case wire.BEAT:
			var n uint64
			if n, err = wire.ReadLimit(frame.Body); err == nil {
				again = wire.AppendLimit(nil, n)
			}
		case wire.REFUSE, wire.BYE:
			var reason error
			if reason, err = wire.ReadReason(frame.Body); err == nil {
				again = wire.AppendReason(nil, reason)
			}
		}
		if err != nil && !errors.Is(err, wire.ErrMalformed) || !bytes.Equal(again, frame.Body) {
			t.Fatalf("the body %x was read as %x, error %v", frame.Body, again, err)
		}
	})
}

// FuzzItems: any bytes are refused as malformed, or are items that can be written, and are
// then read as the same.
func FuzzItems(f *testing.F) {
	_, all := frames(f)
	for _, frame := range all {
		if frame.Kind == wire.DATA {
			f.Add(true, frame.Body)
			f.Add(false, frame.Body)
		}
	}
	f.Fuzz(func(t *testing.T, home bool, body []byte) {
		var got log
		e := &echo{log: &got}
		known, err := readTo(home, body, e)
		if err != nil {
			if !errors.Is(err, wire.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if len(known.Types) > len(body)/10 {
			t.Fatalf("%d types are known after %d bytes", len(known.Types), len(body))
		}
		var again log
		for b := range e.w.Bodies {
			if known, err = read(home, e.known, &again, b); err != nil {
				t.Fatalf("%x was read as\n%v\nwhich was written as %x, and then: %v", body, &got, b, err)
			}
			e.known = known
		}
		if !slices.Equal(e.lines, again.lines) {
			t.Fatalf("%x was read as\n%v\nand then as\n%v", body, &got, &again)
		}
	})
}

func readTo(home bool, body []byte, e *echo) (wire.Known, error) {
	if home {
		return wire.ReadFromHome(body, wire.Known{}, e)
	}
	return wire.ReadFromClient(body, wire.Known{}, e)
}

// An echo writes what is read.
type echo struct {
	*log
	w     wire.Writer
	known wire.Known
	lines []string // of what was written
}

func (e *echo) wrote(err, notRead error) error {
	if notRead == nil && err == nil {
		e.lines = append(e.lines, e.log.lines[len(e.log.lines)-1])
	}
	// What was read can be too large for what introduces it.
	if errors.Is(err, wire.ErrTooLarge) || errors.Is(err, wire.ErrUnsendable) {
		return nil
	}
	return err
}

func (e *echo) Assert(id uint64, r wire.Role) error {
	_ = e.log.Assert(id, r)
	if r.Err != nil {
		return nil
	}
	key, err := wire.Key(r.Role)
	if err == nil {
		if back, err := wire.RoleOf(key); err != nil || !back.Equal(r.Role) {
			panic("the key of " + r.String() + " is of " + back.String())
		}
	}
	return e.wrote(e.w.Assert(id, r.Role), nil)
}

func (e *echo) Retract(id uint64, reason error) error {
	_ = e.log.Retract(id, reason)
	return e.wrote(e.w.Retract(id, reason), nil)
}

func (e *echo) Send(o topic.Orientation, c wire.Content) error {
	_ = e.log.Send(o, c)
	if c.Err != nil {
		return nil
	}
	return e.wrote(e.w.Send(o, c.Message), nil)
}

func (e *echo) Presence(id, peer uint64, r wire.Role) error {
	_ = e.log.Presence(id, peer, r)
	if r.Err != nil {
		return nil
	}
	return e.wrote(e.w.Presence(id, peer, r.Role), nil)
}

func (e *echo) Absence(id, peer uint64, reason error) error {
	_ = e.log.Absence(id, peer, reason)
	return e.wrote(e.w.Absence(id, peer, reason), nil)
}

func (e *echo) Message(id uint64, c wire.Content) error {
	_ = e.log.Message(id, c)
	if c.Err != nil {
		return nil
	}
	return e.wrote(e.w.Message([]uint64{id}, c.Message), nil)
}

func (e *echo) Reject(id uint64, reason error) error {
	_ = e.log.Reject(id, reason)
	return e.wrote(e.w.Reject(id, reason), nil)
}

func (e *echo) Settled(id uint64) error {
	_ = e.log.Settled(id)
	return e.wrote(e.w.Settled(id), nil)
}

func (e *echo) Serves(name string, epoch uint64) error {
	_ = e.log.Serves(name, epoch)
	return e.wrote(e.w.Serves(name, epoch), nil)
}

func (e *echo) You(via uint64) error {
	_ = e.log.You(via)
	return e.wrote(e.w.You(via), nil)
}

// TestManyTypes: no more types can be introduced than a side remembers.
func TestManyTypes(t *testing.T) {
	var k wire.Known
	for i := range 3000 {
		body := []byte{1, 2, byte(i%128) & 0x7f, byte(i / 128), 0, 0, 0, 0, 0, 0, 0, 0}
		var err error
		if k, err = wire.ReadFromHome(body, k, new(log)); err != nil {
			if i != 2048 || !errors.Is(err, wire.ErrMalformed) {
				t.Errorf("after %d types: %v", i, err)
			}
			return
		}
	}
	t.Error("3000 types were introduced")
}

// TestTypesAreValues: to introduce a type does not change what others have.
func TestTypesAreValues(t *testing.T) {
	introduce := func(name string) []byte { return append([]byte{1, byte(len(name))}, name+"01234567"...) }
	var k wire.Known
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		old := k
		var err error
		k, err = wire.ReadFromHome(introduce(name), old, new(log))
		must(t, err)
		if _, err := wire.ReadFromHome(introduce("x"), old, new(log)); err != nil {
			t.Fatal(err)
		}
		if last := k.Types[len(k.Types)-1].Name; len(old.Types) != len(k.Types)-1 || last != name {
			t.Errorf("the last type should be %s: %v", name, k)
		}
	}
	var w wire.Writer
	for _, m := range messages {
		old := w.Sent
		before := slices.Clone(old.Types)
		must(t, w.Send(0, m))
		other := wire.Writer{Sent: old}
		must(t, other.Send(0, topic.MessageOf(int8(1))))
		if !slices.Equal(old.Types, before) || slices.ContainsFunc(w.Sent.Types, func(i wire.Introduced) bool { return i.Name == "int8" }) {
			t.Errorf("%v has become %v, and %v", before, old.Types, w.Sent)
		}
	}
}
