package distributed

import (
	"errors"
	"reflect"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// fake is a client that speaks to a home as a program with other types does.
type fake struct {
	r    *rig
	conn world.Ref
}

func (r *rig) fake() fake {
	f := fake{r, world.Ref{Device: "fake", Number: 1}}
	r.lobby().Value(lobbyArrived{client{"fake", 1}, f.conn})
	r.home.Device(acceptedLink{f.conn}).Value(acceptedOpen{})
	return f
}

func (f fake) device() *vmtest.Device { return f.r.home.Device(acceptedLink{f.conn}) }

// says lets the home read a body.
func (f fake) says(body []byte) { f.device().Value(acceptedData{body}) }

// heard returns what the home has said since the last time.
func (f fake) heard(k wire.Known) (l listened, known wire.Known) {
	for _, c := range vmtest.Commands[any](f.device()) {
		if s, ok := c.(acceptedSend); ok {
			var err error
			if k, err = wire.ReadFromHome(s.Body, k, &l); err != nil {
				f.r.t.Fatalf("the home says %x: %v", s.Body, err)
			}
		}
	}
	return l, k
}

// listened has what a home says.
type listened struct {
	rejected map[uint64]error
	messages []wire.Content
}

func (l *listened) Presence(uint64, uint64, wire.Role) error { return nil }
func (l *listened) Absence(uint64, uint64, error) error      { return nil }
func (l *listened) Settled(uint64) error                     { return nil }
func (l *listened) You(uint64) error                         { return nil }
func (l *listened) Message(_ uint64, c wire.Content) error {
	l.messages = append(l.messages, c)
	return nil
}
func (l *listened) Reject(id uint64, reason error) error {
	if l.rejected == nil {
		l.rejected = map[uint64]error{}
	}
	l.rejected[id] = reason
	return nil
}

// introduce returns the item that introduces a type, with a fingerprint.
func introduce(name string, print byte) []byte {
	return append(append([]byte{1, byte(len(name))}, name...), print, 0, 0, 0, 0, 0, 0, 0)
}

// TestUnknownTypes: an endpoint of a type that the home does not know, or of another version,
// is refused by name; a message of such a type reaches those who asked for everything, and
// nothing else is harmed. DP-46, G5, FC-13, B-F01.
func TestUnknownTypes(t *testing.T) {
	r := newRig(t, false)
	var opaque []Opaque
	things := 0
	r.home.Perform(
		endpoint.Subscriber(topic.All[Opaque](), endpoint.OnMessage(func(o Opaque) actions.Action { opaque = append(opaque, o); return nil })),
		endpoint.Subscriber(topic.All[thing](), endpoint.OnMessage(func(thing) actions.Action { things++; return nil })),
	)
	for _, test := range []struct {
		name string
		want error
	}{{"nobody.Knows", ErrUnknownType}, {"distributed.thing", ErrSchema}} {
		opaque = nil
		f := r.fake()
		body := introduce(test.name, 1)
		body = append(body, 2, 9, 3, 1, 1, 0)     // ASSERT 9: a subscriber of all of type 1
		body = append(body, 4, 0, 1, 2, 'h', 'i') // SEND by a publisher of type 1: "hi"
		f.says(body)
		l, _ := f.heard(wire.Known{})
		if !errors.Is(l.rejected[9], test.want) {
			t.Errorf("the endpoint of %s is rejected with %v, want %v", test.name, l.rejected[9], test.want)
		}
		if len(opaque) != 1 || opaque[0].Type != test.name || string(opaque[0].Data) != "hi" {
			t.Errorf("the message of %s arrived as %v", test.name, opaque)
		}
		f.device().End(ErrCut)
	}
	if things != 0 {
		t.Errorf("%d messages of another form arrived", things)
	}
}

// TestMalformedItemsEndTheLink, and nothing else. B-F02, B-P23.
func TestMalformedItemsEndTheLink(t *testing.T) {
	for _, body := range [][]byte{{99}, {2}, {4, 7, 1, 0}, {2, 1, 0, 5}} {
		r := newRig(t, false)
		f := r.fake()
		f.says(body)
		ended := false
		for _, c := range vmtest.Commands[any](f.device()) {
			if e, ok := c.(acceptedEnd); ok {
				ended = errors.Is(e.Reason, ErrProtocol)
			}
		}
		if !ended || f.device().IsOpen() {
			t.Errorf("%x: ended %v, open %v", body, ended, f.device().IsOpen())
		}
		c := r.client("ok")
		c.Perform(rigPlace.At(endpoint.Publisher(topic.All[thing]())))
		r.pump()
		if c.conn == (world.Ref{}) {
			t.Error("another client has no link")
		}
	}
}

// TestHandlesInSealedValues: the border rewrites the handles in a value that the process opens
// that gets it. If it cannot, that process gets the reason, and not nothing. FC-12.
func TestHandlesInSealedValues(t *testing.T) {
	here, there := Place{"a", "x", 1}, Place{"b", "y", 2}
	for _, test := range []struct {
		handle, want Handle
		sender       Place
		err          error
	}{
		{handle: Handle{Name: "m"}, want: Handle{there, "m"}, sender: there},
		{handle: Handle{here, "m"}, want: Handle{Name: "m"}, sender: there},
		{handle: Handle{Name: "m"}, err: ErrUnsendable},
	} {
		s, err := wire.Seal(Letter{"me", test.handle, 1})
		if err != nil {
			t.Fatal(err)
		}
		border{sender: test.sender, here: []Place{here}}.sealed(&s)
		ref, err := s.Open()
		switch {
		case !errors.Is(err, test.err):
			t.Errorf("%v: %v, want %v", test.handle, err, test.err)
		case err == nil && *ref.(*Letter) != Letter{"me", test.want, 1}:
			t.Errorf("%v became %v, want %v", test.handle, ref, test.want)
		}
	}
	for _, change := range []func(s *wire.Sealed){func(s *wire.Sealed) { s.Type = "nobody.Knows" }, func(s *wire.Sealed) { s.Form[0]++ }} {
		s, _ := wire.Seal(Letter{"me", Handle{Name: "m"}, 1})
		change(&s)
		before := s
		if (border{sender: there}).sealed(&s); !reflect.DeepEqual(s, before) {
			t.Errorf("%v became %v", before, s)
		}
	}
}
