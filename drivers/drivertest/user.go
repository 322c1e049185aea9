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

// The script of a test moves a process, the director, through a device. The
// director has users spawned, and gives them orders.

// hands is the device that moves the director.
type hands struct{ deeds chan deed }

// A deed is what the director is to do.
type deed struct{ actions.Action }

func (deed) String() string { return "what the test says" }

// opened is the opening value of the devices of this package.
type opened struct{}

// director returns the director.
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

// A stand is a device that stands in for the one which package vmtest opens in a
// machine: so processes and devices have the same numbers in both.
type stand struct{}

// standIn spawns the process that holds a stand. It has the name of that of
// vmtest.
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

// A source is a handle that says what comes from a channel.
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

// An order has a user do something.
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
	userPrefix = "user "
	ordersEnd  = "drivertest orders" // the endpoint at which a user gets them
)

// errCrash is that of a user who is told to crash.
var errCrash = errors.New("drivertest: a user has crashed, as it was told to")

// A user is a process that wants something.
type user struct {
	s    *stage
	name string
	spec actions.Action
	ids  []actions.EndpointID // of its endpoints
	mark int                  // how much of what it has heard was looked at
}

// newUser returns a user that performs the actions, which open endpoints. It is
// not there before it is spawned.
func (s *stage) newUser(wants string, as actions.Action) *user {
	s.users++
	u := &user{s: s, name: fmt.Sprintf("%s%d, who %s", userPrefix, s.users, wants)}
	u.spec = actions.Spawn(actions.Stateless(
		endpoint.Subscriber(topic.Where(orderTo.Is(u.name)), endpoint.OnMessage(func(o order) actions.Action {
			if o.What.crash {
				panic(errCrash)
			}
			return o.What.do
		})).As(ordersEnd),
		u.named(as),
	)).Named(u.name)
	return u
}

// named gives names to all endpoints, so that they can be deleted.
func (u *user) named(as actions.Action) actions.Action {
	var all actions.Tree
	for a := range actions.Leaves(as) {
		if e, ok := a.(actions.AddEndpoint); ok {
			if e.ID == nil {
				e = e.As(fmt.Sprintf("end %d", len(u.ids)+1))
			}
			u.ids = append(u.ids, e.ID)
			a = e
		}
		all = append(all, a)
	}
	return all
}

// wanting returns a user that wants thing i, and is not there before it is
// spawned.
func (s *stage) wanting(i int) *user {
	return s.newUser(fmt.Sprintf("wants %d", i), s.driver.Demand(i))
}

// demand has a user come that wants thing i.
func (s *stage) demand(i int) *user {
	u := s.wanting(i)
	s.do(u.spec)
	return u
}

// watching has a user come that watches whether thing i is ready, and wants
// nothing. It returns nil if that is not to be seen.
func (s *stage) watching(i int) *user {
	if s.driver.Ready == nil {
		return nil
	}
	u := s.newUser(fmt.Sprintf("watches %d", i), s.driver.Ready(i))
	s.do(u.spec)
	return u
}

// perform has the user perform actions.
func (u *user) perform(as ...actions.Action) {
	u.s.do(actions.Send(order{u.name, &task{do: actions.Group(as...)}}))
}

// leave has the user quit.
func (u *user) leave() { u.perform(actions.Quit()) }

// crash has the user panic.
func (u *user) crash() { u.s.do(actions.Send(order{u.name, &task{crash: true}})) }

// withdraw has the user take back what it wants, and live on.
func (u *user) withdraw() {
	var all actions.Tree
	for _, id := range u.ids {
		all = append(all, actions.Delete(id))
	}
	u.perform(all)
}

// handOver has the user make way for another one, which comes at that moment.
func (u *user) handOver(to *user) { u.perform(to.spec, actions.Quit()) }

// heard returns what the user has heard since the last time.
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
