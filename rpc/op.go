package rpc

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// An Op is an operation: a name, the type of its argument and the type of its result.
// [Define] makes one. The zero Op is none.
type Op[A, R any] struct{ def *definition }

// A Cast is an operation without a result: see [DefineCast]. The zero Cast is none.
type Cast[A any] struct{ name string }

// A definition is an operation whose types are forgotten.
type definition struct {
	name    string
	args    reflect.Type
	message reflect.Type // of requests
	role    topic.Role   // of the endpoint that sees those that serve the operation

	replies func(id Caller, at Destination) actions.AddEndpoint // gets the replies
	number  func(reply topic.Message) uint64                    // of the call that a reply answers
	member  func(conversation topic.Topic) string               // the member that a server is
	takes   func(args any) error                                // whether args are of the type of the arguments
	request func(args any) topic.Message                        // a request with args
	call    func(args any, then resultFunc) (pending, error)
}

var ops = struct {
	sync.Mutex
	byName map[string]*definition
	casts  map[string]reflect.Type
}{byName: map[string]*definition{}, casts: map[string]reflect.Type{}}

// Define declares an operation. Its name identifies it in journals and at other
// places, so it must never change, and is unique in the program. Begin it with the name
// of the package, as in "bank.add". Use a package variable:
//
//	var Add = rpc.Define[Change, int]("bank.add")
//
// Define panics if the name is empty or taken, or if values of A or R cannot be encoded,
// because such a call could neither be saved nor cross a border. Register A and R with
// [world.Register], unless they are predeclared types: a program with a journal does not
// start without. The messages of calls are then registered as well, under names such as
// "rpc.Request[bank.Change]" and "rpc.Reply[int]", so that they can cross a border.
func Define[A, R any](name string) Op[A, R] {
	d := define[A, R](name)
	ops.Lock()
	defer ops.Unlock()
	free(name)
	ops.byName[name] = d
	return Op[A, R]{d}
}

// free panics if a name is taken.
func free(name string) {
	_, op := ops.byName[name]
	_, cast := ops.casts[name]
	if op || cast {
		panic(fmt.Sprintf("rpc: two operations have the name %q", name))
	}
}

// checkType panics if values of type t cannot be encoded.
func checkType(what, name, role string, t reflect.Type) {
	if name == "" {
		panic(fmt.Sprintf("rpc: %s with an empty name: give the operation a name such as \"bank.add\"", what))
	}
	if err := codec.Check(t); err != nil {
		panic(fmt.Sprintf("rpc: %s(%q): the type of the %s cannot be encoded: %v", what, name, role, err))
	}
	world.RequireRegistered(t, fmt.Sprintf("the %s of operation %q", role, name))
}

func define[A, R any](name string) *definition {
	at, rt := reflect.TypeFor[A](), reflect.TypeFor[R]()
	checkType("Define", name, "argument", at)
	checkType("Define", name, "result", rt)
	world.RegisterInstance[Request[A], A]("rpc.Request")
	world.RegisterInstance[Reply[R], R]("rpc.Reply")
	var (
		op     = topic.FieldOf(func(r *Request[A]) *string { return &r.Op })
		server = topic.FieldOf(func(r *Request[A]) *string { return &r.Server })
		of     = topic.FieldOf(func(r *Reply[R]) *string { return &r.Op })
		to     = topic.FieldOf(func(r *Reply[R]) *Caller { return &r.To })
	)
	d := &definition{name: name, args: at, message: reflect.TypeFor[Request[A]]()}
	d.role = endpoint.Publisher(topic.Where(op.Is(name))).Role
	d.replies = func(id Caller, there Destination) actions.AddEndpoint {
		e := endpoint.Subscriber(topic.Where(of.Is(name), to.Is(id))).As(endpointID{name, "replies", there})
		e.Handler, e.Passive = hearReplies(d, there), true
		return endpointAt(there, e)
	}
	d.number = func(m topic.Message) uint64 {
		if r, ok := m.Ref().(*Reply[R]); ok {
			return r.N
		}
		return 0
	}
	d.takes = func(args any) error {
		if _, ok := args.(A); !ok && (args != nil || at.Kind() != reflect.Interface) {
			return fmt.Errorf("%w: %s takes %v, not %T", ErrType, name, at, args)
		}
		return nil
	}
	d.request = func(args any) topic.Message {
		a, _ := args.(A)
		return actions.Send(Request[A]{Op: name, Args: a}).Message
	}
	d.call = func(args any, then resultFunc) (pending, error) {
		if err := d.takes(args); err != nil {
			return nil, err
		}
		a, _ := args.(A)
		c := &savedCallOf[A, R]{then: then}
		c.init(d, a, c)
		return c, nil
	}
	d.member = func(t topic.Topic) string {
		p, _ := topic.Typed[Request[A]](t)
		m, _ := server.In(p)
		return m
	}
	return d
}

// DefineCast declares an operation without a result. It panics like [Define].
func DefineCast[A any](name string) Cast[A] {
	t := reflect.TypeFor[A]()
	checkType("DefineCast", name, "argument", t)
	world.RegisterInstance[Notice[A], A]("rpc.Notice")
	ops.Lock()
	defer ops.Unlock()
	free(name)
	ops.casts[name] = t
	return Cast[A]{name}
}

// Name returns the name of the operation, and "" for the zero Op.
func (op Op[A, R]) Name() string {
	if op.def == nil {
		return ""
	}
	return op.def.name
}

// String returns the name of the operation.
func (op Op[A, R]) String() string { return op.Name() }

// Name returns the name of the operation, and "" for the zero Cast.
func (c Cast[A]) Name() string { return c.name }

// String returns the name of the operation.
func (c Cast[A]) String() string { return c.name }

// of returns the definition of op, and panics if it is the zero Op.
func (op Op[A, R]) of() *definition {
	if op.def == nil {
		panic(fmt.Sprintf("rpc: the zero Op[%v, %v] is no operation: make one with rpc.Define", reflect.TypeFor[A](), reflect.TypeFor[R]()))
	}
	return op.def
}

// named returns the operation with a name.
func named(name string) (*definition, bool) {
	ops.Lock()
	defer ops.Unlock()
	d, ok := ops.byName[name]
	return d, ok
}
