package door

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A keeper is the state of the process of a door. It is immutable.
type keeper struct {
	device  device
	self    world.Device `fingerprint:"-"` // device again, so that commands need not allocate it
	phase   phase
	opening uint64         // how often the device has opened
	subs    []*subscribe   // in the order of their numbers
	memory  memory         // of calls with keys
	ack     actions.Action `fingerprint:"-"` // of one request, which follows from the device
}

func newKeeper(d device, p phase) *keeper {
	k := &keeper{device: d, self: d, phase: p, memory: noMemory}
	k.ack = actions.Tell(k.self, taken{1})
	return k
}

// with returns k with other subscriptions.
func (k *keeper) with(subs []*subscribe) *keeper {
	next := *k
	next.subs = subs
	return &next
}

type phase uint8

const (
	looks  phase = iota // whether there is a door of the name already
	second              // there is one
	holds               // it holds the device
)

var holders = actions.Define("door.keeper", (*keeper).open)

// Types returns the type of the processes that [Door.Driver] makes, for programs that
// save their machines. It needs all doors of the program: a process that is restored
// finds its door by name.
func Types(doors ...*Door) []actions.Type {
	return []actions.Type{actions.Coded(holders, (*keeper).write, func(data []byte) (*keeper, error) { return read(data, doors) }).Type}
}

// writtenKeeper is the written form of a keeper. The names of its fields never change.
type writtenKeeper struct {
	Door    string
	Phase   uint8
	Subs    []*subscribe
	Opening uint64
	Memory  writtenMemory
}

func (k *keeper) write() ([]byte, error) {
	return codec.AppendValue(nil, writtenKeeper{k.device.name, uint8(k.phase), k.subs, k.opening, k.memory.write()})
}

func read(data []byte, doors []*Door) (*keeper, error) {
	v, rest, err := codec.DecodeValue(data, reflect.TypeFor[writtenKeeper]())
	if err != nil {
		return nil, err
	}
	w, _ := v.(writtenKeeper)
	i := slices.IndexFunc(doors, func(d *Door) bool { return d.name == w.Door })
	sorted := slices.IsSortedFunc(w.Subs, func(next, before *subscribe) int {
		if next == nil || before == nil || next.ID <= before.ID {
			return -1
		}
		return 1
	})
	m, sound := w.Memory.read()
	switch {
	case !sound || len(rest) > 0 || w.Phase > uint8(holds) || !sorted || slices.Contains(w.Subs, nil):
		return nil, errors.New("these bytes are not the state of the process of a door")
	case i < 0:
		return nil, fmt.Errorf("there is no door %q: give all doors of the program to door.Types", w.Door)
	}
	for _, s := range w.Subs {
		if _, err := s.role(); err != nil {
			return nil, fmt.Errorf("subscription %d of door %q: %w", s.ID, w.Door, err)
		}
	}
	k := newKeeper(device{w.Door, doors[i]}, phase(w.Phase))
	k.subs, k.opening, k.memory = w.Subs, w.Opening, m
	return k, nil
}

// The names of the endpoints of a keeper.
type (
	lookEnd struct{}
	hereEnd struct{}
	subEnd  uint64 // by number
)

type step = actions.Transition[*keeper]

// open opens the endpoints and the device that a keeper has.
func (k *keeper) open() actions.Action {
	if k.phase != holds {
		return endpoint.ObservePublishers(Open(k.device.name), endpoint.OnPresenceState(func(k *keeper, _ Here) step {
			return actions.Next(newKeeper(k.device, second))
		})).As(lookEnd{})
	}
	all := actions.Tree{endpoint.Publisher(Open(k.device.name)).As(hereEnd{}), k.hold()}
	for _, s := range k.subs {
		if role, err := s.role(); err == nil {
			all = append(all, k.hear(s.ID, role))
		}
	}
	return all
}

// begin opens the device, unless there is a door of the name already. Then it opens the
// device only to say so.
func (k *keeper) begin() step {
	if k.phase == second {
		err := fmt.Errorf("the machine has two doors named %q: give them different names", k.device.name)
		return actions.Next(k, k.hold(), actions.Tell(k.self, ready{}), actions.Tell(k.self, over{err}), actions.Fail(err))
	}
	k = newKeeper(k.device, holds)
	return actions.Next(k, actions.Delete(lookEnd{}), k.open())
}

func (k *keeper) hold() actions.Action {
	return actions.OpenDevice{Device: k.device, Handler: deviceEvents}
}

// The function init sets deviceEvents, because it and the methods refer to each other.
var deviceEvents *actions.Handler

func init() {
	deviceEvents = actions.HandlerOf((*keeper).handle)
	deviceEvents.Events = actions.EventsOf(actions.Value, actions.Ended)
}

// handle handles an event of the device.
func (k *keeper) handle(ev *actions.Event) step {
	if ev.Kind == actions.Ended {
		return actions.Next(k,
			actions.When(errors.Is(ev.Reason, world.ErrStopped), actions.Tell(k.self, over{ev.Reason})),
			actions.QuitProcess{Reason: ev.Reason})
	}
	switch v := ev.Value.(type) {
	case opened:
		var all actions.Tree
		for _, s := range k.subs {
			all = append(all, actions.Delete(subEnd(s.ID)))
		}
		k = k.with(nil)
		k.opening++
		k.memory.limit = v
		return actions.Next(k, all, actions.Tell(k.self, ready{}))
	case batch:
		all := make(actions.Tree, 0, len(v.Items)+1)
		n := 0
		for _, item := range v.Items {
			var a actions.Action
			k, a = k.take(item)
			all = append(all, a)
			if _, ok := item.(call); !ok {
				n++
			}
		}
		return actions.Next(k, append(all, actions.When(n > 0, actions.Tell(k.self, taken{n}))))
	case call:
		k, a := k.call(v)
		return step{State: k, Actions: a}
	}
	k, a := k.take(ev.Value)
	return step{State: k, Actions: actions.Tree{a, k.ack}}
}

// take does what a request asks for.
func (k *keeper) take(item any) (*keeper, actions.Action) {
	switch v := item.(type) {
	case feedback:
		return k, asAction(v.Value, topic.Subscriber)
	case call:
		return k.call(v)
	case subscribe:
		role, err := v.role()
		if err != nil {
			return k, actions.Tell(k.self, told{ID: v.ID, Kind: End, Reason: err})
		}
		return k.with(append(slices.Clip(k.subs), &v)), k.hear(v.ID, role)
	case unsubscribe:
		i := slices.IndexFunc(k.subs, func(s *subscribe) bool { return s.ID == v.ID })
		if i < 0 {
			return k, nil
		}
		return k.with(slices.Concat(k.subs[:i], k.subs[i+1:])), actions.Delete(subEnd(v.ID))
	}
	return k, asAction(item, topic.Publisher)
}

// hear opens the endpoint of a subscription, whose events the device is told.
func (k *keeper) hear(id uint64, role topic.Role) actions.Action {
	d := k.device
	return actions.AddEndpoint{ID: subEnd(id), Role: role, Handler: &actions.Handler{
		Events: actions.EventsOf(actions.Presence, actions.Absence, actions.Delivery),
		Run: func(state any, ev *actions.Event) (any, actions.Action) {
			t := told{ID: id, Kind: Message, Message: ev.Message}
			if ev.Kind != actions.Delivery {
				t = told{ID: id, Kind: Presence, Topic: ev.Peer.Topic}
				if ev.Kind == actions.Absence {
					t.Kind, t.Reason = Absence, ev.Reason
				}
			}
			return state, actions.Tell(d, t)
		},
	}}
}
