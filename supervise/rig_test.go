package supervise_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// A worker does what an order for it says.
type worker struct{ Name string }

type order struct{ To, What string }

var to = topic.FieldOf(func(o *order) *string { return &o.To })

var errBoom = errors.New("boom")

func init() { world.RegisterErrorKind("supervise_test.errBoom", errBoom) }

var workers = actions.Define("supervise_test.worker", func(w worker) actions.Action {
	return endpoint.Subscriber(topic.Where(to.Is(w.Name)), endpoint.OnMessage(func(o order) actions.Action {
		switch o.What {
		case "fail":
			return actions.Fail(errBoom)
		case "panic":
			panic("panicked")
		default:
			return actions.Quit()
		}
	}))
})

// An outworker is a worker that ends the machine in which it lives.
type outworker struct{ Name string }

var outworkers = actions.Define("supervise_test.outworker", func(w outworker) actions.Action {
	return actions.AtMeta(endpoint.Subscriber(topic.Where(to.Is(w.Name)), endpoint.OnMessage(func(order) actions.Action {
		return actions.AtMeta(actions.Fail(errBoom))
	})))
})

// work is a child that is a worker.
func work(name string, r supervise.Restart) supervise.Child {
	return supervise.Child{Name: name, Start: workers.Spawn(worker{name}), Restart: r}
}

// A rig is a machine with a supervisor, whose driver of timers is the test.
type rig struct {
	t      vmtest.TB
	m      *vmtest.Machine
	orders *vmtest.Probe[order]
	runs   *vmtest.Probe[supervise.Running]
	lines  []string // what has started and ended since the last want
	pids   map[string]actions.PID

	driver *vmtest.Probe[timer.Expired] // nil if there is none
	sets   *vmtest.Probe[timer.Set]
	now    time.Duration
	timers []pending
}

type pending struct {
	at    time.Duration
	label string
}

// newRig spawns a supervisor in a machine.
func newRig(t vmtest.TB, timers bool, types []actions.Type, boot ...actions.Action) *rig {
	r := &rig{t: t, pids: map[string]actions.PID{}}
	r.m = vmtest.Config{Types: append(types, workers.Type)}.Run(t)
	r.m.AllowCrashes()
	r.orders = vmtest.Publisher(r.m, topic.All[order]())
	r.runs = vmtest.ObservePublishers(r.m, topic.All[supervise.Running]())
	r.sets = vmtest.Subscriber(r.m, topic.All[timer.Set]())
	if timers {
		r.drive()
	}
	r.m.Perform(boot...)
	return r
}

// drive makes the test the driver of timers.
func (r *rig) drive() { r.driver = vmtest.Publisher(r.m, topic.All[timer.Expired]()) }

func (r *rig) leave() {
	r.driver.Close(nil)
	r.driver, r.timers = nil, nil
}

// note takes what has started and ended, and the timers that were set.
func (r *rig) note() {
	for _, h := range r.runs.Take() {
		if h.Kind == actions.Presence {
			r.lines = append(r.lines, "+"+h.About.Child)
			r.pids[h.About.Child] = h.About.PID
			continue
		}
		line := "-" + h.About.Child
		if h.Reason != nil {
			line += ": " + h.Reason.Error()
		}
		r.lines = append(r.lines, line)
		delete(r.pids, h.About.Child)
	}
	for _, h := range r.sets.Take() {
		if h.Kind == actions.Delivery && r.driver != nil { // a timer replaces the one of its label
			r.timers = slices.DeleteFunc(r.timers, func(p pending) bool { return p.label == h.About.Label })
			r.timers = append(r.timers, pending{r.now + h.About.After, h.About.Label})
		}
	}
}

// want compares what has started and ended since the last call.
func (r *rig) want(lines ...string) {
	r.t.Helper()
	r.note()
	if !slices.Equal(r.lines, lines) {
		r.t.Errorf("at %v, this has happened:\n\t%q, and not\n\t%q", r.now, r.lines, lines)
	}
	r.lines = nil
}

// order gives a worker an order.
func (r *rig) order(name, what string) { r.orders.Send(order{name, what}) }

// advance moves the clock.
func (r *rig) advance(d time.Duration) {
	r.note()
	for end := r.now + d; ; {
		slices.SortStableFunc(r.timers, func(a, b pending) int { return cmp.Compare(a.at, b.at) })
		if len(r.timers) == 0 || r.timers[0].at > end {
			r.now = end
			return
		}
		next := r.timers[0]
		r.timers = r.timers[1:]
		r.now = max(r.now, next.at)
		r.driver.Send(timer.Expired{Label: next.label, Now: time.Time{}.Add(r.now)})
		r.note()
	}
}

// alive returns the names of the processes that are no probes.
func (r *rig) alive() (names []string) {
	for p := range r.m.VM().Processes() {
		if p.Name == "worker" || p.Name == "outworker" || p.Name == "sup" || p.Nested {
			names = append(names, fmt.Sprint(p.Path, " ", p.Name))
		}
	}
	return names
}

// gone checks that no supervisor and no child is left.
func (r *rig) gone() {
	r.t.Helper()
	if left := r.alive(); len(left) > 0 {
		r.t.Errorf("there is still %q", left)
	}
}

// watch spawns a process that monitors pid, and returns where its reason will be.
func (r *rig) watch(pid actions.PID) *[]error {
	var reasons []error
	r.m.VM().Watch(vm.Records(vm.Ended), func(e *vm.Record) {
		if p := e.Path(); len(p) == 1 && p[0] == pid {
			reasons = append(reasons, e.Reason)
		}
	})
	return &reasons
}

// named returns the PID of the process with a name.
func (r *rig) named(name string) actions.PID {
	for p := range r.m.VM().Processes() {
		if p.Name == name {
			return p.Path[0]
		}
	}
	return 0
}
