package parts

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// TestLostLink: after a link was cut, everybody is present again.
func TestLostLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		room := distributed.Place{Node: "berlin", Name: "room"}
		run(t, network, "berlin", func(c distributed.Config) actions.Action {
			return actions.Group(c.Serve("room"), actions.Spawn(actions.Stateless(endpoint.Publisher(topic.All[Says]()))))
		})
		var heard []string
		run(t, network, "paris", func(distributed.Config) actions.Action {
			return actions.Spawn(actions.Stateless(room.At(endpoint.Subscriber(topic.All[Says](),
				endpoint.OnPresence(func(Says) actions.Action { heard = append(heard, "presence"); return nil }),
				endpoint.OnAbsence(func(_ Says, reason error) actions.Action { heard = append(heard, reason.Error()); return nil })))))
		})
		network.Cut("berlin", "paris")
		time.Sleep(time.Second) // of the bubble: long enough for a new link
		synctest.Wait()
		if len(heard) != 3 || heard[0] != "presence" || heard[2] != "presence" {
			t.Errorf("heard %q", heard)
		}
	})
}
