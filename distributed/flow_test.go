package distributed_test

import (
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
	"github.com/go-marketplace/marketplace/world"
)

// TestFloodBothWays: a client that sends more than all windows and queues hold in one turn,
// and gets as much back, gets it all: the two sides never wait for each other.
func TestFloodBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		const n, size = 200, 50_000 // 10 MB
		text := strings.Repeat("x", size)
		c.run(c.config("a").Serve("room"), spawn(endpoint.Subscriber(topic.Where(sayer.Is("there")),
			endpoint.OnMessage(func(s says) actions.Action { return actions.Send(says{"back", s.What}) }))))
		back := 0
		var flood actions.Tree
		for i := range n {
			flood = append(flood, distributed.Send(room, says{"there", fmt.Sprint(i, text)}))
		}
		c.run(c.config("b").Driver(), spawn(
			room.At(endpoint.Subscriber(topic.Where(sayer.Is("back")), endpoint.OnMessage(func(s says) actions.Action {
				if s.What != fmt.Sprint(back, text) {
					t.Errorf("%.20s came back as number %d", s.What, back)
				}
				back++
				return nil
			}))),
			endpoint.Subscriber(distributed.Reach(room), endpoint.OnPresence(func(distributed.Up) actions.Action { return flood })),
		))
		simtest.Pass(time.Minute)
		if back != n {
			t.Errorf("%d of %d came back", back, n)
		}
		c.expectLog("ended", 0)
	})
}

// TestSlowConsumer: a client that takes nothing costs the place a window and a queue, then
// it is given up; the others notice nothing, and it comes back. B-P16.
func TestSlowConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		wants := make(chan actions.Action)
		c.run(c.config("a").Serve("room"), steered(wants))
		busy := make(chan struct{})
		up := new(heard)
		slowGot, fastGot := 0, 0
		c.run(c.config("slow").Driver(), spawn(up.ups(distributed.Reach(room))), spawn(
			room.At(endpoint.Subscriber(topic.All[says](), endpoint.OnMessage(func(s says) actions.Action {
				if slowGot++; slowGot == 1 {
					<-busy // the machine stands still
				}
				return nil
			})))))
		c.run(c.config("fast").Driver(), spawn(
			room.At(endpoint.Subscriber(topic.All[says](), endpoint.OnMessage(func(s says) actions.Action { fastGot++; return nil })))))
		simtest.Pass(time.Second)
		up.expect(t, "+room@a")
		text := strings.Repeat("x", 10_000)
		const n = 1000 // 10 MB
		for range n {
			wants <- actions.Send(says{"a", text})
			simtest.Pass(time.Millisecond)
		}
		simtest.Pass(10 * time.Second)
		close(busy)
		simtest.Pass(10 * time.Second)
		if fastGot != n {
			t.Errorf("the fast client got %d of %d", fastGot, n)
		}
		if slowGot > 400 {
			t.Errorf("the slow client got %d messages of 10 kB, more than window and queue", slowGot)
		}
		got := up.take()
		if len(got) < 2 || got[len(got)-1] != "+room@a" {
			t.Errorf("the slow client heard %q", got)
		}
		c.expectLog(world.ErrSlowConsumer.Error(), 1)
		before := slowGot
		wants <- actions.Send(says{"a", "again"})
		simtest.Pass(time.Second)
		if slowGot != before+1 {
			t.Error("the slow client is not back")
		}
	})
}

// TestSlowHome: a home that takes nothing costs a client a window and a queue, then the
// client gives the link up, and says so; the next link serves when the home goes on.
func TestSlowHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		busy := make(chan struct{})
		got, last := 0, ""
		c.run(c.config("a").Serve("room"), spawn(endpoint.Subscriber(topic.All[says](), endpoint.OnMessage(func(s says) actions.Action {
			if got, last = got+1, s.Who; got == 1 {
				<-busy // the machine stands still
			}
			return nil
		}))))
		wants, up := make(chan actions.Action), new(heard)
		c.run(c.config("b").Driver(), steered(wants), spawn(up.ups(distributed.Reach(room))))
		simtest.Pass(time.Second)
		up.expect(t, "+room@a")
		text := strings.Repeat("x", 10_000)
		for range 1000 { // 10 MB
			wants <- distributed.Send(room, says{"flood", text})
			simtest.Pass(time.Millisecond)
		}
		simtest.Pass(10 * time.Second)
		if lines := up.take(); len(lines) != 2 || !strings.HasPrefix(lines[0], "-room@a ("+world.ErrSlowConsumer.Error()) || lines[1] != "+room@a" {
			t.Errorf("the client heard %q", lines)
		}
		close(busy)
		simtest.Pass(20 * time.Second)
		if got > 400 {
			t.Errorf("the home got %d messages of 10 kB, more than window and queue", got)
		}
		up.expect(t)
		wants <- distributed.Send(room, says{"again", ""})
		simtest.Pass(time.Second)
		if last != "again" {
			t.Errorf("the client is not back: the home heard %q last", last)
		}
	})
}
