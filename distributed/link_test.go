package distributed_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

var room = distributed.Place{Node: "a", Name: "room"}

func named(who string) actions.AddEndpoint { return endpoint.Publisher(topic.Where(sayer.Is(who))) }

// ups returns an endpoint that hears which places are within reach.
func (h *heard) ups(p topic.Pattern[distributed.Up]) actions.AddEndpoint {
	return endpoint.Subscriber(p,
		endpoint.OnPresence(func(u distributed.Up) actions.Action { return h.add("+%s@%s", u.Place.Name, u.Place.Node) }),
		endpoint.OnAbsence(func(u distributed.Up, reason error) actions.Action {
			for _, r := range []error{distributed.ErrLeft, distributed.ErrLease, distributed.ErrCut, distributed.ErrLost} {
				if errors.Is(reason, r) {
					reason = r
					break
				}
			}
			return h.add("-%s@%s (%v)", u.Place.Name, u.Place.Node, reason)
		}))
}

// TestLinkIsLostAndComesBack: when a link is lost, all peers are absent with the reason, on
// both sides, and then they are present again. DP-38, B-P04.
func TestLinkIsLostAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var atHome, away, up heard
		c.run(c.config("a").Driver(), c.config("a").Serve("room"), spawn(atHome.listener(), named("home")))
		c.run(c.config("b").Driver(), spawn(room.At(away.listener()), room.At(named("away")), up.ups(distributed.Reach(room))))
		simtest.Pass(time.Second)
		atHome.expect(t, "+home", "+away")
		away.expect(t, "+away", "+home")
		up.expect(t, "+room@a")
		c.network.Cut("a", "b")
		simtest.Pass(time.Second)
		cut := distributed.ErrCut.Error()
		lost := func(lines []string) {
			t.Helper()
			for i, l := range lines {
				if len(l) > 6 && l[0] == '-' {
					lines[i] = l[:5]
				}
			}
		}
		got := atHome.take()
		lost(got)
		if fmt.Sprint(got) != "[-away +away]" {
			t.Errorf("at home: %q", got)
		}
		got = away.take()
		lost(got)
		if fmt.Sprint(got) != "[-away -home +away +home]" {
			t.Errorf("away: %q", got)
		}
		up.expect(t, "-room@a ("+cut+")", "+room@a")
	})
}

// TestNamed: places with a name on all other nodes are present while they are there. That of
// the own node is not among them, also while somebody uses its full name. DP-40, B-P22.
func TestNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var rooms, nodes heard
		c.run(c.config("b").Driver(), c.config("b").Serve("room"), spawn(rooms.ups(distributed.Named("room")), nodes.ups(distributed.Nodes()),
			distributed.Place{Node: "b", Name: "room"}.At(named("me"))))
		stop := c.run(c.config("a").Serve("room"))
		c.run(c.config("c").Serve("room"), c.config("c").Serve(""))
		simtest.Pass(2 * time.Second)
		rooms.expect(t, "+room@a", "+room@c")
		nodes.expect(t, "+@c")
		stop()
		simtest.Pass(2 * time.Second)
		rooms.expect(t, "-room@a ("+distributed.ErrLeft.Error()+")")
		c.run(c.config("a").Serve("room"))
		simtest.Pass(2 * time.Second)
		rooms.expect(t, "+room@a")
	})
}

// TestLinkIsKeptOnDemand: there is a link while somebody needs it, and a while after the
// last message. FC-14, B-F06.
func TestLinkIsKeptOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var atHome heard
		c.run(c.config("a").Serve("room"), spawn(atHome.listener()))
		wants := make(chan actions.Action)
		c.run(c.config("b").Driver(), c.config("b").Serve("other"), steered(wants))
		do := func(as ...actions.Action) {
			wants <- actions.Group(as...)
			simtest.Pass(time.Second)
		}
		links := func() int { return c.network.Links("b") }
		if n := links(); n != 0 {
			t.Fatalf("%d links before anybody needs one", n)
		}
		do(room.At(named("tony")).As(1))
		if n := links(); n != 1 {
			t.Errorf("%d links for an endpoint", n)
		}
		do(room.At(named("ann")).As(2), room.At(named("bea")).As(3))
		if n := links(); n != 1 {
			t.Errorf("%d links for three endpoints", n)
		}
		do(actions.Delete(2), actions.Delete(3))
		if n := links(); n != 1 {
			t.Errorf("%d links for the endpoint that is left", n)
		}
		do(actions.Delete(1))
		if n := links(); n != 0 {
			t.Errorf("%d links after the endpoint has gone", n)
		}
		do(distributed.Send(room, says{"tony", "hi"}), distributed.Handle{Place: room, Name: "x"}.Send(distributed.Handle{}, 1))
		if n := links(); n != 1 {
			t.Errorf("%d links after a message and a letter", n)
		}
		simtest.Pass(20 * time.Second)
		do(distributed.Send(room, says{"tony", "again"}))
		simtest.Pass(20 * time.Second)
		if n := links(); n != 1 {
			t.Errorf("%d links 20 s after a message", n)
		}
		simtest.Pass(60 * time.Second)
		if n := links(); n != 0 {
			t.Errorf("%d links after a minute", n)
		}
		atHome.expect(t, "+tony", "+ann", "+bea", "-ann (<nil>)", "-bea (<nil>)", "-tony (<nil>)", "tony: hi", "tony: again")
	})
}

// TestMessagesWaitForALink: for a lease, in their order, and no longer. DP-03, FC-14, B-F05.
func TestMessagesWaitForALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var atHome heard
		wants := make(chan actions.Action)
		c.run(c.config("b").Driver(), steered(wants))
		for i := range 3 {
			wants <- distributed.Send(room, says{"tony", fmt.Sprint(i)})
		}
		simtest.Pass(500 * time.Millisecond)
		stop := c.run(c.config("a").Serve("room"), spawn(atHome.listener()))
		simtest.Pass(time.Second)
		atHome.expect(t, "tony: 0", "tony: 1", "tony: 2")
		stop()
		simtest.Pass(time.Second)
		atHome.take()
		wants <- distributed.Send(room, says{"tony", "late"})
		simtest.Pass(5 * time.Second)
		c.run(c.config("a").Serve("room"), spawn(atHome.listener()))
		simtest.Pass(20 * time.Second)
		atHome.expect(t)
		wants <- distributed.Send(room, says{"tony", "back"})
		simtest.Pass(time.Second)
		atHome.expect(t, "tony: back")
	})
}

// TestOwnNode: a place of the own node is reached by its full name as well. FC-01.
func TestOwnNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var inside, outside heard
		c.run(c.config("a").Driver(), spawn(room.At(outside.listener()), distributed.Send(room, says{"me", "hi"})),
			nested(c.config("a").Serve("room"), spawn(inside.listener(), named("inner"))))
		simtest.Pass(time.Second)
		inside.expect(t, "+inner", "me: hi")
		outside.expect(t, "+inner", "me: hi")
	})
}

// TestPlaceWithoutNode: a place with a name and no node is a mistake of the program, which ends
// the process that makes it. The zero Place is here.
func TestPlaceWithoutNode(t *testing.T) {
	p := distributed.Place{Name: "room"}
	for what, f := range map[string]func(){
		"At":      func() { p.At(named("tony")) },
		"Send":    func() { distributed.Send(p, says{}) },
		"Reach":   func() { distributed.Reach(p) },
		"Settled": func() { p.Settled(named("tony").Role, nil) },
		"Handle":  func() { distributed.Handle{Place: p, Name: "x"}.Send(distributed.Handle{}, 1) },
	} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || !strings.Contains(err.Error(), `the place "room" has no Node`) {
					t.Errorf("%s: the panic is %v", what, err)
				}
			}()
			f()
		}()
	}
}

// TestRefusals: what a place refuses ends the process that wants it, with the reason. B-F01,
// B-F03.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		cfg := c.config("a")
		cfg.Admission = "distributed_test.noTony"
		c.run(cfg.Serve("room"))
		for _, test := range []struct {
			end  func() actions.Action
			want error
		}{
			{func() actions.Action { return room.At(named("tony")) }, distributed.ErrNotAdmitted},
			{func() actions.Action { return distributed.Place{Node: "a", Name: "room", Epoch: 7}.At(named("ann")) }, distributed.ErrStale},
			{func() actions.Action { return room.At(endpoint.Publisher(topic.All[nobody]())) }, distributed.ErrUnsendable},
			{func() actions.Action { return distributed.Send(room, nobody{}) }, distributed.ErrUnsendable},
			{func() actions.Action { return distributed.Send(room, says{What: string(make([]byte, 300<<10))}) }, distributed.ErrTooLarge},
		} {
			var reason error
			c.run(c.config("b").Driver(), actions.SpawnFunc(func(actions.PID) actions.Process { return actions.Stateless(test.end()) }).
				Monitored(endpoint.Monitor(0, func(_ actions.PID, r error) actions.Action { reason = r; return nil })))
			simtest.Pass(time.Second)
			if !errors.Is(reason, test.want) {
				t.Errorf("the process ends with %v, want %v", reason, test.want)
			}
		}
	})
}

type nobody struct{ N int }

func init() {
	distributed.RegisterAdmission("distributed_test.noTony", func(w distributed.Wish) error {
		if p, ok := topic.Typed[says](w.Role.Topic); ok {
			if who, _ := sayer.In(p); who == "tony" {
				return fmt.Errorf("not %s of %s", who, w.Client)
			}
		}
		return nil
	})
}

// TestLostLinkIsOneWarning: when a link is lost, and nobody hears of it, the log says so once,
// however many endpoints have lost their peers.
func TestLostLinkIsOneWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.run(c.config("a").Serve("room"), spawn(named("x"), named("y"), named("z")))
		all := endpoint.Subscriber(topic.All[says](), endpoint.OnPresence(func(says) actions.Action { return nil }))
		c.run(c.config("b").Driver(), spawn(room.At(all)), spawn(room.At(all)))
		simtest.Pass(time.Second)
		c.network.Cut("a", "b")
		simtest.Pass(time.Second)
		c.expectLog("a reason that nobody hears", 1)
		c.expectLog("publisher of distributed.Up", 1)
	})
}

// A learner is a network that does not know where nodes are until it learns it.
type learner struct {
	distributed.Network
	learned chan struct{}
}

func (l *learner) Dial(ctx context.Context, node, place string) (distributed.Link, error) {
	select {
	case <-l.learned:
		return l.Network.Dial(ctx, node, place)
	default:
		return nil, distributed.ErrUnknownNode
	}
}

func (l *learner) News(string) <-chan struct{} { return l.learned }

// TestLearner: a link to a node that could not be reached for long is made at once when the
// network learns where the node is. DP-03.
func TestLearner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		up := new(heard)
		c.run(c.config("a").Serve("room"))
		l := &learner{c.network.Node("b"), make(chan struct{})}
		c.run(distributed.Config{Network: l}.Driver(), spawn(up.ups(distributed.Reach(room))))
		simtest.Pass(time.Hour) // the pause between two attempts has its full length
		up.expect(t)
		close(l.learned)
		simtest.Pass(time.Millisecond)
		up.expect(t, "+room@a")
	})
}
