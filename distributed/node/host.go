package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
)

// A Host is a node for ordinary Go code: a machine with all that it takes to start nodes, to
// run programs at places, and to call them. Its methods can be called from any goroutine. A
// place with a name and no node is on the node of the host.
//
// With a [Config].Journal, a host goes on after a crash or a stop with all that it wanted: it
// starts its nodes anew, and they run its places, from their beginnings. Its program makes the
// same calls again; those for what it wants already then return soon, perhaps before that is there
// again, so make the first calls of a place with [rpc.Patient]. Calls with a key (door.Key) have
// the result that they had.
type Host struct {
	config *Config
	door   *door.Door
	cancel context.CancelFunc
	calls  atomic.Uint64 // the number of the last call that wants something
	ended  chan struct{}
	err    error // of the ground, after ended
}

// Private returns the Config of a node on a realm of its own, which ends with this program:
// direct links on loopback, with a key that is made now, and that only the nodes that are
// started from here get credentials of. It panics if the name cannot be that of a node.
func Private(name string, programs ...Program) *Config {
	var key [32]byte
	_, _ = rand.Read(key[:]) // which never fails
	n, err := distributed.TLS(distributed.TLSConfig{Node: name, RealmKey: key[:]})
	if err != nil {
		panic(fmt.Sprintf("node: Private: %v", err))
	}
	return New(n, programs...)
}

// Start runs a node for the Go code that calls it. Its machine has drivers of places and of
// timers, a keeper, what starts nodes, a door, and the processes of boot. It runs until Close
// is called or ctx is done; then the nodes that were started from here end, too.
//
// Start panics if c is not as its fields demand. If the machine ends, all calls fail, and Close
// returns the reason: also if the journal cannot be opened.
func (c *Config) Start(ctx context.Context, boot ...actions.Action) *Host {
	ctx, cancel := context.WithCancel(ctx)
	h := &Host{config: c, door: door.New("node " + c.Network.Node()), cancel: cancel, ended: make(chan struct{})}
	h.calls.Store(mathrand.Uint64() >> 1) // other numbers than in an earlier life
	all, types := c.hosting(h.door, boot)
	go func() {
		defer close(h.ended)
		h.err = c.run(ctx, all, types)
		h.door.Close()
	}()
	return h
}

// hosting returns how the machine of a host begins, and the types of its processes.
func (c *Config) hosting(d *door.Door, boot []actions.Action) (actions.Action, []actions.Type) {
	all := actions.Group(timer.DriverOn(c.clock()), c.Driver(), c.Keep(), c.Launch(),
		stewards.Spawn(steward{}).Named("steward"), d.Driver(), actions.Group(boot...))
	return all, slices.Concat(c.Types(), door.Types(d), []actions.Type{stewards.Type})
}

// run runs the machine of a host.
func (c *Config) run(ctx context.Context, all actions.Action, types []actions.Type) (err error) {
	g := &ground.Ground{Stay: true}
	if c.Journal != nil {
		if g.Journal, err = c.Journal(types); err != nil {
			return fmt.Errorf("node: the journal of node %q: %w", c.Network.Node(), err)
		}
		if j, ok := g.Journal.(io.Closer); ok {
			defer func() { err = errors.Join(err, j.Close()) }()
		}
	}
	return g.Run(ctx, all)
}

// Node returns the name of the node.
func (h *Host) Node() string { return h.config.Network.Node() }

// Client returns the door of the host: calls with [rpc.Do] and [rpc.At] go to places through
// it, and package door says what else there is.
func (h *Host) Client() *door.Door { return h.door }

// Close ends the node, and those that were started from it, and waits for their ends. It
// returns the error with which the machine has ended, if there is one.
func (h *Host) Close() error {
	h.cancel()
	<-h.ended
	if errors.Is(h.err, context.Canceled) {
		return nil
	}
	return h.err
}

// Spawn starts a node, and waits until it can be reached. The host keeps it, as r says, until
// [Host.Exit] or its own end. If it cannot be reached, and the host has not had it before, or
// if the context ends before, the call has no effect, and the error says why. To spawn a node
// again in the same way does nothing while it runs, or is to be started again.
func (h *Host) Spawn(ctx context.Context, name string, l Launcher, r Restart) error {
	_, err := h.spawn(ctx, name, l, r)
	return err
}

// spawn reports also whether the host has not had the node before.
func (h *Host) spawn(ctx context.Context, name string, l Launcher, r Restart) (first bool, err error) {
	return h.hold(ctx, held{Node: name}, func(n uint64) (bool, error) {
		w, err := launched(name, l, r)
		if err != nil {
			return false, err
		}
		return rpc.Do(ctx, h.door, opSpawn, spawning{w, n})
	})
}

// hold wants something, with a call that has a number. If nobody waits for the end of the call
// any more, it is as if it had not been made.
func (h *Host) hold(ctx context.Context, w held, want func(n uint64) (bool, error)) (first bool, err error) {
	n := h.calls.Add(1)
	if first, err = want(n); err == nil {
		return first, nil
	}
	if errors.Is(err, door.ErrUncertain) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if done, _ := rpc.Do(ctx, h.door, opWithdraw, withdrawal{w, n}); done {
			return false, nil // just in time
		}
	}
	return false, fmt.Errorf("node: %v: %w", w, err)
}

// SpawnAll starts nodes side by side, by their names, and waits for all. If one fails, it
// ends those that it has started, and returns the errors.
func (h *Host) SpawnAll(ctx context.Context, nodes map[string]Launcher, r Restart) error {
	started, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		news []held
		errs []error
	)
	for name, l := range nodes {
		all.Go(func() {
			first, err := h.spawn(started, name, l, r)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case first:
				news = append(news, held{Node: name})
			case err != nil && (len(errs) == 0 || !errors.Is(err, context.Canceled)):
				errs = append(errs, err)
			}
			if err != nil {
				cancel()
			}
		})
	}
	all.Wait()
	if len(errs) == 0 {
		return nil
	}
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer end()
	for _, w := range news {
		if _, err := rpc.Do(ctx, h.door, opRelease, w); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// whole returns a place with its node: that of the host if it has none.
func (h *Host) whole(at distributed.Place) distributed.Place {
	if at.Node == "" && at != (distributed.Place{}) {
		at.Node = h.Node()
	}
	return at
}

// Run has a program run at a place, and waits until it does. The host wants it, as r says,
// until [Host.Release] or its own end. If it cannot be started, and the host has not had it
// before, or if the context ends before, the call has no effect, and the error says why. To
// run the same again does nothing while it runs, or is to be started again.
//
// Hosts that want the same program, arguments and r at a place share it: it runs until none of
// them wants it. If one of them wants something else, the first has the place, and Run of the
// other returns [ErrConflict]; it can be called again when the place is free.
func (h *Host) Run(ctx context.Context, at distributed.Place, s Spec, r Restart) error {
	at = h.whole(at)
	_, err := h.hold(ctx, held{Place: at}, func(n uint64) (bool, error) {
		return rpc.Do(ctx, h.door, opRun, running{N: n, Place: at, Spec: s, Restart: r})
	})
	return err
}

// Send sends a message to a place, as [distributed.Send] does. It returns when the machine of
// the host has the message. The message of a cast is that of [rpc.Tell]:
//
//	h.Send(ctx, at, rpc.Tell(Hello, "ann").Message.Value())
func (h *Host) Send(ctx context.Context, at distributed.Place, m any) error {
	if err := distributed.Check(m); err != nil {
		return fmt.Errorf("node: a message to %v: %w", held{Place: at}, err)
	}
	_, err := rpc.Do(ctx, h.door, opSend, sending{Place: h.whole(at), Message: m})
	return err
}

// Release says that the host does not want a place any more. It reports whether it did.
func (h *Host) Release(ctx context.Context, at distributed.Place) (bool, error) {
	return rpc.Do(ctx, h.door, opRelease, held{Place: h.whole(at)})
}

// Wait waits until a place has ended, or is out of reach. It returns the reason, which is nil
// if it has ended without one. If the place is not there, Wait waits until it has been, unless
// the host has run it, and it is not started again.
func (h *Host) Wait(ctx context.Context, at distributed.Place) error {
	_, err := rpc.Do(ctx, h.door, opWait, held{Place: h.whole(at)})
	return err
}

// WaitNode waits until the process of a node that was started from here has ended, and
// returns the reason.
func (h *Host) WaitNode(ctx context.Context, name string) error {
	_, err := rpc.Do(ctx, h.door, opWait, held{Node: name})
	return err
}

// Exit ends a node in good order. One that was started from here is not started again.
func (h *Host) Exit(ctx context.Context, name string) error {
	_, err := rpc.Do(ctx, h.door, opExit, held{Node: name})
	return err
}
