package node

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
)

// Main makes the process a node if it was started as one, by a [Launcher]; then it does not
// return, and ends the process. Otherwise it does nothing. Call it first in the main
// function, with the programs that the node may run:
//
//	func main() {
//		node.Main(bank.Server)
//		…
//	}
//
// A node begins with a keeper ([Config.Keep]) and nothing else. It ends with its parent: when
// its standard input ends, it has a moment to take leave of others. The exit status is 0 if
// the parent or [Exit] has told it to end, or a SIGTERM, and otherwise 1.
func Main(programs ...Program) {
	if os.Getenv(variable) == "" {
		return
	}
	_ = os.Unsetenv(variable) // not for the processes that programs start
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := serve(ctx, orphan{os.Stdin}, os.Stdout, os.Stderr, programs)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// farewell is how long a node that has lost its parent may take to end.
const farewell = 50 * time.Millisecond

// An orphan is the standard input of a node. At its end, the parent is gone: the process
// ends a moment later, whatever the node does.
type orphan struct{ io.Reader }

func (o orphan) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	if err != nil {
		time.AfterFunc(farewell, func() { os.Exit(1) })
	}
	return n, err
}

// errOrphan says that a node has ended because there is nobody to give it orders.
var errOrphan = errors.New("node: the node has lost its parent")

// maxOrders is how many orders may wait until a node has made its network.
const maxOrders = 1024

// serve runs a node. It returns nil if the node was told to end, or ctx is done.
func serve(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, programs []Program) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	in := bufio.NewReaderSize(stdin, maxLine)
	var b bootstrap
	if err := readLine(in, &b); err != nil {
		return fmt.Errorf("node: reading the bootstrap from standard input: %w", err)
	}
	orders := make(chan order, maxOrders)
	go func() {
		cancel(listen(ctx, in, orders))
		_, _ = io.Copy(io.Discard, in) // until the parent is gone: see orphan
	}()
	c, err := b.open(programs)
	if err != nil {
		return err
	}
	if n, ok := c.Network.(io.Closer); ok {
		defer n.Close()
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})).With("node", b.Node)
	go obey(c, orders)
	g := &ground.Ground{Logger: log, Stay: true}
	err = g.Run(ctx, timer.DriverOn(c.clock()), c.Driver(), actions.Spawn(actions.Stateless(
		c.Keep().Monitored(endpoint.Monitor(0, func(_ actions.PID, reason error) actions.Action {
			return actions.When(!errors.Is(reason, world.ErrStopped), endpoint.Exit(reason)) // given up
		})),
		endpoint.Subscriber(distributed.Whereabouts(), endpoint.OnPresence(func(distributed.Here) actions.Action {
			return actions.OpenDevice{Device: &announcement{c.Network, stdout, b.Token}}
		})),
		distributed.WriteLogs(distributed.Place{}),
	)).Named("announcer"))
	if cause := context.Cause(ctx); errors.Is(cause, errOrphan) {
		return cause
	}
	return err
}

// listen passes on the orders of the parent, and returns why the node is to end: nil if the
// parent says so, or ctx is done.
func listen(ctx context.Context, in *bufio.Reader, orders chan<- order) error {
	defer close(orders)
	for {
		var o order
		switch err := readLine(in, &o); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, os.ErrClosed):
			return errOrphan
		case err != nil:
			return fmt.Errorf("%w: reading its orders: %w", errOrphan, err)
		case o.Stop:
			return nil
		}
		select {
		case orders <- o:
		case <-ctx.Done():
			return nil
		}
	}
}

// obey follows orders.
func obey(c *Config, orders <-chan order) {
	for o := range orders {
		if o.Meet != c.Network.Node() {
			_ = meet(c.Network, o.Meet, o.Address) // which the parent has checked
		}
	}
}

// An announcement is the device that says that the node can be reached.
type announcement struct {
	network distributed.Network
	out     io.Writer
	token   string
}

// DeviceName implements [world.Device].
func (*announcement) DeviceName() string { return "node.ready" }

// Open implements [world.Device].
func (a *announcement) Open(context.Context, world.Env) (world.Handle, error) {
	text, err := json.Marshal(readiness{address(a.network)})
	if err == nil {
		_, err = fmt.Fprintf(a.out, "%s%s\n", ready(a.token), text)
	}
	if err != nil {
		return nil, fmt.Errorf("node: telling the parent that the node is ready: %w", err)
	}
	return &announced{closed: make(chan struct{})}, nil
}

// announced is the handle of an announcement that was made. It has nothing to say.
type announced struct {
	told   bool
	once   sync.Once
	closed chan struct{}
}

// announcedOpen is the opening value.
type announcedOpen struct{}

func init() { world.Register[announcedOpen]("node.announcedOpen") }

// Recv implements [world.Handle].
func (a *announced) Recv() (any, error) {
	if !a.told {
		a.told = true
		return announcedOpen{}, nil
	}
	<-a.closed
	return nil, io.EOF
}

// Try implements [world.Handle].
func (a *announced) Try(commands []any) (int, error) {
	return 0, fmt.Errorf("node: the announcement takes no commands, but was told %T", commands[0])
}

// Do implements [world.Handle].
func (a *announced) Do(command any) error {
	_, err := a.Try([]any{command})
	return err
}

// Close implements [world.Handle].
func (a *announced) Close() error {
	a.once.Do(func() { close(a.closed) })
	return nil
}
