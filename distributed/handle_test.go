package distributed_test

import (
	"fmt"
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

// A parcel has handles in all kinds of parts.
type parcel struct {
	One   distributed.Handle
	Many  []distributed.Handle
	ByKey map[string]distributed.Handle
	Of    map[distributed.Handle]string
	Any   any
	To    *distributed.Handle
}

func init() { world.Register[parcel]("distributed_test.parcel") }

func all(h distributed.Handle) parcel {
	return parcel{h, []distributed.Handle{h}, map[string]distributed.Handle{"k": h}, map[distributed.Handle]string{h: "v"}, topic.Tuple{1, h}, &h}
}

func (p parcel) handles() string {
	return fmt.Sprint(p.One, p.Many, p.ByKey, p.Of, p.Any, *p.To)
}

// mailbox returns a mailbox that tells h what comes, and passes letters on to f.
func (h *heard) mailbox(name string, f func(distributed.Letter) actions.Action) actions.AddEndpoint {
	return distributed.Mailbox(name, endpoint.OnMessage(func(l distributed.Letter) actions.Action {
		h.add("%s: %v", name, l.Body)
		if f == nil {
			return nil
		}
		return f(l)
	})).As(name)
}

// TestLetters: letters go to names on nodes, and their handles work where they arrive.
// FC-04 to FC-08, FC-12.
func TestLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var atHome, away heard
		logger := distributed.Handle{Place: distributed.Place{Node: "a", Name: "a"}, Name: "logger"}
		c.run(c.config("a").Driver(), c.config("a").Serve("a"), spawn(atHome.mailbox("logger", func(l distributed.Letter) actions.Action {
			return l.From.Send(distributed.Handle{}, fmt.Sprintf("heard from %v", l.From.Place.Node))
		})))
		c.run(c.config("b").Driver(), c.config("b").Serve("b"), spawn(away.mailbox("me", nil), logger.Send(distributed.Handle{Name: "me"}, "hi")))
		simtest.Pass(time.Second)
		atHome.expect(t, "logger: hi")
		away.expect(t, "me: heard from b")
	})
}

// TestHandlesInMessages: wherever a handle is in a message, it works where it arrives, and is
// local again when it comes home. FC-12.
func TestHandlesInMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var there, back []parcel
		echo := distributed.Place{Node: "a", Name: "a"}
		c.run(c.config("a").Serve("a"), spawn(endpoint.Subscriber(topic.All[parcel](), endpoint.OnMessage(func(p parcel) actions.Action {
			there = append(there, p)
			return actions.Feedback(p)
		}))))
		c.run(c.config("b").Driver(), c.config("b").Serve("b"), spawn(
			echo.At(endpoint.Publisher(topic.All[parcel](), endpoint.OnMessage(func(p parcel) actions.Action {
				back = append(back, p)
				return nil
			}))),
			distributed.Send(echo, all(distributed.Handle{Name: "x"})),
		))
		simtest.Pass(time.Second)
		if len(there) != 1 || len(back) != 1 {
			t.Fatalf("%d messages arrived, and %d came back", len(there), len(back))
		}
		at := there[0].One
		if at.Place.Node != "b" || at.Place.Name != "b" || at.Place.Epoch == 0 || at.Name != "x" {
			t.Errorf("the handle became %v", at)
		}
		if got, want := there[0].handles(), all(at).handles(); got != want {
			t.Errorf("the handles became\n%s, want\n%s", got, want)
		}
		if got, want := back[0].handles(), all(distributed.Handle{Name: "x"}).handles(); got != want {
			t.Errorf("the handles came back as\n%s, want\n%s", got, want)
		}
	})
}

// TestHandlesOfNoPlace: a machine that is served as no place cannot send its handles.
func TestHandlesOfNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var atHome heard
		logger := distributed.Handle{Place: distributed.Place{Node: "a", Name: "a"}, Name: "logger"}
		c.run(c.config("a").Serve("a"), spawn(atHome.mailbox("logger", nil)))
		c.run(c.config("b").Driver(), spawn(logger.Send(distributed.Handle{Name: "me"}, "no"), logger.Send(distributed.Handle{}, "yes")))
		simtest.Pass(time.Second)
		atHome.expect(t, "logger: yes")
		c.expectLog("a Handle in it is of a machine that is served as no place", 2)
	})
}

// TestStaleHandles: a handle of an earlier life of a place is refused. B-F08.
func TestStaleHandles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var atHome heard
		var place distributed.Place
		where := endpoint.Subscriber(distributed.Whereabouts(), endpoint.OnPresence(func(h distributed.Here) actions.Action { place = h.Place; return nil }))
		stop := c.run(c.config("a").Serve("a"), spawn(where))
		old := place
		stop()
		c.run(c.config("a").Serve("a"), spawn(atHome.mailbox("x", nil), where))
		if old == place || old.Epoch == 0 {
			t.Fatalf("the places are %v and %v", old, place)
		}
		c.run(c.config("b").Driver(), spawn(
			distributed.Handle{Place: old, Name: "x"}.Send(distributed.Handle{}, "old"),
			distributed.Handle{Place: place, Name: "x"}.Send(distributed.Handle{}, "new"),
		))
		simtest.Pass(time.Second)
		atHome.expect(t, "x: new")
		c.expectLog(distributed.ErrStale.Error(), 1)
	})
}

// TestNamesArePresence: whether a mailbox is there can be heard from everywhere. FC-04, B-F04,
// B-F11.
func TestNamesArePresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var atHome, away heard
		wants := make(chan actions.Action)
		c.run(c.config("a").Serve("a"), spawn(endpoint.Device(cord{wants}, endpoint.OnValue(func(d deed) actions.Action { return d.Action }))))
		h := distributed.Handle{Place: distributed.Place{Node: "a", Name: "a"}, Name: "logger"}
		c.run(c.config("b").Driver(), spawn(h.Presence(
			endpoint.OnPresence(func(l distributed.Letter) actions.Action { return away.add("+%s", l.To) }),
			endpoint.OnAbsence(func(l distributed.Letter, _ error) actions.Action { return away.add("-%s", l.To) }))))
		simtest.Pass(time.Second)
		away.expect(t)
		wants <- atHome.mailbox("logger", nil)
		simtest.Pass(time.Second)
		away.expect(t, "+logger")
		wants <- actions.Delete("logger")
		simtest.Pass(time.Second)
		away.expect(t, "-logger")
		var pid actions.PID
		wants <- actions.SpawnFunc(func(self actions.PID) actions.Process {
			pid = self
			return actions.Stateless(atHome.mailbox("logger", nil))
		})
		simtest.Pass(time.Second)
		away.expect(t, "+logger")
		wants <- actions.Kill(pid, nil) // its process has ended
		simtest.Pass(time.Second)
		away.expect(t, "-logger")
	})
}
