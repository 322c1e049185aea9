//go:build unix

package places

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

var room = distributed.Place{Node: "home", Name: "room"}

// A load is a message of 64 bytes, once it is encoded.
type load struct {
	To   string
	Data string
}

// A peer is what has presence.
type peer struct{ Number int }

var (
	loadTo     = topic.FieldOf(func(l *load) *string { return &l.To })
	peerNumber = topic.FieldOf(func(p *peer) *int { return &p.Number })
	plus       = rpc.Define[int, int]("places.plus")
)

func init() {
	world.Register[load]("places.load")
	world.Register[peer]("places.peer")
	world.Register[order]("places.order")
}

// message is what is sent.
var message = load{"x", strings.Repeat("d", 60)}

// An order is what a machine does next: it is the value of a pump.
type order struct {
	Does string
	N    int
}

// A pump is a device by which a benchmark tells a machine what to do. What the machine tells
// it, it passes on.
type pump struct {
	orders chan order
	told   chan string
}

func newPump() pump { return pump{make(chan order, 16), make(chan string, 16)} }

// linesPump returns a pump for another process: it passes on what it is told as lines.
func linesPump() pump {
	p := newPump()
	go func() {
		for line := range p.told {
			fmt.Println(line)
		}
	}()
	return p
}

// DeviceName implements [world.Device].
func (p pump) DeviceName() string { return "pump" }

// Open implements [world.Device].
func (p pump) Open(context.Context, world.Env) (world.Handle, error) {
	return &openPump{pump: p, closed: make(chan struct{})}, nil
}

type openPump struct {
	pump
	opened bool
	once   sync.Once
	closed chan struct{}
}

// Recv implements [world.Handle].
func (p *openPump) Recv() (any, error) {
	if !p.opened {
		p.opened = true
		return order{}, nil
	}
	select {
	case o := <-p.orders:
		return o, nil
	case <-p.closed:
		return nil, io.EOF
	}
}

// Try implements [world.Handle].
func (p *openPump) Try(commands []any) (int, error) {
	for _, c := range commands {
		p.told <- c.(string)
	}
	return len(commands), nil
}

// Do implements [world.Handle].
func (p *openPump) Do(command any) error { _, err := p.Try([]any{command}); return err }

// Close implements [world.Handle].
func (p *openPump) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

// batch is how many messages a transition sends.
const batch = 100

// obey returns the process that does what a pump says, at a place.
func obey(p pump, place distributed.Place) actions.SpawnProcess {
	left := 0
	var call func(n int) actions.Action
	call = func(n int) actions.Action {
		return rpc.Call(plus, n, func(r int, err error) actions.Action {
			if left--; err != nil || left == 0 {
				return actions.Tell(p, fmt.Sprint("called ", err))
			}
			return call(r)
		}, rpc.At(place))
	}
	return spawn(
		endpoint.Subscriber(distributed.Reach(place), endpoint.OnPresence(func(distributed.Up) actions.Action { return actions.Tell(p, "up") })),
		endpoint.Device(p, endpoint.OnValue(func(o order) actions.Action {
			as := make(actions.Tree, 0, batch)
			switch o.Does {
			case "send":
				for range batch {
					as = append(as, distributed.Send(place, message))
				}
			case "add":
				for i := range batch {
					e := place.At(endpoint.Publisher(topic.Where(peerNumber.Is(o.N + i))))
					e.ID = peer{o.N + i}
					as = append(as, e)
				}
			case "remove":
				for i := range batch {
					as = append(as, actions.Delete(peer{o.N + i}))
				}
			case "call":
				left = o.N
				return call(0)
			}
			return as
		})))
}

// hear returns the process that hears what others do at its place. It tells a pump of each
// turn.
func hear(p pump, turn int) actions.SpawnProcess {
	messages, gone := 0, 0
	return spawn(
		actions.OpenDevice{Device: p},
		endpoint.Subscriber(topic.Where(loadTo.Is("x")), endpoint.OnMessage(func(load) actions.Action {
			messages++
			return actions.When(messages%turn == 0, actions.Tell(p, "done"))
		})),
		endpoint.Subscriber(topic.All[peer](),
			endpoint.OnPresence(func(peer) actions.Action { return nil }),
			endpoint.OnAbsence(func(peer, error) actions.Action {
				gone++
				return actions.When(gone%turn == 0, actions.Tell(p, "done"))
			})))
}

func spawn(as ...actions.Action) actions.SpawnProcess {
	return actions.Spawn(actions.Stateless(as...))
}

// add is the server of calls.
func add() actions.SpawnProcess {
	return actions.Spawn(rpc.Serve(0, rpc.Handle(plus, func(s, n int) (int, int, error) { return s, n + 1, nil })))
}

func tlsNetwork(p part) (distributed.Network, error) {
	c := distributed.TLSConfig{Node: p.Node, Listen: p.Listen, RealmKeyFile: p.Key, Logger: slog.New(slog.DiscardHandler)}
	if p.Dial != "" {
		c.Peers = map[string]string{"home": p.Dial}
	}
	return distributed.TLS(c)
}

// config returns how the machines take part: a minute of silence is no reason to part, because
// what is measured may keep the processors busy.
func config(n distributed.Network) distributed.Config {
	return distributed.Config{Network: n, Lease: time.Minute}
}

func newGround(folder string) (*ground.Ground, error) {
	g := &ground.Ground{Logger: slog.New(slog.DiscardHandler)}
	if folder != "" {
		j, err := journal.Config{Durability: journal.Batch, Logger: g.Logger}.Open(folder)
		if err != nil {
			return nil, err
		}
		g.Journal = j
	}
	return g, nil
}

// runHome is the part of a process with a place.
func runHome(p part, n distributed.Network) error {
	g, err := newGround(p.Journal)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { untilEnd(); cancel() }()
	_ = g.Run(ctx, config(n).Serve("room"), hear(linesPump(), p.Turn), add())
	return nil
}

// A client is a machine in this process, and the home that it talks to.
type client struct {
	pump
	b    *testing.B
	home *process
}

// pair starts a home in another process and a client in this one.
func pair(b *testing.B, p part, network func(part) (distributed.Network, error)) *client {
	b.Helper()
	p.Key, p.Node, p.Listen = keyFile(b), "home", freeAddress(b)
	journals := p.Journal
	if strings.Contains(journals, "home") {
		p.Journal = b.TempDir()
	} else {
		p.Journal = ""
	}
	home := start(b, p)
	n, err := network(part{Node: "client", Dial: p.Listen, Key: p.Key})
	if err != nil {
		b.Fatal(err)
	}
	folder := ""
	if strings.Contains(journals, "client") {
		folder = b.TempDir()
	}
	c := &client{newPump(), b, home}
	run(b, folder, config(n).Driver(), obey(c.pump, room))
	c.hears("up")
	return c
}

// run runs a machine in this process.
func run(b *testing.B, folder string, boot ...actions.Action) {
	b.Helper()
	g, err := newGround(folder)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = g.Run(ctx, boot...) })
	b.Cleanup(func() {
		cancel()
		done.Wait()
		if c, ok := g.Journal.(io.Closer); ok {
			c.Close()
		}
	})
}

// hears waits for what the machine tells.
func (c *client) hears(text string) {
	c.b.Helper()
	select {
	case got := <-c.told:
		if got != text {
			c.b.Fatalf("the client says %q, and %q was expected", got, text)
		}
	case <-time.After(time.Minute):
		c.b.Fatalf("the client does not say %q", text)
	}
}

// each gives an order for each batch of n.
func (c *client) each(n int, does ...string) {
	for i := 0; i < n; i += batch {
		for _, d := range does {
			c.orders <- order{d, i}
		}
	}
}

// call makes calls, one after the other.
func (c *client) call(n int) {
	c.b.Helper()
	c.orders <- order{"call", n}
	c.hears("called <nil>")
}

// lines calls f for each line of standard input.
func lines(f func(string)) {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		f(in.Text())
	}
}
