package door

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

var _ rpc.Machine = (*Door)(nil)

// CallNamed implements [rpc.Machine]; use [rpc.Do], which knows the types. The process of
// the door makes the call, and CallNamed waits for the answer.
//
// A call that cannot be made is refused at once, as [Door.Send] refuses values. CallNamed
// does not wait longer than ctx allows, but the machine then carries out a call that it
// has, and the error wraps [ErrUncertain]. If a server may never answer, use
// [rpc.Within], which ends the call in the machine as well.
//
// The result may be in the state of a process, so neither it nor anything that it points
// to may be changed.
//
// Errors wrap those of [rpc.Call], [ErrClosed], or the error of ctx. [errors.Is]
// recognises an error of the server if its kind is registered: see
// [world.RegisterErrorKind].
func (d *Door) CallNamed(ctx context.Context, op string, args any, opts rpc.Options) (any, error) {
	err := rpc.CheckCall(op, args, opts)
	if err != nil {
		return nil, fmt.Errorf("door %v: %w", d, err)
	}
	size, err := sizeOf(args)
	if err == nil && len(opts.Key) > maxKey {
		err = fmt.Errorf("the key has %d bytes, and may have %d", len(opts.Key), maxKey)
	}
	if err != nil {
		return nil, fmt.Errorf("door %v: a call of %s with a %T: %w", d, op, args, err)
	}
	if opts.At != nil {
		more, err := sizeOf(opts.At)
		if err != nil {
			return nil, fmt.Errorf("door %v: a call of %s at a %T: %w", d, op, opts.At, err)
		}
		size += more
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("door %v: %w", d, context.Cause(ctx))
	}
	c := call{N: d.lastCall.Add(1), Op: op, Args: args, Options: opts}
	if opts.Key != "" {
		// The sum is in journals, so it does not depend on the contents of sealed values.
		data, _ := codec.Veiled.Append(nil, args) // as sizeOf has done
		if opts.At != nil {
			data, _ = codec.Veiled.Append(data, opts.At)
		}
		c.Sum, c.At = sha256.Sum256(data), d.clock.Now().UnixMilli()
	}
	return d.await(ctx, c, size+len(op)+maxKey)
}

// maxKey is how many bytes a key may have.
const maxKey = 1024

// A callTag says who waits for the answer to a call.
type callTag struct {
	Opening uint64 // of the device
	N       uint64
	Key     string
}

func init() { world.Register[callTag]("door.callTag") }

// answered continues a keeper with the answer to a call.
var answered = rpc.DefineThen("door.answered", (*keeper).answered)

// make makes the call.
func (c call) make(t callTag) actions.Action {
	if c.Options == (rpc.Options{}) {
		return rpc.CallNamed(c.Op, c.Args, answered, t)
	}
	return rpc.CallNamed(c.Op, c.Args, answered, t, rpc.With(c.Options))
}

// call does what a call asks for.
func (k *keeper) call(c call) (*keeper, actions.Action) {
	if c.Options.Key != "" {
		return k.callWithKey(c)
	}
	return k, c.make(callTag{k.opening, c.N, ""})
}

// answered tells the device the answer to a call, unless the call came from an earlier
// opening.
func (k *keeper) answered(t callTag, result any, err error) step {
	switch {
	case t.Key != "":
		return k.answeredKey(t.Key, result, err)
	case t.Opening != k.opening:
		return actions.Next(k)
	}
	return step{State: k, Actions: actions.Tell(k.self, answer{t.N, result, err})}
}
