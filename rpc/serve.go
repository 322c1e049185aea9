package rpc

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Method serves an operation in a process with a state of type S.
type Method[S any] struct {
	id   methodID
	open actions.Action
}

// Serve returns a process that serves operations: it has state s, and opens [Methods].
func Serve[S any](s S, ms ...Method[S]) actions.Process { return actions.Next(s, Methods(ms...)) }

// Methods returns the action that opens the endpoints of methods, for a process that
// does other things as well. It panics if two methods serve the same requests of an
// operation: see [Only] and [Member].
func Methods[S any](ms ...Method[S]) actions.Action {
	t := make(actions.Tree, 0, len(ms))
	for i, m := range ms {
		if slices.ContainsFunc(ms[:i], func(n Method[S]) bool { return n.id == m.id }) {
			panic(fmt.Sprintf("rpc: two methods for the same requests of operation %q", m.id.op))
		}
		t = append(t, m.open)
	}
	return t
}

// Handle serves an operation with a function that returns the next state and the
// result. If it returns an error, the state stays as it was, and the call fails with
// the error, as [world.Reduce] reduces it. If it panics, the process ends, and the call
// fails with [ErrGone] and the reason.
func Handle[S, A, R any](op Op[A, R], f func(S, A) (S, R, error), opts ...ServeOption) Method[S] {
	return HandleLater(op, func(s S, r Ask[A, R]) actions.Transition[S] {
		next, result, err := f(s, r.Args)
		if err != nil {
			return actions.Next(s, r.Fail(err))
		}
		return actions.Next(next, r.Reply(result))
	}, opts...)
}

// HandleLater serves an operation with a function that need not answer at once: it can
// keep the [Ask] in the state, and reply later.
func HandleLater[S, A, R any](op Op[A, R], f func(S, Ask[A, R]) actions.Transition[S], opts ...ServeOption) Method[S] {
	d := op.of()
	o := serving{}
	for _, set := range opts {
		set(&o)
	}
	var (
		member  = topic.FieldOf(func(r *Request[A]) *string { return &r.Server })
		of      = topic.FieldOf(func(r *Reply[R]) *string { return &r.Op })
		request = requests[A](d.name, o.only).Where(member.Is(o.member))
		level   = o.level
	)
	serve := endpoint.Subscriber(request, endpoint.OnMessageState(func(s S, r Request[A]) actions.Transition[S] {
		return f(s, Ask[A, R]{r.Op, r.From, r.N, level, r.Args})
	}))
	reply := endpoint.Publisher(topic.Where(of.Is(d.name)))
	if o.gone != nil {
		to := topic.FieldOf(func(r *Reply[R]) *Caller { return &r.To })
		reply.Handler = o.gone(reflect.TypeFor[S](), func(conversation topic.Topic) (Caller, bool) {
			p, _ := topic.Typed[Reply[R]](conversation)
			return to.In(p)
		})
	}
	id := methodID{d.name, request.Topic().Canonical(), level}
	return Method[S]{id, actions.AtLevel(level, actions.Tree{serve.As(id), reply.As(repliesOf(id))})}
}

// requests returns the pattern of the requests of an operation whose arguments have
// what only pins.
func requests[A any](op string, only []topic.Constraint) topic.Pattern[Request[A]] {
	cs := []topic.Constraint{{Path: "Op", Value: op}}
	for _, c := range only {
		at := "Args." + c.Path
		if c.Path == "" {
			at = "Args"
		}
		cs = append(cs, topic.Constraint{Path: at, Value: c.Value, Glob: c.Glob})
	}
	t, err := topic.Build(reflect.TypeFor[Request[A]](), cs...)
	if err != nil {
		panic(fmt.Sprintf("rpc: Only of a method of %s: %v", op, err))
	}
	p, _ := topic.Typed[Request[A]](t)
	return p
}

// A methodID names the endpoint of a method.
type methodID struct {
	op    string
	topic string // of the requests
	level int
}

// repliesOf names the endpoint that says that a method replies.
type repliesOf methodID

// On serves a cast.
func On[S, A any](c Cast[A], f func(S, A) actions.Transition[S]) Method[S] {
	if c.name == "" {
		panic(fmt.Sprintf("rpc: the zero Cast[%v] is no operation: make one with rpc.DefineCast", reflect.TypeFor[A]()))
	}
	name := topic.FieldOf(func(n *Notice[A]) *string { return &n.Op })
	id := methodID{op: c.name}
	return Method[S]{id, endpoint.Subscriber(topic.Where(name.Is(c.name)), endpoint.OnMessageState(
		func(s S, n Notice[A]) actions.Transition[S] { return f(s, n.Args) })).As(id)}
}

// A ServeOption changes how a method serves its operation.
type ServeOption func(*serving)

type serving struct {
	member string
	level  int
	only   []topic.Constraint
	gone   func(state reflect.Type, caller callerIn) *actions.Handler
}

// A callerIn returns the caller to which the replies of a conversation go, and whether it
// is only one.
type callerIn func(conversation topic.Topic) (Caller, bool)

// Member makes the server a member of the queue group of its operation: each request
// goes to one of the members that are present, in turn, and to the next one if that
// one goes without an answer. So a request can be carried out twice, by two members.
// The name tells the members apart. Two servers of one name both get their requests.
//
// While an operation has members, servers of it that are no members get no requests.
// Member panics if the name is empty.
func Member(name string) ServeOption {
	if name == "" {
		panic("rpc: Member with an empty name: the name tells the members of a queue group apart")
	}
	return func(s *serving) { s.member = name }
}

// Only makes the method take those requests only whose arguments match a pattern. The
// arguments of the operation have type A.
//
//	rpc.Handle(Add, accounts.add, rpc.Only(topic.Where(Branch.Is("north"))))
func Only[A any](p topic.Pattern[A]) ServeOption {
	return func(s *serving) { s.only = p.Topic().Constraints() }
}

// Outside makes the method serve callers that are some levels further out: 1 is the
// machine around that of the server. It panics if level is negative.
func Outside(level int) ServeOption {
	if level < 0 {
		panic(fmt.Sprintf("rpc: Outside(%d): a level is not negative", level))
	}
	return func(s *serving) { s.level = level }
}

// OnGone calls f when a caller that has called the operation has gone, so that the
// server can drop what it has from that caller: see [Ask.From].
func OnGone[S any](f func(s S, c Caller) actions.Transition[S]) ServeOption {
	return func(o *serving) {
		o.gone = func(state reflect.Type, caller callerIn) *actions.Handler {
			if want := reflect.TypeFor[S](); want != state {
				panic(fmt.Sprintf("rpc: OnGone for state %v of a method for state %v", want, state))
			}
			return &actions.Handler{State: state, Events: actions.EventsOf(actions.Absence) | actions.IgnoresReason, Run: func(s any, ev *actions.Event) (any, actions.Action) {
				from, ok := caller(ev.Peer.Topic)
				if !ok {
					return s, nil
				}
				own, _ := s.(S)
				return f(own, from).Erase()
			}}
		}
	}
}

// An Ask is a request that a server has not answered yet. It is plain data, so that it
// can be kept in the state and saved with it.
type Ask[A, R any] struct {
	Op    string // the name of the operation
	From  Caller
	N     uint64 // the number of the call among those of the caller
	Level int    // how many levels further out the caller is: see [Outside]
	Args  A
}

// Reply answers the request. The first answer counts; a later one becomes a [Stray].
func (a Ask[A, R]) Reply(r R) actions.Action {
	return actions.AtLevel(a.Level, actions.Send(Reply[R]{Op: a.Op, To: a.From, N: a.N, Result: r}))
}

// Fail makes the call fail with an error, as [world.Reduce] reduces it, so that
// errors.Is recognises errors that are registered. Fail panics if the error is nil.
func (a Ask[A, R]) Fail(err error) actions.Action {
	e, ok := world.Reduce(err).(*world.Error)
	if !ok {
		panic("rpc: Ask.Fail with a nil error: use Ask.Reply")
	}
	return actions.AtLevel(a.Level, actions.Send(Reply[R]{Op: a.Op, To: a.From, N: a.N, Err: e}))
}
