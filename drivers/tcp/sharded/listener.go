package sharded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/internal/sockopt"
	"github.com/go-marketplace/marketplace/drivers/tcp"
)

// A Listener distributes the connections that come in at one address to several
// machines. Its methods may be called from any goroutine.
type Listener struct {
	config     Config // with its defaults
	socket     net.Listener
	boot       func(Worker) actions.Process
	ctx        context.Context // of all machines
	cancel     context.CancelFunc
	workers    []*worker
	queues     *queues
	goroutines sync.WaitGroup // except those of machines

	machines machines

	once     sync.Once
	stopping chan struct{} // closed when the Listener begins to stop
	cause    func() error  // says why it stops; nil if Close was called
	done     chan struct{} // closed when everything has ended
	err      error         // what Err returns; read only after done is closed
}

// Listen listens at an address: host:port with a number for the port, or :port for
// all interfaces; with port 0 the system chooses one. With Config.Listener the address
// is empty. Listen starts a machine for each worker, on a ground of its own, whose
// first process is what boot returns. The Listener calls boot again for each machine
// that it starts later, in place of one that has died. Listen returns when all workers
// have booted.
//
// If a worker fails to boot, or takes too long, or ctx is done, Listen returns an
// error, with a [*WorkerError] for each worker that has failed. By then the machines
// have ended, and the address is free. If a machine does not end within
// Config.DrainLimit, the error names it, and it runs on. Once Listen has returned
// without an error, ctx has no effect any more.
//
// Listen also returns an error if the Config or the address is wrong, or if it cannot
// listen there.
func (c Config) Listen(ctx context.Context, address string, boot func(Worker) actions.Process) (*Listener, error) {
	given := c.Listener
	c, err := c.withDefaults()
	if err == nil && boot == nil {
		err = errors.New("sharded: Listen with a nil function: give it one that returns the first process of a machine")
	}
	var at tcp.Addr
	if err == nil {
		at, err = c.address(address)
	}
	if err != nil {
		if given != nil {
			_ = given.Close() // Listen has taken it over
		}
		return nil, err
	}
	socket, err := c.open(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("sharded: cannot listen at %s: %w", address, err)
	}
	l := newListener(ctx, c, socket, at, boot)
	if err := l.start(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// address returns the address at which to listen.
func (c Config) address(text string) (tcp.Addr, error) {
	if c.Listener == nil {
		at, err := tcp.ParseListener(text)
		if err != nil {
			err = fmt.Errorf("sharded: %w", err)
		}
		return at, err
	}
	if text != "" {
		return tcp.Addr{}, fmt.Errorf("sharded: Listen at %q with a Config.Listener, which listens at %v already: use an empty address", text, c.Listener.Addr())
	}
	addr := inet.Of(c.Listener.Addr())
	return tcp.Listener(addr.Host(), addr.Port()), nil
}

// open returns the socket.
func (c Config) open(ctx context.Context, at tcp.Addr) (net.Listener, error) {
	if c.Listener != nil {
		return c.Listener, nil
	}
	return sockopt.Options{NoReuse: c.NoReuse}.Listen(ctx, c.Network, at.HostPort())
}

func newListener(ctx context.Context, c Config, socket net.Listener, at tcp.Addr, boot func(Worker) actions.Process) *Listener {
	l := &Listener{
		config:   c,
		socket:   socket,
		boot:     boot,
		queues:   newQueues(c.Workers, c.Backlog),
		stopping: make(chan struct{}),
		done:     make(chan struct{}),
	}
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if c.Listener == nil {
		at = tcp.Listener(at.Host(), inet.Of(socket.Addr()).Port()) // the port may have been 0
	}
	for id := range c.Workers {
		l.workers = append(l.workers, newWorker(l, id, at))
	}
	return l
}

// start boots the workers, and then begins to deal connections. If a worker fails to
// boot, start ends everything.
func (l *Listener) start(ctx context.Context) error {
	limit, stop := l.after(l.config.BootLimit)
	defer stop()
	abandoned := make(chan struct{})
	failures := make(chan error)
	running := make([]*machine, len(l.workers))
	for i, w := range l.workers {
		running[i] = w.run()
		go func() { failures <- running[i].await(limit, abandoned) }()
	}
	var errs []error
	abandon := sync.OnceFunc(func() { close(abandoned) })
	done := ctx.Done()
	for waiting := len(running); waiting > 0; {
		select {
		case <-done:
			done = nil
			errs = append(errs, fmt.Errorf("sharded: the workers have not booted: %w", context.Cause(ctx)))
			abandon()
		case err := <-failures:
			waiting--
			if err != nil {
				abandon()
			}
			if err != nil && err != errAbandoned {
				errs = append(errs, err)
			}
		}
	}
	if len(errs) > 0 {
		slices.SortStableFunc(errs, byWorker)
		l.end(nil)
		<-l.done
		return errors.Join(append(errs, l.err)...)
	}
	for i, w := range l.workers {
		l.goroutines.Go(func() { w.supervise(running[i]) })
	}
	l.goroutines.Go(l.deal)
	return nil
}

// byWorker orders errors by worker.
func byWorker(a, b error) int {
	id := func(err error) int {
		if e, ok := errors.AsType[*WorkerError](err); ok {
			return e.Worker
		}
		return -1
	}
	return cmp.Compare(id(a), id(b))
}

// Addr returns the address at which the Listener listens; the port is never 0.
func (l *Listener) Addr() net.Addr { return l.socket.Addr() }

// Done returns a channel that is closed when the Listener has ended, after
// [Listener.Close] or because of an error.
func (l *Listener) Done() <-chan struct{} { return l.done }

// Err returns nil until Done is closed, and if the Listener has ended cleanly after
// [Listener.Close]. Otherwise it says why the Listener has ended, and which workers
// still run.
func (l *Listener) Err() error {
	if !isClosed(l.done) {
		return nil
	}
	return l.err
}
