package sharded

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// boot returns the first process of a machine. It spawns the process of the user, and
// reports to the Listener what that cannot see from outside: the reason with which an
// observer or the driver goes and, if there is a Policy, each connection that ends.
func (m *machine) boot(actions.PID) actions.Process {
	r := report{m}
	at := m.worker.at
	counts := m.worker.listener.config.Policy != nil
	return actions.Stateless(
		endpoint.ObserveSubscribers(tcp.Arriving(at),
			endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action { return r.lost(reason) }).FromInterest(topic.Observer),
		).Everything(),
		endpoint.ObservePublishers(topic.All[tcp.Listening](),
			endpoint.OnAbsence(func(_ tcp.Listening, reason error) actions.Action { return r.lost(reason) }),
		),
		actions.When(counts, endpoint.ObservePublishers(topic.Where(flowTo.Is(at)),
			endpoint.OnAbsence(func(tcp.Control, error) actions.Action { return r.of(parted{}) }),
		)),
		actions.SpawnFunc(func(actions.PID) actions.Process { return m.serve() }).Named("worker"),
	)
}

// flowTo is pinned to see the processes that manage connections: each connection has
// exactly one publisher of Control, from its beginning to its end.
var flowTo = topic.FieldOf(func(c *tcp.Control) *tcp.Addr { return &c.To })

// serve returns the process of the user or, if there is none, one that reports that.
func (m *machine) serve() (p actions.Process) {
	defer func() {
		if v := recover(); v != nil {
			p = m.unbootable(&vm.PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	if p = m.worker.listener.boot(m.describe()); p == nil {
		return m.unbootable(errors.New("sharded: the boot function has returned a nil process"))
	}
	return p
}

func (m *machine) unbootable(reason error) actions.Process {
	return actions.Stateless(report{m}.of(failed{world.Reduce(reason)}), actions.Fail(reason))
}

// A report is a device by which the machine reports to the Listener. It is open only
// for a moment, so it keeps no machine alive.
type report struct{ m *machine }

// The opening value and the commands of a report. Reasons are of type *world.Error.
type (
	reported struct{}               // the opening value
	failed   struct{ Reason error } // the machine has failed to boot
	lost     struct{ Reason error } // an observer of what arrives, or the driver, has gone
	parted   struct{}               // a connection has ended
)

func init() {
	world.Register[reported]("sharded.reported")
	world.Register[failed]("sharded.failed")
	world.Register[lost]("sharded.lost")
	world.Register[parted]("sharded.parted")
}

// lost returns the action that reports a loss, if it has a reason other than the stop
// of the machine.
func (r report) lost(reason error) actions.Action {
	return actions.When(reason != nil && !errors.Is(reason, world.ErrStopped), r.of(lost{world.Reduce(reason)}))
}

// of returns the action that reports something.
func (r report) of(what any) actions.Action {
	return actions.Group(endpoint.Device(r), actions.Tell(r, what), actions.Close(r))
}

// DeviceName implements [world.Device].
func (r report) DeviceName() string {
	return fmt.Sprintf("sharded.report(worker %d, start %d)", r.m.worker.id, r.m.start)
}

// Open implements [world.Device].
func (r report) Open(context.Context, world.Env) (world.Handle, error) {
	return &openReport{report: r, closed: make(chan struct{})}, nil
}

type openReport struct {
	report
	told   bool
	closed chan struct{}
	once   sync.Once
}

// Recv implements [world.Handle].
func (r *openReport) Recv() (any, error) {
	if !r.told {
		r.told = true
		return reported{}, nil
	}
	<-r.closed
	return nil, world.ErrClosed
}

// Try implements [world.Handle].
func (r *openReport) Try(commands []any) (int, error) {
	for i, c := range commands {
		if err := r.Do(c); err != nil {
			return i, err
		}
	}
	return len(commands), nil
}

// Do implements [world.Handle].
func (r *openReport) Do(command any) error {
	if !r.m.told(command) {
		return fmt.Errorf("sharded: a report takes no %T", command)
	}
	return nil
}

// Close implements [world.Handle].
func (r *openReport) Close() error {
	r.once.Do(func() { close(r.closed) })
	return nil
}
