package rpc_test

import (
	"reflect"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A far is a destination for tests. What happens there happens in the same machine, in
// messages of type carried. A test is its driver: it publishes a link while far is within
// reach, and the actions of [far.do] happen there. The far without a name is here.
type far struct{ Name string }

// A carried is a message that is sent at a far.
type carried[M any] struct {
	Far string
	M   M
}

// A link is what a far says about itself and the callers of an operation.
type link struct {
	Far string
	Op  string
	Err *world.Error
}

func (l link) Unreachable() error {
	if l.Err == nil {
		return nil
	}
	return l.Err
}

func init() {
	world.Register[far]("rpc_test.far")
	world.Register[link]("rpc_test.link")
}

var (
	linkFar = topic.FieldOf(func(l *link) *string { return &l.Far })
	linkOp  = topic.FieldOf(func(l *link) *string { return &l.Op })
)

// A carrier carries messages of one type.
type carrier struct {
	typ   reflect.Type // of carried
	carry func(far string, m topic.Message) topic.Message
	bring func(m topic.Message) topic.Message
}

// carriers are the carriers for messages, by their types.
var carriers = map[reflect.Type]carrier{}

func carries[M any]() {
	carriers[reflect.TypeFor[M]()] = carrier{
		reflect.TypeFor[carried[M]](),
		func(far string, m topic.Message) topic.Message {
			v, _ := topic.As[M](m)
			return topic.MessageOf(carried[M]{far, v})
		},
		func(m topic.Message) topic.Message {
			c, _ := topic.As[carried[M]](m)
			return topic.MessageOf(c.M)
		},
	}
}

func init() {
	carries[rpc.Request[Change]]()
	carries[rpc.Reply[int]]()
	carries[rpc.Notice[string]]()
	carries[rpc.Stray]()
}

func (f far) At(e actions.AddEndpoint) actions.AddEndpoint {
	if f.Name == "" {
		return e
	}
	c := carriers[e.Role.Topic.MessageType()]
	pins := []topic.Constraint{{Path: "Far", Value: f.Name}}
	for _, p := range e.Role.Topic.Constraints() {
		pins = append(pins, topic.Constraint{Path: "M." + p.Path, Value: p.Value, Glob: p.Glob})
	}
	inner := e.Role.Topic.MessageType()
	e.Role.Topic = must(topic.Build(c.typ, pins...))
	if e.Handler == nil {
		return e
	}
	h := *e.Handler
	h.Run = func(state any, ev *actions.Event) (any, actions.Action) {
		event := *ev
		if ev.Kind == actions.Delivery {
			event.Message = c.bring(ev.Message)
		} else {
			var pins []topic.Constraint
			for _, p := range ev.Peer.Topic.Constraints() {
				if path, ok := strings.CutPrefix(p.Path, "M."); ok {
					pins = append(pins, topic.Constraint{Path: path, Value: p.Value, Glob: p.Glob})
				}
			}
			event.Peer.Topic = must(topic.Build(inner, pins...))
		}
		return e.Handler.Run(state, &event)
	}
	moved := e
	moved.Handler = &h
	return moved
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (f far) Forward(m topic.Message, sender topic.Orientation) *actions.SendMessage {
	if f.Name != "" {
		m = carriers[m.Type()].carry(f.Name, m)
	}
	return actions.Forward(m, sender)
}

func (f far) Settled(r topic.Role, h *actions.Handler) (actions.AddEndpoint, bool) {
	if f.Name == "" {
		return actions.AddEndpoint{}, false
	}
	op := ""
	for _, p := range r.Topic.Constraints() {
		if p.Path == "Op" {
			op = p.Value.(string)
		}
	}
	e := endpoint.Subscriber(topic.Where(linkFar.Is(f.Name), linkOp.Is(op)))
	e.Handler = h
	return e, true
}

// says is the topic of what f says about all its callers.
func (f far) says() topic.Pattern[link] { return topic.Where(linkFar.Is(f.Name)) }

// do returns a, so that it happens at f: endpoints are opened there, and what their
// handlers send is sent there.
func (f far) do(a actions.Action) actions.Action {
	if f.Name == "" {
		return a
	}
	switch a := a.(type) {
	case actions.Tree:
		var all actions.Tree
		for _, b := range a {
			all = append(all, f.do(b))
		}
		return all
	case *actions.SendMessage:
		if _, ok := carriers[a.Message.Type()]; ok {
			return f.Forward(a.Message, a.Orientation)
		}
		return a
	case actions.AddEndpoint:
		if a.Handler != nil {
			h := *a.Handler
			h.Run = func(state any, ev *actions.Event) (any, actions.Action) {
				next, as := a.Handler.Run(state, ev)
				return next, f.do(as)
			}
			b := a
			b.Handler = &h
			return f.At(b)
		}
		return f.At(a)
	}
	return a
}

// A farBank is a bank at a far.
type farBank struct {
	accounts
	At   far
	Gone []rpc.Caller
}

func (b farBank) open() actions.Action {
	methods := rpc.Methods(rpc.Handle(Add, func(b farBank, c Change) (farBank, int, error) {
		next, r, err := b.add(c)
		b.accounts = next
		return b, r, err
	}, rpc.OnGone(func(b farBank, c rpc.Caller) actions.Transition[farBank] {
		return actions.Next(b, actions.Send(Answer{"gone from " + b.At.Name, 0, ""}))
	})), rpc.On(Note, func(b farBank, s string) actions.Transition[farBank] {
		return actions.Next(b, actions.Send(Answer{s + " at " + b.At.Name, 0, ""}))
	}))
	return actions.Tree{b.At.do(methods), endpoint.Subscriber(topic.Where(linkFar.Is("crash "+b.At.Name)), endpoint.OnMessage(func(link) actions.Action {
		return actions.Fail(errOverdrawn)
	}))}
}

var farBanks = actions.Define("rpc_test.farBank", farBank.open)

// crash makes the banks at f fail.
func (f far) crash() actions.Action { return actions.Send(link{Far: "crash " + f.Name}) }

// A farLater is a bank at a far that answers when it is told to.
type farLater struct {
	At   far
	Asks []rpc.Ask[Change, int]
}

func (l farLater) open() actions.Action {
	return actions.Tree{l.At.do(rpc.Methods(rpc.HandleLater(Add, func(l farLater, a rpc.Ask[Change, int]) actions.Transition[farLater] {
		l.Asks = append(l.Asks[:len(l.Asks):len(l.Asks)], a)
		return actions.Next(l)
	}))), endpoint.Subscriber(topic.All[Order](), endpoint.OnMessageState(func(l farLater, o Order) actions.Transition[farLater] {
		var as actions.Tree
		for _, a := range l.Asks {
			as = append(as, l.At.do(a.Reply(o.Change.Amount)))
		}
		return actions.Next(farLater{At: l.At}, as)
	}))}
}

var farLaters = actions.Define("rpc_test.farLater", farLater.open)
