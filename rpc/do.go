package rpc

import (
	"context"
	"fmt"
	"reflect"
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
	var o Options
	for _, set := range opts {
		set(&o)
	}
	result, err := m.CallNamed(ctx, op.of().name, a, o)
	if err != nil {
		return r, err
	}
	r, ok := result.(R)
	if !ok && (result != nil || reflect.TypeFor[R]().Kind() != reflect.Interface) {
		return r, fmt.Errorf("rpc: the result of %s is a %T, not a %v", op, result, reflect.TypeFor[R]())
	}
	return r, nil
}
