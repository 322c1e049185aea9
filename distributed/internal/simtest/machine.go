package simtest

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
	"github.com/go-marketplace/marketplace/world"
)

// A Machine is a machine of a simulated cluster, at a node of its own. A test orders a process
// of it through its [Machine.Port].
type Machine struct {
	Name string
	Disk *waltest.Disk // of its journal, which syncs; nil without one

	// Set these before the machine starts.
	Types []actions.Type          // of its processes, for snapshots
	Boot  func() []actions.Action // returns how it begins, at each start
	Heard func(command any)       // is called with what a process tells the port

	node   *Node
	every  int // inputs between two snapshots, or 0 without them
	orders chan any
	cancel func() // nil while it does not run
	done   chan struct{}
}

// Config returns how the machine takes part in the network.
func (m *Machine) Config() distributed.Config {
	return distributed.Config{Network: m.node, Clock: clock{m.node}}
}

// Runs reports whether the machine was started, and not stopped or killed.
func (m *Machine) Runs() bool { return m.cancel != nil }

// start starts the machine, and waits until it is at rest.
func (m *Machine) start() {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel, m.done = cancel, make(chan struct{})
	g := &ground.Ground{Logger: slog.New(slog.DiscardHandler)}
	if os.Getenv("SIM_LOG") != "" {
		g.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("n", m.Name)
	}
	if m.Disk != nil {
		c := journal.Config{Durability: journal.Sync, Logger: slog.New(slog.DiscardHandler)}
		if m.every > 0 {
			c.Types, c.SnapshotEvery, c.DropOld = m.Types, m.every, true
		}
		j, err := c.OpenStore(m.Disk)
		if err != nil {
			panic(err)
		}
		g.Journal = j
	}
	boot, done := m.Boot(), m.done
	go func() {
		defer close(done)
		_ = g.Run(ctx, boot...) // the disk of a machine that was killed fails
		if g.Journal != nil {
			g.Journal.(io.Closer).Close()
		}
	}()
	synctest.Wait()
}

// stop stops the machine cleanly, and waits for its end.
func (m *Machine) stop() {
	m.cancel()
	<-m.done
	m.cancel = nil
}

// Order gives an order to the process with the port, which gets it as a value, and reports
// whether it has taken it in time.
func (m *Machine) Order(order any, within time.Duration) bool {
	select {
	case m.orders <- order:
		return true
	case <-time.After(within):
		return false
	}
}

// Port returns the device by which a process of the machine gets orders, and answers them.
func (m *Machine) Port() world.Device { return port{m} }

type port struct{ m *Machine }

// DeviceName implements [world.Device].
func (p port) DeviceName() string { return "simtest.port " + p.m.Name }

// Open implements [world.Device].
func (p port) Open(context.Context, world.Env) (world.Handle, error) {
	return &openPort{m: p.m, closed: make(chan struct{})}, nil
}

type openPort struct {
	m      *Machine
	told   bool
	once   sync.Once
	closed chan struct{}
}

// Recv implements [world.Handle]. The first value, which is no order, says that the port is
// open.
func (p *openPort) Recv() (any, error) {
	if !p.told {
		p.told = true
		return "open", nil
	}
	select {
	case o := <-p.m.orders:
		return o, nil
	case <-p.closed:
		return nil, io.EOF
	}
}

// Try implements [world.Handle].
func (p *openPort) Try(commands []any) (int, error) {
	for _, c := range commands {
		p.m.Heard(c)
	}
	return len(commands), nil
}

// Do implements [world.Handle].
func (p *openPort) Do(c any) error { _, err := p.Try([]any{c}); return err }

// Close implements [world.Handle].
func (p *openPort) Close() error { p.once.Do(func() { close(p.closed) }); return nil }
