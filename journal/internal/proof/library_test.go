package proof

import (
	"errors"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// The program of most tests is a library: a clerk at a desk, and in a machine of
// its own a shelf of pages, one process for each key, whose presence the shelf
// observes. A note without a text closes the page.

// Page is what a page publishes, and Tear what closes one.
type (
	Page struct{ Key string }
	Tear struct{ Key string }
)

var (
	pageKey = topic.FieldOf(func(p *Page) *string { return &p.Key })
	tearKey = topic.FieldOf(func(t *Tear) *string { return &t.Key })
)

var library = booting(func(d desk) []actions.Action {
	return []actions.Action{clerk(d), actions.Spawn(vm.Nested(actions.Spawn(shelf{}.process()).Named("shelf"))).Named("library")}
})

// clerk makes messages of notes, and hands out acks.
func clerk(d desk) actions.Action {
	return actions.Spawn(actions.Stateless(
		endpoint.Device(d, endpoint.OnValue(func(n Note) actions.Action { return actions.Send(n) })),
		endpoint.Subscriber(topic.All[Ack](), endpoint.OnMessage(func(a Ack) actions.Action { return actions.Tell(d, a) })),
	)).Named("clerk")
}

// A shelf knows which pages there are, from their presence.
type shelf struct {
	n     int
	pages string
}

func (s shelf) process() actions.Process {
	return actions.Next(s,
		endpoint.ObservePublishers(topic.All[Page](), endpoint.OnPresenceState(shelf.come), endpoint.OnAbsenceState(shelf.gone)),
		actions.AtMeta(endpoint.Subscriber(topic.All[Note](), endpoint.OnMessageState(shelf.note))),
	)
}

func (s shelf) note(n Note) actions.Transition[shelf] {
	s.n++
	there := strings.Contains(s.pages, n.Key)
	return actions.Next(s,
		actions.When(!there && n.Text != "", actions.Spawn(page(n.Key)).Named(n.Key)),
		actions.When(n.Text == "", actions.Send(Tear{n.Key})),
		actions.AtMeta(actions.Send(Ack{n.Key, s.n, s.pages})),
	)
}

func (s shelf) come(p Page) actions.Transition[shelf] {
	s.pages += " " + p.Key
	return actions.Next(s)
}

func (s shelf) gone(p Page, reason error) actions.Transition[shelf] {
	s.pages = strings.ReplaceAll(s.pages, " "+p.Key, "") + "; " + reason.Error()
	return actions.Next(s)
}

func page(key string) actions.Process {
	return actions.Stateless(
		endpoint.Publisher(topic.Where(pageKey.Is(key))),
		endpoint.Subscriber(topic.Where(tearKey.Is(key)), endpoint.OnMessage(func(Tear) actions.Action {
			return actions.Fail(errors.New("torn"))
		})),
	)
}

// some are notes of a small run.
var some = []Note{{"ann", "a"}, {"bob", "b"}, {"ann", "c"}, {"bob", ""}, {"ann", "d"}, {"bob", "e"}}
