package node

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Launched says that a node is to be started and kept. The presence of its publishers in
// the machine is what [Config.Launch] has to keep, and the presence of a subscriber is that
// the node can be reached: see [Spawn]. No other machine can want one.
type Launched struct {
	Node    string
	How     string // a Launcher, as package journal/codec writes it, in base64
	Restart Restart
	Reason  *world.Error // in a message: why the node was not started
	distributed.Unsendable
}

var (
	launchedNode    = topic.FieldOf(func(l *Launched) *string { return &l.Node })
	launchedHow     = topic.FieldOf(func(l *Launched) *string { return &l.How })
	launchedRestart = topic.FieldOf(func(l *Launched) *Restart { return &l.Restart })
)

// An Output is a line that a node has printed. The machine of the parent hears it.
type Output struct {
	Node   string
	Stream Stream
	Text   string // without the end of the line
}

// A Stream is where a line was printed.
type Stream uint8

// The streams.
const (
	Stdout Stream = 1
	Stderr Stream = 2
)

// The fields of an [Output], which topics can pin.
var (
	OutputNode   = topic.FieldOf(func(o *Output) *string { return &o.Node })
	OutputStream = topic.FieldOf(func(o *Output) *Stream { return &o.Stream })
)

func init() {
	world.Register[Launched]("node.Launched")
	world.Register[Output]("node.Output")
}

func (l Launched) topic() topic.Pattern[Launched] {
	return topic.Where(launchedNode.Is(l.Node), launchedHow.Is(l.How), launchedRestart.Is(l.Restart))
}

// failed returns the action that tells those who want l that it was not started.
func (l Launched) failed(reason error) actions.Action {
	l.Reason, _ = world.Reduce(reason).(*world.Error)
	return actions.Feedback(l)
}

func (l Launched) what() string  { return fmt.Sprintf("node %q", l.Node) }
func (l Launched) texts() string { return l.Node + l.How }

func (l Launched) check() error {
	if l.Node == "" {
		return fmt.Errorf("%w: it has no name", ErrLaunch)
	}
	how, err := l.launcher()
	if err == nil {
		err = optionsOf(how).check()
	}
	if err != nil {
		return err
	}
	return l.Restart.check()
}

// launched returns what wants a node. It returns an error if l cannot be written.
func launched(name string, l Launcher, r Restart) (Launched, error) {
	how, err := codec.Append(nil, l)
	if err != nil || l == nil {
		return Launched{}, fmt.Errorf("%w: node %q: a Launcher of type %T is no data: %w", ErrLaunch, name, l, err)
	}
	w := Launched{Node: name, How: pack(how), Restart: r}
	return w, w.check()
}

// launcher returns the Launcher of l.
func (l Launched) launcher() (Launcher, error) {
	data, err := unpack(l.How)
	var v any
	if err == nil {
		v, _, err = codec.Decode(data)
	}
	if how, ok := v.(Launcher); ok && err == nil {
		return how, nil
	}
	return nil, fmt.Errorf("%w: node %q: its Launcher is a %T: %w", ErrLaunch, l.Node, v, err)
}

// solo reports whether the node is kept from the others.
func (l Launched) solo() bool {
	how, _ := l.launcher()
	return optionsOf(how).Solo
}

// Spawn returns an endpoint that wants a node, for as long as the endpoint is open. It needs
// the process of [Config.Launch] in its machine.
//
//	node.Spawn("far", node.Local{}, node.Always,
//		endpoint.OnPresence(func(node.Launched) actions.Action { … }), // it can be reached
//		endpoint.OnAbsence(func(_ node.Launched, reason error) actions.Action { … }), // its process has ended
//	)
//
// While several endpoints want the same, there is one node. It ends in good order when the
// last endpoint is closed. If its process ends, there is an absence with the reason, which
// wraps [ErrDown]; if it is started again, presence follows.
//
// If the node could not be started, there is a message with the Reason, each time: an
// [ErrLaunch], an ErrDown if its process has ended before the node could be reached,
// [ErrConflict], or [ErrGivenUp] if it is not tried again.
//
// Spawn panics if the node has no name, l is no data of a registered type, or r makes no sense.
func Spawn(name string, l Launcher, r Restart, hs ...endpoint.Handler[Launched]) actions.AddEndpoint {
	w, err := launched(name, l, r)
	if err != nil {
		panic(err)
	}
	return endpoint.Publisher(w.topic(), hs...)
}

// Launch returns the action that spawns the process that starts nodes for those who want
// them: see [Spawn]. The network of c is a [Founder], or made by [distributed.TLS] from a
// realm key. The process needs a driver of timers in its machine, to wait before it starts a
// node again. It is a supervisor: if what it supervises fails, that is started again, and all
// nodes with it.
func (c *Config) Launch() actions.SpawnProcess {
	return c.posts().Spawn(launches).Named("launch")
}
