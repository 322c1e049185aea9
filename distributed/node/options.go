package node

import (
	"fmt"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Options are a [Launcher] with options of the node that it starts:
//
//	node.Spawn("far", node.Options{Launcher: node.Local{}, Solo: true}, node.Always)
type Options struct {
	Launcher // starts the process; it is needed, and has no Options itself

	// Solo keeps the node from the others that are started from here: it learns the address
	// of this node alone, the others do not learn its address, and there is no [Member] of
	// it. It needs direct links ([distributed.TLS]): a network that finds its nodes by itself
	// has no solo nodes, and the start fails with [ErrLaunch]. Solo is no protection: the
	// node has the realm, and links with every node that knows its address.
	Solo bool

	// Admission is that of the places of the node, and of the node itself. So it also says who
	// may give the node orders: see [IsOrder]. It must admit what this node wants there.
	// Both programs register it ([distributed.RegisterAdmission]). The default is none: all
	// nodes of the realm may do everything there.
	Admission distributed.Admission
}

func init() { world.Register[Options]("node.Options") }

// optionsOf returns a Launcher with its options.
func optionsOf(l Launcher) Options {
	if o, ok := l.(Options); ok {
		return o
	}
	return Options{Launcher: l}
}

func (o Options) check() error {
	switch o.Launcher.(type) {
	case nil:
		return fmt.Errorf("%w: there are Options without a Launcher", ErrLaunch)
	case Options:
		return fmt.Errorf("%w: there are Options in Options", ErrLaunch)
	}
	return checkAdmission(ErrLaunch, o.Admission)
}

func checkAdmission(kind error, a distributed.Admission) error {
	if a != "" && !a.Registered() {
		return fmt.Errorf("%w: this program has registered no Admission %q", kind, a)
	}
	return nil
}

// IsOrder reports whether a client wants to give orders to a node: to end it ([Exit]), or to
// have it run a program ([Run]). An [distributed.Admission] that asks it says who may do so:
//
//	distributed.RegisterAdmission("bank.orders", func(w distributed.Wish) error {
//		if node.IsOrder(w) && w.Client != "master" {
//			return errors.New("only the master gives orders")
//		}
//		return nil
//	})
func IsOrder(w distributed.Wish) bool {
	if _, ok := w.Sent.Value().(exit); ok {
		return true
	}
	if !w.Role.Topic.Valid() || w.Role.Orientation != topic.Publisher {
		return false
	}
	_, wants := w.Role.Topic.Intersect(topic.All[Wanted]().Topic())
	return wants
}
