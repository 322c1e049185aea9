package vm

import (
	"reflect"
	"slices"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/topic/selftext"
	"github.com/go-marketplace/marketplace/world"
)

// This file declares a machine as data. A snapshot shares the data with the
// machine, so nothing here changes after its owner has taken a snapshot: the
// machine copies what it changes. What only makes a machine fast is in kernel.go,
// and a machine rebuilds it from the data.

// A State is a virtual machine between two inputs, as a value. It never changes. Any
// number of machines can go on from it, each in its own goroutine. The zero State is
// no machine: see [State.Valid].
//
// [Machine.Snapshot] takes the same time for a machine of any size; the machine then
// copies each part that it changes, once. [State.Machine] takes time proportional to
// the number of processes and endpoints.
type State struct {
	root        *space
	limits      Limits
	boot        func(actions.PID) actions.Process
	phase       phase
	incarnation uint64
	generation  uint64
	lasts       []pendingLast
	stats       Stats
	failure     error
	digests     bool
	digest      Digest
}

// Valid reports whether s is a state, and not the zero State.
func (s State) Valid() bool { return s.root != nil }

// Digest returns what [Machine.Digest] returns for a machine with state s.
func (s State) Digest() Digest { return s.digest }

// Busy returns what [Machine.Busy] returns for a machine with state s.
func (s State) Busy() bool {
	busy := len(s.lasts) > 0
	s.root.cells.all(func(_ actions.PID, c *cell) bool {
		busy = busy || len(c.queue) > 0
		return !busy
	})
	return busy && s.phase == running
}

// A phase is a part of the life of a machine.
type phase uint8

const (
	made phase = iota // not started
	running
	withdrawing // these three are the steps of a stop: see stop.go
	draining
	ending
	stopped
)

// A space is one virtual machine: its processes.
type space struct {
	owner *owner
	last  actions.PID // the last one given out
	cells radix[*cell]
}

// firstPID is the PID of the first process of each machine.
const firstPID actions.PID = 1

// A cell is one process.
type cell struct {
	owner     *owner // what a message touches comes first, in one cache line
	pid       actions.PID
	state     any
	queue     []item // actions to perform
	stateType reflect.Type
	name      string
	seq       uint32      // of the last endpoint
	fresh     uint32      // the last fresh name given out
	endpoints []*endpoint // local endpoints, in the order of their creation
	extras    *extras     // nil for most processes
}

// extras is the part of a process that most processes do not need.
type extras struct {
	metas    []*endpoint // endpoints at meta-levels, in the order of their creation
	waits    []spawnWait // for the PIDs of processes spawned at a meta-level
	holds    []*hold     // devices, in the order of their opening
	monitors []monitor   // by PID; one for each
	tallies  []tallies   // of endpoints that count their demand
	inner    *space      // of a process that is a virtual machine
	waitSeq  uint32
	locals   []local // in the order of their levels and names
}

// A local is a local value of a process.
type local struct {
	level uint32
	typ   *actions.Type
	value any
}

// A monitor is the request of a process to be told when process pid of the same
// machine has gone.
type monitor struct {
	pid     actions.PID
	handler *actions.Handler // nil if there is nothing to do
	binds   bool             // pid ends with the process
}

// An endpoint is one of a process, local or at a meta-level. It never changes: an
// update puts another one in its place.
type endpoint struct {
	run     func(state any, ev *actions.Event) (any, actions.Action) // handles a message; nil if the endpoint takes none
	handler *actions.Handler                                         // nil if there is nothing to do
	seq     uint32                                                   // the number of its creation in the process
	level   uint32                                                   // 0 for a local endpoint
	route   bool                                                     // id is a metaID: its events go to a process further inside
	changes bool                                                     // run can change the state
	passive bool                                                     // it does not keep its process
	local   bool                                                     // the handler is for a local value in place of the state
	id      actions.EndpointID
	role    topic.Role
}

// handle gives e a handler.
func (e *endpoint) handle(h *actions.Handler) {
	e.handler, e.run, e.changes = h, nil, false
	e.local = h != nil && h.Local != nil
	if h != nil && h.Events.Has(actions.Delivery) {
		e.run, e.changes = h.Run, h.State != nil
	}
}

// A metaID names, in a container, an endpoint of a process further inside.
type metaID struct {
	pid   actions.PID // of the inner process
	level uint32      // at which the endpoint is for the inner process
	id    actions.EndpointID
}

// anonymous is the name of an endpoint that its process gave no name.
type anonymous uint32

// FreshID is the type of the names that [actions.Fresh] gives out.
type FreshID uint32

func init() { selftext.Keep(reflect.TypeFor[FreshID](), "vm.FreshID") }

// A spawnWait waits for the PID of a process spawned at a meta-level. The PID
// continues the process that waits, or goes to one further inside.
type spawnWait struct {
	id     uint32
	resume *actions.Resumption
	inner  *continuation
}

// A continuation names the process further inside that asked for an action at a
// meta-level: process pid of the machine inside. For a spawn, the id says which of
// the waits of that process gets the PID of the child. For a message, inner is the
// process that sends it, in the machine that pid is.
type continuation struct {
	pid   actions.PID
	id    uint32
	inner *continuation
}

// A hold is a device that a process holds open.
type hold struct {
	device  world.Device
	handler *actions.Handler
	address *Address
	paused  bool
	opening bool // its first value has not come yet, not even in an earlier incarnation
}

// tallies counts the demand at one endpoint.
type tallies struct {
	level uint32 // level and seq identify the endpoint
	seq   uint32
	keys  *immutable.SortedMap[string, tallied] // by the texts of conversations
}

// A tallied holds the tallies of the conversations that have one text. There may be
// several, because a text does not always show all that a topic pins. It never
// changes.
type tallied struct {
	first  tally
	others *[]tally // in the order of their beginning; nil if there are none
}

// A tally counts the peers of an endpoint that share one conversation. It exists
// from the event First to the event Last.
type tally struct {
	conversation topic.Topic
	peers        int
}

// A pendingLast is a demand that has fallen to zero: see demand.go.
type pendingLast struct {
	path         Path
	level        uint32
	seq          uint32
	text         string // of the conversation
	conversation topic.Topic
	peer         topic.Role // that left last
}

// An item is an entry in the queue of a process.
type item struct {
	action actions.Action
	op     op
	up     uint32        // how many levels further out to perform it
	resume *continuation // the process further inside that asked for it, for a spawn and a message
}

// op says what to do with an item.
type op uint8

const (
	perform    op = iota // perform the action
	proceed              // call the continuation of a yield
	innerRound           // run a round of the nested machine; there is no action
)

// copy returns a copy of c that owner o may write to.
func (c *cell) copy(o *owner) *cell {
	d := *c
	d.owner = o
	d.queue = append([]item(nil), c.queue...)
	d.endpoints = append([]*endpoint(nil), c.endpoints...)
	if c.extras != nil {
		m := *c.extras
		m.metas = append([]*endpoint(nil), m.metas...)
		m.waits = append([]spawnWait(nil), m.waits...)
		m.holds = append([]*hold(nil), m.holds...)
		m.tallies = append([]tallies(nil), m.tallies...)
		m.monitors = append([]monitor(nil), m.monitors...)
		m.locals = append([]local(nil), m.locals...)
		d.extras = &m
	}
	return &d
}

// holdsNothing reports whether nothing can happen to c any more, apart from what
// happens in a nested machine.
func (c *cell) holdsNothing() bool {
	return len(c.queue) == 0 && len(c.endpoints) == 0 &&
		(c.extras == nil || len(c.extras.metas)+len(c.extras.waits)+len(c.extras.holds)+len(c.extras.monitors) == 0)
}

// isIdle reports whether c has local values, and nothing can happen to it any more that
// matters: its endpoints are passive, and no value is busy.
func (c *cell) isIdle() bool {
	x := c.extras
	if x == nil || len(x.locals) == 0 || len(c.queue)+len(x.waits)+len(x.holds)+len(x.monitors) > 0 || x.inner != nil {
		return false
	}
	active := func(e *endpoint) bool { return !e.passive }
	busy := func(l local) bool {
		b, ok := l.value.(interface{ Busy() bool })
		return ok && b.Busy()
	}
	return !slices.ContainsFunc(c.endpoints, active) && !slices.ContainsFunc(x.metas, active) && !slices.ContainsFunc(x.locals, busy)
}

// ensureExtras returns the extras of c, which it makes if there are none.
func (c *cell) ensureExtras() *extras {
	if c.extras == nil {
		c.extras = &extras{}
	}
	return c.extras
}

func (c *cell) locals() []local {
	if c.extras == nil {
		return nil
	}
	return c.extras.locals
}

func (c *cell) metas() []*endpoint {
	if c.extras == nil {
		return nil
	}
	return c.extras.metas
}

func (c *cell) holds() []*hold {
	if c.extras == nil {
		return nil
	}
	return c.extras.holds
}
