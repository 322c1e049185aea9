package vm

import (
	"reflect"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/selftext"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// This file has a machine as data. What it declares never changes once its
// owner has taken a snapshot; what is there only to make a machine fast is in
// kernel.go, and can be made anew from what is here.

// A space is one virtual machine: its processes.
type space struct {
	owner *owner
	last  actions.PID // the last one given out
	cells radix[*cell]
}

// A cell is one process.
type cell struct {
	owner     *owner // what a message touches comes first, in one cache line
	pid       actions.PID
	state     any
	queue     []item // actions yet to be performed
	stateType reflect.Type
	name      string
	seq       uint32 // of the last endpoint
	fresh     uint32 // the last fresh name given out
	ends      []*end // local endpoints, in the order of their creation
	more      *more  // what most processes have none of
}

// more is the part of a process that most processes do without.
type more struct {
	metas   []*end    // endpoints at meta-levels, in the order of their creation
	waits   []wait    // for processes spawned at a meta-level
	holds   []*hold   // devices, in the order of their opening
	tallies []tallies // of endpoints that count their demand
	inner   *space    // of a process that is a virtual machine
	waitSeq uint32
}

// An end is an endpoint, local or at a meta-level. Ends never change.
type end struct {
	run     func(state any, ev *actions.Event) (any, actions.Action) // of the handler, for messages; nil if it takes none
	handler *actions.Handler                                         // nil if nothing is to be done
	seq     uint32                                                   // in the order of creation
	level   uint32                                                   // at which it is; 0 for a local one
	route   bool                                                     // id is a metaID: events go to an inner process
	changes bool                                                     // run may change the state
	id      actions.EndpointID
	role    topic.Role
}

// handle gives e a handler.
func (e *end) handle(h *actions.Handler) {
	e.handler, e.run, e.changes = h, nil, false
	if h != nil && h.Kinds.Has(actions.Delivery) {
		e.run, e.changes = h.Run, h.State != nil
	}
}

// A metaID names, in a container, an endpoint of a process further inside.
type metaID struct {
	pid   actions.PID // of the inner process
	level uint32      // at which the endpoint is for the inner process
	id    actions.EndpointID
}

// anonymous is the name of an endpoint that has been given none.
type anonymous uint32

// FreshID is the type of the names that [actions.Fresh] gives out.
type FreshID uint32

func init() { selftext.Keep(reflect.TypeFor[FreshID](), "vm.FreshID") }

// A wait is for a process spawned at a meta-level: its PID continues the
// process, or goes to one further inside.
type wait struct {
	id     uint32
	resume *actions.Resumption
	inner  *continuation
}

// A continuation says which process further inside has wanted what is done at a
// meta-level: process pid of the machine inside. For a spawn, the id says which of
// the waits of that process ends with the PID of the child. For a message, inner
// is the process that sends it, in the machine that pid is.
type continuation struct {
	pid   actions.PID
	id    uint32
	inner *continuation
}

// A hold is an open device of a process.
type hold struct {
	device  world.Device
	handler *actions.Handler
	address *Address
	paused  bool
	opening bool // its opening value has not come yet, not even in an earlier incarnation
}

// tallies count the demand at one endpoint.
type tallies struct {
	level uint32 // with seq, which endpoint of the process
	seq   uint32
	keys  *immutable.SortedMap[string, tallied] // by the texts of conversations
}

// A tallied has the tallies of the conversations that have one text. There may be
// several: a text does not always tell all that a topic pins. None of this
// changes.
type tallied struct {
	first  tally
	others *[]tally // in the order in which they have begun; nil if there are none
}

// A tally counts the peers of an endpoint that have one conversation. It is there
// from First to Last.
type tally struct {
	conversation topic.Topic
	peers        int
}

// An item is an entry in the queue of a process.
type item struct {
	action actions.Action
	op     op
	up     uint32        // perform it that many levels further out
	resume *continuation // of a process further inside, for a spawn and for a message
}

// op tells what to do with an item.
type op uint8

const (
	perform    op = iota // the action
	proceed              // with the continuation of a yield
	innerRound           // of the nested machine; there is no action
)

// copy returns a copy of c that o may write to.
func (c *cell) copy(o *owner) *cell {
	d := *c
	d.owner = o
	d.queue = append([]item(nil), c.queue...)
	d.ends = append([]*end(nil), c.ends...)
	if c.more != nil {
		m := *c.more
		m.metas = append([]*end(nil), m.metas...)
		m.waits = append([]wait(nil), m.waits...)
		m.holds = append([]*hold(nil), m.holds...)
		m.tallies = append([]tallies(nil), m.tallies...)
		d.more = &m
	}
	return &d
}

// holdsNothing reports whether nothing can happen to c any more, but for what
// goes on in a nested machine.
func (c *cell) holdsNothing() bool {
	return len(c.queue) == 0 && len(c.ends) == 0 &&
		(c.more == nil || len(c.more.metas)+len(c.more.waits)+len(c.more.holds) == 0)
}

// rest returns the part of c that most processes have none of.
func (c *cell) rest() *more {
	if c.more == nil {
		c.more = &more{}
	}
	return c.more
}

func (c *cell) metas() []*end {
	if c.more == nil {
		return nil
	}
	return c.more.metas
}

func (c *cell) holds() []*hold {
	if c.more == nil {
		return nil
	}
	return c.more.holds
}
