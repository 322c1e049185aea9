package door_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A branch is a destination in the same machine. It is within reach while a test
// publishes its sign.
type branch struct{ Name string }

type sign struct {
	Branch string
	Err    *world.Error
}

func (s sign) Unreachable() error {
	if s.Err == nil {
		return nil
	}
	return s.Err
}

var (
	signOf  = topic.FieldOf(func(s *sign) *string { return &s.Branch })
	errRoad = errors.New("door_test: the road is closed")
)

func (b branch) says() topic.Pattern[sign] { return topic.Where(signOf.Is(b.Name)) }

func (b branch) At(e actions.AddEndpoint) actions.AddEndpoint { return e }

func (b branch) Forward(m topic.Message, sender topic.Orientation) *actions.SendMessage {
	return actions.Forward(m, sender)
}

func (b branch) Settled(_ topic.Role, h *actions.Handler) (actions.AddEndpoint, bool) {
	e := endpoint.Subscriber(b.says())
	e.Handler = h
	return e, true
}

// An unknownBranch is of a type that is not registered.
type unknownBranch struct{ branch }

func init() {
	world.Register[branch]("door_test.branch")
	world.Register[sign]("door_test.sign")
	world.RegisterErrorKind("door_test.errRoad", errRoad)
}

// Do calls an operation at a destination. The call is an input like others: a replay does
// the same. A key belongs to the call at its destination, and a call that was not sent can
// be repeated with it.
func TestDoAtADestination(t *testing.T) {
	dir := t.TempDir()
	d := door.New("shop")
	stop := run(t, keep(t, dir, d), d.Driver(), shops.Spawn(shop{}))
	north, south := branch{"north"}, branch{"south"}

	closed, _ := world.Reduce(errRoad).(*world.Error)
	watch := read(t, door.Publish(soon(t), d, south.says(), door.Observing())) // sees who wants the branch
	watch.want(door.Started, sign{})
	failed := make(chan error)
	go func() {
		_, err := rpc.Do(soon(t), d, Buy, order{"tea", 1}, rpc.At(south), door.Key("1"))
		failed <- err
	}()
	watch.want(door.Presence, sign{Branch: "south"})
	if err := d.Send(soon(t), sign{"south", closed}); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, rpc.ErrUnreachable) || !errors.Is(err, errRoad) {
		t.Errorf("a call at a branch that is out of reach: %v", err)
	}

	for i, b := range []branch{north, south} {
		p := read(t, door.Publish(soon(t), d, b.says()))
		p.want(door.Started, sign{})
		if n, err := rpc.Do(soon(t), d, Buy, order{"tea", 1}, rpc.At(b), door.Key(string(rune('2'-i)))); n != i+1 || err != nil {
			t.Errorf("a call at %v: %d, %v", b, n, err)
		}
	}
	if n, err := rpc.Do(soon(t), d, Buy, order{"tea", 1}, rpc.At(south), door.Key("1")); n != 2 || err != nil {
		t.Errorf("a repeated call: %d, %v", n, err)
	}
	for _, opts := range [][]rpc.Option{{rpc.At(north)}, nil} {
		if _, err := rpc.Do(soon(t), d, Buy, order{"tea", 1}, append(opts, door.Key("1"))...); !errors.Is(err, door.ErrKeyReused) {
			t.Errorf("a call at another destination with the same key: %v", err)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	replay(t, dir, shops.Spawn(shop{}))
}

// A door refuses destinations that a journal cannot have.
func TestDoRefusesUnknownDestinations(t *testing.T) {
	d := door.New("shop") // which leads nowhere yet: nothing waits
	_, err := rpc.Do(soon(t), d, Buy, order{}, rpc.At(unknownBranch{}))
	if err == nil || !strings.Contains(err.Error(), "the destination of a call of door_test.buy is a door_test.unknownBranch, which is not registered; use world.Register") || errors.Is(err, door.ErrUncertain) {
		t.Errorf("a destination of an unknown type: %v", err)
	}
}
