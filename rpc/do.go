package rpc

import (
	"context"
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Machine is a running machine, for Go code that is no process. A *door.Door is one.
type Machine interface {
	// CallNamed calls the operation with a name, and waits for the answer, or for the
	// end of ctx.
	CallNamed(ctx context.Context, op string, args any, opts Options) (result any, err error)
}

// Do calls an operation in a machine from ordinary Go code, and waits for the answer or
// for the end of ctx. Any number of goroutines may call it. The errors are those of
// [Call] and of the machine: see package door.
func Do[A, R any](ctx context.Context, m Machine, op Op[A, R], a A, opts ...Option) (r R, err error) {
	result, err := m.CallNamed(ctx, op.of().name, a, optionsOf(opts))
	if err != nil {
		return r, err
	}
	r, ok := result.(R)
	if !ok && (result != nil || reflect.TypeFor[R]().Kind() != reflect.Interface) {
		return r, fmt.Errorf("rpc: the result of %s is a %T, not a %v", op, result, reflect.TypeFor[R]())
	}
	return r, nil
}

func optionsOf(opts []Option) Options {
	if len(opts) == 0 {
		return Options{} // the one below escapes
	}
	var o Options
	for _, set := range opts {
		set(&o)
	}
	return o
}

// CheckCall returns the error with which [CallNamed] would fail before anything is sent:
// [ErrUnknown], [ErrType], or [context.DeadlineExceeded] if opts has a deadline that is
// over. It also returns an error if the type of the destination is not registered, or the
// destination refuses the request or endpoints for the replies. A Machine uses it to refuse
// a call before the call is an input.
func CheckCall(op string, args any, opts Options) error {
	d, ok := named(op)
	if !ok {
		return fmt.Errorf("%w: %q", ErrUnknown, op)
	}
	if err := d.takes(args); err != nil {
		return err
	}
	if opts.At != nil {
		if t := reflect.TypeOf(opts.At); !registered(t) {
			return fmt.Errorf("rpc: the destination of a call of %s is a %v, which is not registered; use world.Register", op, t)
		}
	}
	if err := opts.check(op); err != nil {
		return err
	}
	return d.checkAt(opts.At, args)
}

// checkAt returns the error with which a destination refuses a call: its methods panic then.
func (d *definition) checkAt(to Destination, args any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			cause, ok := r.(error)
			if !ok {
				cause = fmt.Errorf("%v", r)
			}
			err = fmt.Errorf("rpc: a call of %s at a %T: %w", d.name, to, cause)
		}
	}()
	if there := d.away(to); there != nil {
		d.replies(Caller{}, there)
		there.Forward(d.request(args), topic.Publisher)
	}
	return nil
}

func registered(t reflect.Type) bool {
	_, ok := world.NameOf(t)
	return ok
}

// check returns an error if the deadline of a call is over before it begins, or its
// destination cannot be compared.
func (o Options) check(op string) error {
	if o.At != nil {
		if err := checkDestination(o.At); err != nil {
			return err
		}
	}
	if o.Limited && o.Within <= 0 {
		return fmt.Errorf("rpc: the deadline of a call of %s is over before it begins (Within(%v)): %w", op, o.Within, context.DeadlineExceeded)
	}
	return nil
}
