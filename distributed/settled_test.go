package distributed_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// settled returns an endpoint that hears what Settled says of a role.
func (h *heard) settled(p distributed.Place, r topic.Role) actions.AddEndpoint {
	e, ok := p.Settled(r, &actions.Handler{Run: func(s any, ev *actions.Event) (any, actions.Action) {
		switch ev.Kind {
		case actions.Presence:
			h.add("settled")
		case actions.Absence:
			h.add("lost: %v", errors.Is(ev.Reason, distributed.ErrLost))
		case actions.Delivery:
			if u, ok := ev.Message.Value().(interface{ Unreachable() error }); ok && u.Unreachable() != nil {
				h.add("unreachable: %v", name(u.Unreachable()))
			}
		}
		return s, nil
	}})
	if !ok {
		panic("the place is here")
	}
	return e
}

func name(err error) string {
	for n, e := range map[string]error{"stale": distributed.ErrStale, "unreachable": distributed.ErrUnreachable, "not admitted": distributed.ErrNotAdmitted} {
		if errors.Is(err, e) {
			return n
		}
	}
	return err.Error()
}

// TestSettled: an endpoint can hear when another has been told of all peers that were there,
// and why it has not been.
func TestSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var all, later heard
		wants := make(chan actions.Action)
		role := (&heard{}).listener().Role
		listener := endpoint.Subscriber(topic.All[says](), endpoint.OnPresence(func(s says) actions.Action { return all.add("+%s", s.Who) }))
		c.run(c.config("b").Driver(), steered(wants), spawn(room.At(listener), all.settled(room, role)))
		all.expect(t)
		simtest.Pass(1500 * time.Millisecond)
		all.expect(t, "unreachable: unreachable")
		wants <- later.settled(room, role).As("later")
		synctest.Wait()
		if got := later.take(); len(got) == 0 || got[0] != "unreachable: unreachable" {
			t.Errorf("heard %q", got)
		}
		c.run(c.config("a").Serve("room"), spawn(named("x"), named("y")))
		simtest.Pass(20 * time.Second)
		all.expect(t, "unreachable: unreachable", "+x", "+y", "settled") // it may hear the reason again
		later.expect(t, "settled")
		c.network.Cut("a", "b")
		simtest.Pass(time.Second)
		all.expect(t, "lost: true", "+x", "+y", "settled")
		later.expect(t, "lost: true", "settled")
	})
}

// TestSettledRefused: a library hears with Settled that the place refuses its passive
// endpoint, and its process goes on.
func TestSettledRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var all heard
		cfg := c.config("a")
		cfg.Admission = "distributed_test.noTony"
		c.run(cfg.Serve("room"))
		old := distributed.Place{Node: "a", Name: "room", Epoch: 7}
		tony := named("tony")
		tony.Passive = true
		c.run(c.config("b").Driver(), spawn(room.At(tony), all.settled(room, tony.Role), endpoint.Subscriber(topic.All[says]())))
		simtest.Pass(time.Second)
		all.expect(t, "unreachable: not admitted")
		ann := named("ann")
		ann.Passive = true
		c.run(c.config("c").Driver(), spawn(old.At(ann), all.settled(old, ann.Role), endpoint.Subscriber(topic.All[says]())))
		simtest.Pass(time.Second)
		all.expect(t, "unreachable: stale")
	})
}
