package distributed_test

import (
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

// TestThreeLevelsDeep: an endpoint at a place, three machines inside the one with the driver.
func TestThreeLevelsDeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		room := distributed.Place{Node: "home", Name: "room"}
		var atHome, deep heard
		home := make(chan actions.Action)
		c.run(c.config("home").Serve("room"), spawn(atHome.listener()), steered(home))
		inside := make(chan actions.Action)
		stop := c.run(c.config("away").Driver(), nested(nested(nested(steered(inside)))))
		act := func(to chan actions.Action, as ...actions.Action) {
			to <- actions.Group(as...)
			simtest.Pass(time.Second)
		}
		act(inside, actions.AtLevel(3, room.At(deep.listener()).As("listener")))
		act(inside, actions.AtLevel(3, room.At(endpoint.Publisher(topic.Where(sayer.Is("tony")))).As("tony")))
		atHome.expect(t, "+tony")
		deep.expect(t, "+tony")
		act(inside, actions.AtLevel(3, distributed.Send(room, says{"tony", "hello"})))
		act(home, endpoint.Publisher(topic.Where(sayer.Is("ann"))).As("ann"), actions.Send(says{"ann", "hi"}))
		atHome.expect(t, "tony: hello", "+ann", "ann: hi")
		deep.expect(t, "tony: hello", "+ann", "ann: hi")
		act(inside, actions.AtLevel(3, actions.Delete("tony")))
		atHome.expect(t, "-tony (<nil>)")
		deep.expect(t, "-tony (<nil>)")
		c.network.Cut("home", "away")
		simtest.Pass(5 * time.Second)
		if got := deep.take(); len(got) != 2 || !strings.HasPrefix(got[0], "-ann ("+distributed.ErrCut.Error()) || got[1] != "+ann" {
			t.Errorf("heard %q", got)
		}
		act(inside, actions.AtLevel(3, actions.Delete("listener")))
		simtest.Pass(time.Minute) // a link stays for a while after the last message
		if n := c.network.Links("away"); n != 0 {
			t.Errorf("%d links, and nobody takes part", n)
		}
		stop()
	})
}
