package distributed_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// TestLogs: what a process at a place logs is in the log of another machine, and in its own if
// that is wanted. DP-19.
func TestLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.run(c.config("a").Serve("room"), distributed.WriteLogs(distributed.Place{}), spawn(endpoint.Subscriber(topic.All[says](),
			endpoint.OnMessage(func(s says) actions.Action {
				return distributed.Log(slog.LevelWarn, "somebody speaks", "who", s.Who, "length", len(s.What))
			}))))
		c.run(c.config("b").Driver(), distributed.WriteLogs(room), spawn(endpoint.Subscriber(distributed.Reach(room),
			endpoint.OnPresence(func(distributed.Up) actions.Action { return distributed.Send(room, says{"tony", "hi"}) }))))
		simtest.Pass(time.Second)
		c.expectLog(`level=WARN msg="somebody speaks" who=tony length=2`, 1)
		c.expectLog(`level=WARN msg="somebody speaks" node=a place=room who=tony length=2`, 1)
	})
}
