package rpc

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Then is a continuation of calls that has a name: see [DefineThen].
type Then[S, T, R any] struct {
	name string
	run  func(S, T, R, error) actions.Transition[S]
}

// thens restores continuations by their names.
var thens sync.Map // of func(tag any) (resultFunc, error)

// A resultFunc continues a process with an answer.
type resultFunc func(result any, err error) actions.Action

// DefineThen declares a continuation for calls of processes with a state of type S. A
// machine with a call that has no answer yet can be saved only if the call continues
// with such a function ([CallThen]): the name, and the tag of the call, are saved. The
// tag is what a function literal would capture.
//
//	var added = rpc.DefineThen("chat.session.added", session.added) // func(session, string, int, error) actions.Transition[session]
//
// The name must never change, and is unique in the program. DefineThen panics if it is
// empty or taken, if run is nil, or if values of T cannot be encoded.
func DefineThen[S, T, R any](name string, run func(S, T, R, error) actions.Transition[S]) Then[S, T, R] {
	checkType("DefineThen", name, "tag", reflect.TypeFor[T]())
	if run == nil {
		panic(fmt.Sprintf("rpc: DefineThen(%q) with a nil function", name))
	}
	k := Then[S, T, R]{name, run}
	restore := func(tag any) (resultFunc, error) {
		t, ok := tag.(T)
		if !ok && (tag != nil || reflect.TypeFor[T]().Kind() != reflect.Interface) {
			return nil, fmt.Errorf("rpc: continuation %q takes a tag of type %v, not %T", name, reflect.TypeFor[T](), tag)
		}
		return func(result any, err error) actions.Action {
			r, _ := result.(R)
			return k.resume(t, r, err)
		}, nil
	}
	if _, taken := thens.LoadOrStore(name, restore); taken {
		panic(fmt.Sprintf("rpc: two continuations have the name %q", name))
	}
	return k
}

func (k Then[S, T, R]) resume(tag T, result R, err error) actions.Action {
	r := &taggedResumption[S, T, R]{then: k.run, tag: tag, result: result, err: err}
	r.action = actions.UpdateLocal{Local: clients.Type(), State: reflect.TypeFor[S](), Update: r}
	return &r.action
}

// A taggedResumption is a [resumption] whose function also gets a tag.
type taggedResumption[S, T, R any] struct {
	action actions.UpdateLocal
	then   func(S, T, R, error) actions.Transition[S]
	tag    T
	result R
	err    error
}

func (r *taggedResumption[S, T, R]) Update(state, value any, _ int) (any, any, actions.Action) {
	s, _ := state.(S)
	next, a := r.then(s, r.tag, r.result, r.err).Erase()
	return next, value, a
}

// CallThen is [CallState] with a continuation that has a name, which also gets the tag.
func CallThen[S, T, A, R any](op Op[A, R], a A, then Then[S, T, R], tag T, opts ...Option) actions.Action {
	c := &savedCallOf[A, R]{then: func(r any, err error) actions.Action {
		result, _ := r.(R)
		return then.resume(tag, result, err)
	}}
	c.init(op.of(), a, c)
	c.details = savedDetails(Options{}, then.name, tag)
	return begin(c, opts)
}

// CallNamed calls the operation with a name, for code that learns the name from
// elsewhere. It is [CallThen] with that operation. If the program does not define it, the
// call fails with [ErrUnknown], and with [ErrType] if it takes another type of argument.
func CallNamed[S, T any](op string, args any, then Then[S, T, any], tag T, opts ...Option) actions.Action {
	resume := func(result any, err error) actions.Action { return then.resume(tag, result, err) }
	d, ok := named(op)
	if !ok {
		return resume(nil, fmt.Errorf("%w: %q", ErrUnknown, op))
	}
	p, err := d.call(args, resume)
	if err != nil {
		return resume(nil, err)
	}
	p.untyped().details = savedDetails(Options{}, then.name, tag)
	return begin(p, opts)
}

// saved says how a call is saved.
type saved struct {
	then string // the name of the continuation
	tag  any
}

// savedDetails returns the details of a call that can be saved.
func savedDetails(opts Options, then string, tag any) *details {
	both := &struct {
		details
		saved
	}{details{opts: opts}, saved{then, tag}}
	both.details.saved = &both.saved
	return &both.details
}

// These types are a client as it is saved.
type (
	savedClient struct {
		Level      int
		ID         Caller
		Last       uint64
		Operations []savedOperation
		Open       []savedCall
	}

	savedOperation struct {
		Name    string
		At      Destination
		Seen    bool
		Down    *world.Error
		Servers []savedServer
		Waiting []savedCall
	}

	savedServer struct {
		Peer actions.PeerID
		Pins []savedPin // of the conversation
	}

	savedPin struct {
		Path  string
		Value any
		Glob  string
	}

	savedCall struct {
		Op      string
		Args    any
		Then    string
		Tag     any
		N       uint64
		Options Options
		Timed   bool
		Member  string
		Holders []actions.PeerID
	}
)

func init() {
	t := clients.Type()
	t.Encode = func(value any) ([]byte, error) {
		s, err := value.(*client).save()
		if err != nil {
			return nil, err
		}
		return codec.AppendValue(nil, s)
	}
	t.Decode = func(data []byte) (any, error) {
		s, rest, err := codec.DecodeValue(data, reflect.TypeFor[savedClient]())
		if err != nil {
			return nil, err
		}
		if len(rest) > 0 {
			return nil, fmt.Errorf("rpc: %d bytes follow the calls of a process", len(rest))
		}
		return s.(savedClient).restore()
	}
}

func (v *client) save() (savedClient, error) {
	s := savedClient{Level: v.level, ID: v.id, Last: v.last}
	var err error
	for _, o := range v.ops {
		p := savedOperation{Name: o.def.name, At: o.at, Seen: o.seen}
		p.Down, _ = world.Reduce(o.down).(*world.Error)
		for _, r := range o.servers {
			q := savedServer{Peer: r.peer}
			for _, c := range r.conversation.Constraints() {
				q.Pins = append(q.Pins, savedPin{c.Path, c.Value, c.Glob})
			}
			p.Servers = append(p.Servers, q)
		}
		if p.Waiting, err = saveCalls(o.waiting); err != nil {
			return s, err
		}
		s.Operations = append(s.Operations, p)
	}
	var open []*open
	for c := range v.open.all {
		open = append(open, c)
	}
	s.Open, err = saveCalls(open)
	return s, err
}

func saveCalls(calls []*open) (all []savedCall, err error) {
	for _, c := range calls {
		if c.saved == nil {
			return nil, fmt.Errorf("rpc: a call of %s has no answer yet, and it continues with a function that has no name: use rpc.CallThen for calls that must be saved", c.def.name)
		}
		d := savedCall{Op: c.def.name, Args: c.arguments(), Then: c.saved.then, Tag: c.saved.tag, N: c.n, Options: c.opts, Timed: c.timed}
		if c.to != nil {
			d.Member, d.Holders = c.to.member, c.to.peers
		}
		all = append(all, d)
	}
	return all, nil
}

func (s savedClient) restore() (*client, error) {
	v := &client{standing: &standing{level: s.Level, id: s.ID}, last: s.Last}
	for _, p := range s.Operations {
		d, ok := named(p.Name)
		if err := checkDestination(p.At); err != nil {
			return nil, err
		}
		if !ok || v.operation(d, p.At) != nil {
			return nil, fmt.Errorf("%w, or it is there twice: %q", ErrUnknown, p.Name)
		}
		servers := make([]server, 0, len(p.Servers))
		for _, r := range p.Servers {
			var pins []topic.Constraint
			for _, p := range r.Pins {
				pins = append(pins, topic.Constraint{Path: p.Path, Value: p.Value, Glob: p.Glob})
			}
			conversation, err := topic.Build(d.message, pins...)
			if err != nil {
				return nil, fmt.Errorf("rpc: a server of %q: %w", p.Name, err)
			}
			servers = append(servers, server{r.Peer, conversation, d.member(conversation)})
		}
		o := (&operation{def: d, at: p.At, seen: p.Seen}).serve(servers)
		if p.Down != nil {
			o.down = p.Down
		}
		for _, c := range p.Waiting {
			w, err := c.restore()
			if err != nil {
				return nil, err
			}
			o.waiting = append(o.waiting, w)
		}
		v.standing.ops = append(v.ops, o)
	}
	for _, c := range s.Open {
		w, err := c.restore()
		if err != nil {
			return nil, err
		}
		v.open = v.open.with(w)
	}
	return v, nil
}

func (s savedCall) restore() (*open, error) {
	d, ok := named(s.Op)
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrUnknown, s.Op)
	}
	k, ok := thens.Load(s.Then)
	if !ok {
		return nil, fmt.Errorf("rpc: the program does not define continuation %q", s.Then)
	}
	then, err := k.(func(any) (resultFunc, error))(s.Tag)
	if err != nil {
		return nil, err
	}
	p, err := d.call(s.Args, then)
	if err != nil {
		return nil, err
	}
	c := p.untyped()
	c.details = savedDetails(s.Options, s.Then, s.Tag)
	o := &open{call: c, n: s.N, timed: s.Timed}
	if len(s.Holders) > 0 {
		o.to = &recipients{s.Member, s.Holders}
	}
	return o, nil
}
