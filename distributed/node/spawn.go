package node

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Launched says that a node is to be started and kept. It is no message to others, and no
// other node can want one: the presence of its publishers in the machine is what [Config.Launch] has to keep, and the presence of a subscriber is that
// the node can be reached. See [Spawn].
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

func (l Launched) check() error {
	if l.Node == "" {
		return fmt.Errorf("%w: it has no name", ErrLaunch)
	}
	if _, err := l.launcher(); err != nil {
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
// node again. It
// is a supervisor: if what it supervises fails, that is started again, and all nodes with it.
func (c *Config) Launch() actions.SpawnProcess {
	return c.posts().Spawn(launches).Named("launch")
}

// A launcher is the process that keeps nodes, each in the care of a supervisor.
type launcher struct {
	config *Config
	Kept   []kept
}

// A kept is a node that somebody wants.
type kept struct {
	Launched   Launched
	Count      int          // how many want it
	Starting   bool         // its supervisor is about to run
	Supervisor actions.PID  // zero if it does not run
	Refused    *world.Error // why it does not run, if it was refused or given up
}

func (c *Config) launchers() actions.Definition[launcher] {
	return actions.CodedAs(actions.Define("node.launcher", launcher.open),
		func(l launcher) []kept { return l.Kept },
		func(ks []kept) (launcher, error) { return launcher{c, ks}, nil })
}

func (c *Config) launchTypes() []actions.Type {
	return []actions.Type{c.launchers().Type, c.childProcesses().Type}
}

// open returns what a launcher has open.
func (l launcher) open() actions.Action {
	all := actions.Tree{endpoint.ObservePublishers(topic.All[Launched](),
		endpoint.OnPresenceState(launcher.wanted), endpoint.OnAbsenceState(launcher.unwanted))}
	for _, k := range l.Kept {
		if k.Supervisor != 0 {
			all = append(all, l.monitor(k.Supervisor))
		}
	}
	return all
}

func (l launcher) find(w Launched) int {
	return slices.IndexFunc(l.Kept, func(k kept) bool { return k.Launched == w })
}

// wanted handles that somebody wants a node.
func (l launcher) wanted(w Launched) actions.Transition[launcher] {
	if i := l.find(w); i >= 0 {
		l.Kept = slices.Clone(l.Kept)
		l.Kept[i].Count++
		refused := l.Kept[i].Refused
		return actions.Next(l, actions.When(refused != nil, w.failed(refused)))
	}
	taken := slices.ContainsFunc(l.Kept, func(k kept) bool { return k.Launched.Node == w.Node })
	l.Kept = append(slices.Clip(l.Kept), kept{Launched: w, Count: 1})
	if taken {
		return l.refuse(w, fmt.Errorf("%w: node %q is wanted in another way already", ErrConflict, w.Node))
	}
	return l.start(w)
}

// start starts a node, or refuses it.
func (l launcher) start(w Launched) actions.Transition[launcher] {
	if err := w.check(); err != nil {
		return l.refuse(w, err)
	}
	i := l.find(w)
	l.Kept = slices.Clone(l.Kept)
	l.Kept[i].Starting, l.Kept[i].Refused = true, nil
	return actions.Next(l, l.config.children.Spawn(w).Monitored(l.monitor(0)).Continue(actions.ResumeWith(
		func(l launcher, pid actions.PID) actions.Transition[launcher] {
			i := l.find(w) // it is still there: see end
			l.Kept = slices.Clone(l.Kept)
			l.Kept[i].Starting, l.Kept[i].Supervisor = false, pid
			if l.Kept[i].Count == 0 {
				return l.end(i)
			}
			return actions.Next(l)
		})))
}

// refuse tells those who want a node that it cannot be, and why.
func (l launcher) refuse(w Launched, reason error) actions.Transition[launcher] {
	l.Kept = slices.Clone(l.Kept)
	l.Kept[l.find(w)].Refused, _ = world.Reduce(reason).(*world.Error)
	return actions.Next(l, w.failed(reason))
}

// unwanted handles that somebody does not want a node any more.
func (l launcher) unwanted(w Launched, _ error) actions.Transition[launcher] {
	i := l.find(w)
	if i < 0 {
		return actions.Next(l)
	}
	l.Kept = slices.Clone(l.Kept)
	if l.Kept[i].Count--; l.Kept[i].Count > 0 {
		return actions.Next(l)
	}
	return l.end(i)
}

// end ends a node that nobody wants, and starts what else is wanted under its name. A node
// that is about to run ends when it does.
func (l launcher) end(i int) actions.Transition[launcher] {
	gone := l.Kept[i]
	if gone.Starting {
		return actions.Next(l)
	}
	l.Kept = slices.Delete(slices.Clone(l.Kept), i, i+1)
	t := actions.Next(l)
	if gone.Supervisor != 0 {
		t = t.And(actions.Unmonitor(gone.Supervisor), actions.Kill(gone.Supervisor, nil))
	}
	next := slices.IndexFunc(l.Kept, func(k kept) bool { return k.Launched.Node == gone.Launched.Node })
	if next >= i { // the first one has ended
		t = t.Then(func(l launcher) actions.Transition[launcher] { return l.start(l.Kept[next].Launched) })
	}
	return t
}

func (l launcher) monitor(pid actions.PID) actions.MonitorProcess {
	return endpoint.MonitorState(pid, launcher.ended).Binding()
}

// ended handles the end of a supervisor: the node is not started again.
func (l launcher) ended(pid actions.PID, reason error) actions.Transition[launcher] {
	i := slices.IndexFunc(l.Kept, func(k kept) bool { return k.Supervisor == pid })
	if i < 0 {
		return actions.Next(l)
	}
	l.Kept = slices.Clone(l.Kept)
	l.Kept[i].Supervisor = 0
	w := l.Kept[i].Launched
	if reason == nil || errors.Is(reason, world.ErrStopped) { // those who want it have heard that
		l.Kept[i].Refused, _ = world.Reduce(fmt.Errorf("%w: the node %q, which is not started again", ErrEnded, w.Node)).(*world.Error)
		return actions.Next(l)
	}
	return l.refuse(w, fmt.Errorf("%w: the node %q: %w", ErrGivenUp, w.Node, reason))
}
