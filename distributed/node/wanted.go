package node

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Wanted says that a place is to run a program. It is not sent: the presence of its
// publishers at a node is what the node has to run, and the presence of a subscriber is that
// it runs. See [Run].
type Wanted struct {
	Place   string // the name of the place
	Program string // see Spec
	Args    string
	Restart Restart
	Reason  *world.Error // in a message: why the program was not started
}

var (
	wantedPlace   = topic.FieldOf(func(w *Wanted) *string { return &w.Place })
	wantedProgram = topic.FieldOf(func(w *Wanted) *string { return &w.Program })
	wantedArgs    = topic.FieldOf(func(w *Wanted) *string { return &w.Args })
	wantedRestart = topic.FieldOf(func(w *Wanted) *Restart { return &w.Restart })
)

func init() { world.Register[Wanted]("node.Wanted") }

func (w Wanted) topic() topic.Pattern[Wanted] {
	return topic.Where(wantedPlace.Is(w.Place), wantedProgram.Is(w.Program), wantedArgs.Is(w.Args), wantedRestart.Is(w.Restart))
}

// failed returns the action that tells those who want w that it was not started.
func (w Wanted) failed(reason error) actions.Action {
	w.Reason, _ = world.Reduce(reason).(*world.Error)
	return actions.Feedback(w)
}

func (w Wanted) what() string  { return fmt.Sprintf("place %q", w.Place) }
func (w Wanted) texts() string { return w.Place + w.Program + w.Args }

func (w Wanted) spec() Spec { return Spec{w.Program, w.Args} }

// check returns an error if a node cannot do what w wants.
func (w Wanted) check() error {
	switch {
	case w.Place == "":
		return fmt.Errorf("node: a place without a name is wanted, which is the node itself")
	case len(w.Place) > wire.MaxName:
		return fmt.Errorf("node: the place %.32q... has a name of %d bytes, and at most %d are allowed", w.Place, len(w.Place), wire.MaxName)
	}
	return w.Restart.check()
}

// Run returns an endpoint that wants a program to run at a place, for as long as the endpoint
// is open. The place is on a node with a keeper ([Config.Keep]); with an empty Node, it is on
// this one.
//
//	node.Run(vault, bank.Server.With(bank.Rules{}), node.Always,
//		endpoint.OnPresence(func(node.Wanted) actions.Action { … }), // it runs
//		endpoint.OnAbsence(func(_ node.Wanted, reason error) actions.Action { … }), // it has ended, or the node is out of reach
//		endpoint.OnMessage(func(w node.Wanted) actions.Action { … w.Reason … }), // it could not be started
//	)
//
// While several endpoints want the same, there is one place. The node runs nothing that
// nobody wants: it ends the place when the last endpoint is closed, and when it has lost the
// links to all who want it, after [Config].Outlive. If the program ends, there is an absence
// with the reason; if the node starts it again, presence follows.
//
// If the program could not be started, there is a message with the Reason, each time. It is
// [ErrNoProgram], [ErrArguments] or [ErrConflict] if the node refuses, and [ErrGivenUp] if
// it does not try again.
//
// Run panics if the place has no name, or one of more than 255 bytes, or r makes no sense.
func Run(at distributed.Place, s Spec, r Restart, hs ...endpoint.Handler[Wanted]) actions.AddEndpoint {
	w := Wanted{at.Name, s.Program, s.Args, r, nil}
	if err := w.check(); err != nil {
		panic(err)
	}
	return distributed.Place{Node: at.Node}.At(endpoint.Publisher(w.topic(), hs...))
}

// An exit tells a node to end.
type exit struct{}

func init() { world.Register[exit]("node.exit") }

// Exit returns the action that tells a node to end, in good order: its places end, and its
// process, with status 0. With an empty name, it is this node.
func Exit(node string) actions.Action {
	return distributed.Send(distributed.Place{Node: node}, exit{})
}
