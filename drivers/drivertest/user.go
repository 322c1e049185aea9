package drivertest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// The script of a test controls a process, the director, through a device. The
// director spawns users and sends them orders.

// hands is the device through which a script controls the director.
type hands struct{ deeds chan deed }

// A deed is an action for the director to perform.
type deed struct{ actions.Action }

func (deed) String() string { return "what the test says" }

// opened is the opening value of the devices of this package.
type opened struct{}

// director spawns the director.
func (h hands) director() actions.Action {
	return actions.Spawn(actions.Stateless(
		endpoint.Device(h, endpoint.OnValue(func(d deed) actions.Action { return d.Action })),
	)).Named("director")
}

// DeviceName implements [world.Device].
func (hands) DeviceName() string { return "drivertest(hands)" }

// Open implements [world.Device].
func (h hands) Open(context.Context, world.Env) (world.Handle, error) {
	return newSource(h.deeds), nil
}

// A stand is a device that stands in for the one that package vmtest opens in its
// machines, so that processes and devices have the same numbers with it and
// without it.
type stand struct{}

// standIn spawns the process that holds a stand. The process has the name that
// vmtest gives to its own.
func standIn() actions.Action {
	return actions.Spawn(actions.Stateless(actions.OpenDevice{Device: stand{}, Handler: &actions.Handler{
		Run: func(state any, _ *actions.Event) (any, actions.Action) { return state, nil },
	}})).Named(standName)
}

const standName = "vmtest"

// DeviceName implements [world.Device].
func (stand) DeviceName() string { return "vmtest stand-in" }

// Open implements [world.Device].
func (stand) Open(context.Context, world.Env) (world.Handle, error) { return newSource(nil), nil }

// A source is a handle whose values come from a channel.
type source struct {
	deeds  <-chan deed
	told   bool
	closed context.Context
	close  context.CancelFunc
}

func newSource(deeds <-chan deed) *source {
	ctx, cancel := context.WithCancel(context.Background())
	return &source{deeds: deeds, closed: ctx, close: cancel}
}

func (s *source) Recv() (any, error) {
	if !s.told {
		s.told = true
		return opened{}, nil
	}
	select {
	case d := <-s.deeds:
		return d, nil
	case <-s.closed.Done():
		return nil, world.ErrClosed
	}
}

var errNoCommands = errors.New("drivertest: the device takes no commands")

func (s *source) Try([]any) (int, error) { return 0, errNoCommands }
func (s *source) Do(any) error           { return errNoCommands }
func (s *source) Close() error           { s.close(); return nil }

// An order tells a user to do something.
type order struct {
	To   string
	What *task
}

type task struct {
	do    actions.Action
	crash bool
}

func (*task) String() string { return "what the test says" }

var orderTo = topic.FieldOf(func(o *order) *string { return &o.To })

const (
	userPrefix     = "user "
	ordersEndpoint = "drivertest orders" // the endpoint at which a user gets orders
)

// errCrash is the value with which a user panics that is told to crash.
var errCrash = errors.New("drivertest: a user has crashed, as it was told to")

// A user is a process that wants something.
type user struct {
	s    *stage
	name string
	spec actions.Action
	ids  []actions.EndpointID // of its endpoints
	mark int                  // how many of its events heard has returned
}

// newUser returns a user that performs an action, which opens endpoints. The
// caller spawns it.
func (s *stage) newUser(wants string, as actions.Action) *user {
	s.users++
	u := &user{s: s, name: fmt.Sprintf("%s%d, who %s", userPrefix, s.users, wants)}
	u.spec = actions.Spawn(actions.Stateless(
		endpoint.Subscriber(topic.Where(orderTo.Is(u.name)), endpoint.OnMessage(func(o order) actions.Action {
			if o.What.crash {
				panic(errCrash)
			}
			return o.What.do
		})).As(ordersEndpoint),
		u.named(as),
	)).Named(u.name)
	return u
}

// named gives a name to each endpoint that has none, so that it can be deleted.
func (u *user) named(as actions.Action) actions.Action {
	var all actions.Tree
	for a := range actions.Leaves(as) {
		if e, ok := a.(actions.AddEndpoint); ok {
			if e.ID == nil {
				e = e.As(fmt.Sprintf("endpoint %d", len(u.ids)+1))
			}
			u.ids = append(u.ids, e.ID)
			a = e
		}
		all = append(all, a)
	}
	return all
}

// wanting returns a user that wants thing i. The caller spawns it.
func (s *stage) wanting(i int) *user {
	return s.newUser(fmt.Sprintf("wants %d", i), s.driver.Demand(i))
}

// demand spawns a user that wants thing i.
func (s *stage) demand(i int) *user {
	u := s.wanting(i)
	s.do(u.spec)
	return u
}

// watching spawns a user that watches whether thing i is ready, and wants nothing.
// It returns nil if the driver has no Ready.
func (s *stage) watching(i int) *user {
	if s.driver.Ready == nil {
		return nil
	}
	u := s.newUser(fmt.Sprintf("watches %d", i), s.driver.Ready(i))
	s.do(u.spec)
	return u
}

// perform makes the user perform actions.
func (u *user) perform(as ...actions.Action) {
	u.s.do(actions.Send(order{u.name, &task{do: actions.Group(as...)}}))
}

// leave makes the user quit.
func (u *user) leave() { u.perform(actions.Quit()) }

// crash makes the user panic.
func (u *user) crash() { u.s.do(actions.Send(order{u.name, &task{crash: true}})) }

// withdraw makes the user delete its endpoints and live on.
func (u *user) withdraw() {
	var all actions.Tree
	for _, id := range u.ids {
		all = append(all, actions.Delete(id))
	}
	u.perform(all)
}

// handOver makes the user spawn another one and quit in the same turn.
func (u *user) handOver(to *user) { u.perform(to.spec, actions.Quit()) }

// heard returns what the user has heard since the last call.
func (u *user) heard() []event {
	if u == nil {
		return nil
	}
	w := u.s.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.heard[u.name]
	news := slices.Clone(all[u.mark:])
	u.mark = len(all)
	return news
}
