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

// TestPrivate: a private place is for its owner, and refuses the endpoints and the messages of
// all others. DP-06.
func TestPrivate(t *testing.T) {
	for _, owner := range []string{"b", "b/c", "%62"} {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t)
			at := distributed.Place{Node: "a", Name: "room"}.PrivateTo(owner)
			heard := 0
			c.run(c.config("a").Serve(at.Name), actions.Spawn(actions.Stateless(
				endpoint.Subscriber(topic.All[says](), endpoint.OnMessage(func(says) actions.Action { heard++; return nil })))))
			for _, client := range []string{owner, "c", "a2", "B", "private"} {
				var end error
				up, before := false, heard
				c.run(c.config(client).Driver(),
					actions.SpawnFunc(func(actions.PID) actions.Process {
						return actions.Stateless(at.At(named("ann")), endpoint.Subscriber(distributed.Reach(at),
							endpoint.OnPresence(func(distributed.Up) actions.Action { up = true; return nil })))
					}).Monitored(endpoint.Monitor(0, func(_ actions.PID, r error) actions.Action { end = r; return nil })),
					actions.Spawn(actions.Stateless(distributed.Send(at, says{}))))
				simtest.Pass(time.Second)
				switch {
				case !up:
					t.Errorf("%q: the place of %q is not there", client, owner)
				case client == owner && (end != nil || heard != before+1):
					t.Errorf("%q: the owner has heard %v, and was heard %d times", client, end, heard-before)
				case client != owner && (!errors.Is(end, distributed.ErrNotAdmitted) || heard != before):
					t.Errorf("%q: not the owner, %q, ends with %v, and was heard %d times", client, owner, end, heard-before)
				}
			}
		})
	}
}

// TestPrivateTo: who has no name has no place.
func TestPrivateTo(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a place is private to nobody")
		}
	}()
	distributed.Place{Node: "a", Name: "room"}.PrivateTo("")
}
