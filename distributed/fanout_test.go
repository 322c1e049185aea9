package distributed_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A countingNetwork counts the bytes of the frames that arrive on the links that it dials.
type countingNetwork struct {
	distributed.Network
	bytes *atomic.Int64
}

func (n countingNetwork) Dial(ctx context.Context, node, place string) (distributed.Link, error) {
	l, err := n.Network.Dial(ctx, node, place)
	return countingLink{l, n.bytes}, err
}

type countingLink struct {
	distributed.Link
	bytes *atomic.Int64
}

func (l countingLink) Receive() ([]byte, error) {
	f, err := l.Link.Receive()
	l.bytes.Add(int64(len(f)))
	return f, err
}

// TestFanOutCrossesTheLinkOnce: what 100 equal subscribers of a node hear takes at most 1.1
// times the bytes on the link of what one hears.
func TestFanOutCrossesTheLinkOnce(t *testing.T) {
	const messages = 1000
	sent := func(subscribers int) int64 {
		m := distributed.Memory()
		n := countingNetwork{m.Node("b"), new(atomic.Int64)}
		there := distributed.Place{Node: "a", Name: "room"}
		orders, done := make(chan int, 1), make(chan struct{})
		heard := 0
		as := actions.Tree{}
		for range subscribers {
			as = append(as, spawn(there.At(endpoint.Subscriber(topic.Where(loadTo.Is("x")),
				endpoint.OnPresence(func(load) actions.Action { return nil }),
				endpoint.OnMessage(func(load) actions.Action {
					if heard++; heard == messages*subscribers {
						close(done)
					}
					return nil
				})))))
		}
		machines(t, []actions.Action{
			distributed.Config{Network: m.Node("a"), Heartbeat: time.Minute}.Serve("room"),
			spawn(
				endpoint.Publisher(topic.Where(loadTo.Is("x"))),
				endpoint.ObserveSubscribers(topic.Where(loadTo.Is("x")), endpoint.OnPresence(func(load) actions.Action {
					orders <- messages
					return nil
				})),
				endpoint.Device(pump{orders}, endpoint.OnValue(func(n int) actions.Action {
					all := make(actions.Tree, n)
					for i := range all {
						all[i] = actions.Send(load{"x", string(make([]byte, 60))})
					}
					return all
				}))),
		}, []actions.Action{distributed.Config{Network: n, Heartbeat: time.Minute}.Driver(), as})
		<-done
		return n.bytes.Load()
	}
	one, many := sent(1), sent(100)
	t.Logf("bytes on the link: %d for one subscriber, %d for 100", one, many)
	if float64(many) > 1.1*float64(one) {
		t.Errorf("%d bytes are sent for 100 subscribers, and %d for one", many, one)
	}
}
