package distributed_test

import (
	"errors"
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

// TestLettersToNobody: the logs of both machines say that letters go to a mailbox that is not
// there, with its name, and how often in a minute; nothing else suffers. B-F04.
func TestLettersToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var atHome heard
		at := distributed.Place{Node: "a", Name: "a"}
		send := func(name, body string) actions.Action {
			return distributed.Handle{Place: at, Name: name}.Send(distributed.Handle{}, body)
		}
		stopHome := c.run(c.config("a").Serve("a"), spawn(atHome.mailbox("logger", nil), endpoint.Subscriber(topic.All[says](), endpoint.OnMessage(func(s says) actions.Action { return atHome.add("%s", s.What) }))))
		orders := make(chan actions.Action)
		stopClient := c.run(c.config("b").Driver(), steered(orders))
		orders <- actions.Group(send("logger", "1"), send("lager", "2"), send("lager", "3"), send("logger", "4"), distributed.Send(at, says{"b", "5"}))
		simtest.Pass(2 * time.Minute)
		atHome.expect(t, "logger: 1", "logger: 4", "5")
		for range 3 {
			orders <- send("lodger", "6")
			simtest.Pass(time.Second)
		}
		atHome.expect(t)
		stopClient()
		stopHome()
		const nobody = `there is no mailbox of that name: `
		for _, log := range []string{`a client is refused" node=b`, `the place refuses a message" node=a place=a`} {
			c.expectLog(log, 3)
		}
		c.expectLog(nobody, 6)
		c.expectLog(nobody+`\"lager\" at the place \"a\" on \"a\" in life`, 2)
		c.expectLog(`(2 letters)`, 2)
		c.expectLog(nobody+`\"lodger\"`, 4)
		c.expectLog("repeated=2", 2)
	})
}

// TestLettersFindMailboxesOfAllSorts: no letter that somebody gets is said to go to nobody: the
// mailbox may be one of many, one for all names, in a machine further in, or on another machine;
// or have come with the letter. B-F04.
func TestLettersFindMailboxesOfAllSorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var got heard
		at := distributed.Place{Node: "a", Name: "a"}
		all := endpoint.Subscriber(topic.Where(topic.Glob(topic.FieldOf(func(l *distributed.Letter) *string { return &l.To }), "any*")),
			endpoint.OnMessage(func(l distributed.Letter) actions.Action { return got.add("%s: %v", l.To, l.Body) }))
		c.run(c.config("a").Serve("a"), spawn(got.mailbox("one", nil)), spawn(got.mailbox("one", nil)), spawn(all), nested(spawn(actions.AtMeta(got.mailbox("inner", nil)))))
		var letters actions.Tree
		for _, name := range []string{"one", "anything", "inner", "own"} {
			letters = append(letters, distributed.Handle{Place: at, Name: name}.Send(distributed.Handle{}, "x"))
		}
		c.run(c.config("b").Driver(), spawn(at.At(got.mailbox("own", nil)), letters))
		simtest.Pass(time.Second)
		got.expect(t, "one: x", "one: x", "anything: x", "inner: x", "own: x")
		c.expectLog(distributed.ErrNoMailbox.Error(), 0)
	})
}

// TestPost: a letter is posted to a mailbox that is there, and otherwise the sender hears why it
// was not sent, with the name. The same in one machine and on two. B-F04.
func TestPost(t *testing.T) {
	for _, at := range []distributed.Place{{}, {Node: "a", Name: "a"}} {
		t.Run(at.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t)
				var got heard
				home := []actions.Action{c.config("a").Serve("a"), spawn(got.mailbox("logger", nil))}
				orders := make(chan actions.Action)
				sender := steered(orders)
				var stop func()
				if at == (distributed.Place{}) {
					c.run(append(home, sender)...)
				} else {
					stop = c.run(home...)
					c.run(c.config("b").Driver(), sender)
				}
				post := func(h distributed.Handle) (err error) {
					t.Helper()
					results := 0
					orders <- h.Post(distributed.Handle{}, "hi", func(e error) actions.Action { results++; err = e; return nil })
					simtest.Pass(5 * time.Second)
					if results != 1 {
						t.Errorf("there are %d results", results)
					}
					return err
				}
				for range 2 {
					if err := post(distributed.Handle{Place: at, Name: "logger"}); err != nil {
						t.Error(err)
					}
					got.expect(t, "logger: hi")
					err := post(distributed.Handle{Place: at, Name: "lager"})
					if !errors.Is(err, distributed.ErrNoMailbox) || !strings.Contains(err.Error(), `"lager" at the place `+at.String()) {
						t.Errorf("a letter to nobody: %v", err)
					}
					got.expect(t)
				}
				c.expectLog("lager", 0) // the sender knows it
				if at == (distributed.Place{}) {
					return
				}
				if err := post(distributed.Handle{Place: distributed.Place{Node: "a", Name: "a", Epoch: 1}, Name: "logger"}); !errors.Is(err, distributed.ErrStale) {
					t.Errorf("a letter to an earlier life: %v", err)
				}
				stop()
				if err := post(distributed.Handle{Place: at, Name: "logger"}); !errors.Is(err, distributed.ErrUnreachable) {
					t.Errorf("a letter to a place that is not there: %v", err)
				}
				got.expect(t)
			})
		})
	}
}
