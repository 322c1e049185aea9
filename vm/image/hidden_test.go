package image_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// A token is a secret: nobody may read it.
type token string

func (token) String() string { return "***" }

// A session has a token.
type session struct{ Token token }

var sessionToken = topic.FieldOf(func(s *session) *token { return &s.Token })

// A guard serves sessions.
type guard struct{ Tokens []token }

func (g guard) open() actions.Action {
	all := actions.Tree{endpoint.ObserveSubscribers(topic.All[session](),
		endpoint.OnFirst(func(session) actions.Action { return nil }, sessionToken),
		endpoint.OnLast(func(session) actions.Action { return nil }, sessionToken)).As("demand")}
	for _, t := range g.Tokens {
		all = append(all, endpoint.Subscriber(topic.Where(sessionToken.Is(t))).As(t))
	}
	return all
}

// An image distinguishes endpoints, names and demands that differ only in what
// their types hide, and no text shows that (Issue 9.12).
func TestImageOfHidden(t *testing.T) {
	types, err := image.NewTypes(actions.Define("image_test.guard", guard.open).Type)
	if err != nil {
		t.Fatal(err)
	}
	g := guard{[]token{"a", "b", "c", "d", "e", "f"}}
	m := vm.New(actions.Spawn(actions.Next(g, g.open())))
	m.Apply(vm.Input{Kind: vm.Start})
	im, err := image.Of(m.Snapshot(), types, func(_ actions.Type, state any) ([]byte, error) { return json.Marshal(state) })
	if err != nil {
		t.Fatal(err)
	}
	if n := len(im.Processes[0].Endpoints[0].Tallies); n != len(g.Tokens) {
		t.Errorf("%d demands are counted", n)
	}
	s, err := im.State(types, func(_ actions.Type, data []byte) (any, error) {
		var g guard
		err := json.Unmarshal(data, &g)
		return g, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if text := s.Machine(nil).String(); strings.Count(text, "***") < len(g.Tokens) || strings.Contains(text, `"a"`) {
		t.Error(text)
	}
}
