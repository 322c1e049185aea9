package rpc

import (
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// Call calls an operation. The function then gets the result or the reason of the
// failure, exactly once, unless the process ends before. It runs in the calling process,
// which does not wait: it handles other events meanwhile, and may call itself.
//
//	rpc.Call(Add, Change{"tony", 10}, func(balance int, err error) actions.Action { … })
//
// The request goes to all servers of the operation that are present, and the first reply
// counts; [Member] and [Only] say who gets it if there are several. If all of these end,
// the call fails with [ErrGone]. If there is none, it fails at once with [ErrNobody]: see
// [Patient].
//
// Call works at meta-levels, where it finds the servers of that level.
func Call[A, R any](op Op[A, R], a A, then func(R, error) actions.Action, opts ...Option) actions.Action {
	c := &plainCall[A, R]{then: then}
	c.init(op.of(), a, c)
	return begin(c, opts)
}

// A plainCall is a call that continues with a function that does not need the state.
type plainCall[A, R any] struct {
	callOf[A]
	then func(R, error) actions.Action
}

func (c *plainCall[A, R]) resume(reply topic.Message, err error) actions.Action {
	return c.then(result[R](reply, err))
}

// CallState is [Call] for a function that updates the state.
//
//	rpc.CallState(Add, Change{"tony", 10}, session.added)
func CallState[S, A, R any](op Op[A, R], a A, then func(S, R, error) actions.Transition[S], opts ...Option) actions.Action {
	c := &stateCall[S, A, R]{then: then}
	c.init(op.of(), a, c)
	return begin(c, opts)
}

// A stateCall is a call that continues with a function that gets the state.
type stateCall[S, A, R any] struct {
	callOf[A]
	then func(S, R, error) actions.Transition[S]
}

func (c *stateCall[S, A, R]) resume(reply topic.Message, err error) actions.Action {
	r := &resumption[S, R]{then: c.then}
	r.result, r.err = result[R](reply, err)
	r.action = actions.UpdateLocal{Local: clients.Type(), State: reflect.TypeFor[S](), Update: r}
	return &r.action
}

// A resumption continues a process that has a state with the answer to a call.
type resumption[S, R any] struct {
	action actions.UpdateLocal
	then   func(S, R, error) actions.Transition[S]
	result R
	err    error
}

func (r *resumption[S, R]) Update(state, value any, _ int) (any, any, actions.Action) {
	s, _ := state.(S)
	next, a := r.then(s, r.result, r.err).Erase()
	return next, value, a
}

// result returns the result in a reply, or the error in it. If err is not nil, there is
// no reply.
func result[R any](m topic.Message, err error) (r R, _ error) {
	if err != nil {
		return r, err
	}
	reply, ok := m.Ref().(*Reply[R])
	if !ok {
		return r, nil
	}
	if reply.Err != nil {
		return r, reply.Err
	}
	return reply.Result, nil
}

// Tell sends a cast to those who serve it. If nobody does, it is lost, like any message.
// In a strict machine (vm.Limits.Strict), the sender needs a publisher of its [Notice].
// Of the options, only [At] has an effect.
func Tell[A any](c Cast[A], a A, opts ...Option) *actions.SendMessage {
	return forward(optionsOf(opts).At, actions.Send(Notice[A]{c.name, a}))
}

// A call is what a process asks for, without the types. It never changes once it is
// made.
type call struct {
	begin    actions.UpdateLocal // the action that begins the call
	def      *definition
	*details // nil for a call without options that cannot be saved
	pending  // the rest of it
}

// pending is the part of a call that knows the types.
type pending interface {
	untyped() *call

	// request makes the request to a member, or to all if server is "", with the open call
	// to keep until there is an answer.
	request(o open, server string, from Caller) *sent

	// resume continues the process with a reply or, if there is none, with an error.
	resume(reply topic.Message, err error) actions.Action

	// arguments returns the arguments.
	arguments() any
}

// details are what most calls do not have.
type details struct {
	opts  Options
	saved *saved // how it is saved; nil if it cannot be
}

var noDetails = new(details)

// callOf is a call with arguments of type A.
type callOf[A any] struct {
	call
	args A
}

// init initialises a call, of which p is the whole.
func (c *callOf[A]) init(d *definition, args A, p pending) {
	c.call = call{begin: actions.UpdateLocal{Local: clients.Type(), Update: &c.call}, def: d, details: noDetails, pending: p}
	c.args = args
}

func (c *callOf[A]) untyped() *call { return &c.call }

// A sent is a request, and what the caller keeps of it. All of it is one object, because
// a call is made of few objects that way.
type sent struct {
	open // the call
	send actions.SendMessage
	with client // for the client that has this open call, and no other
}

// A sentOf is a sent with arguments of type A.
type sentOf[A any] struct {
	sent
	request Request[A]
}

func (c *callOf[A]) request(o open, server string, from Caller) *sent {
	s := &sentOf[A]{request: Request[A]{c.def.name, server, from, o.n, c.args}}
	s.open, s.send.Message = o, topic.Refer(&s.request)
	return &s.sent
}

func (c *callOf[A]) arguments() any { return c.args }

// A savedCallOf is a call that can be saved.
type savedCallOf[A, R any] struct {
	callOf[A]
	then resultFunc
}

func (c *savedCallOf[A, R]) resume(reply topic.Message, err error) actions.Action {
	r, err := result[R](reply, err)
	return c.then(r, err)
}

// begin makes a call.
func begin(p pending, opts []Option) actions.Action {
	c := p.untyped()
	if len(opts) > 0 {
		d := *c.details
		for _, o := range opts {
			o(&d.opts)
		}
		d.opts.At = c.def.away(d.opts.At)
		c.details = &d
	}
	return &c.begin
}

// Update implements [actions.Updater]: it begins the call.
func (c *call) Update(state, value any, level int) (any, any, actions.Action) {
	v, _ := value.(*client)
	if err := c.opts.check(c.def.name); err != nil {
		return state, value, c.resume(topic.Message{}, err)
	}
	next, a := v.begin(c, level)
	return state, next, a
}
