package rpc_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

var (
	_ = rpc.Define[Change, int]("rpc_test.addAgain")
	_ = rpc.DefineCast[Change]("rpc_test.noteOfChange")
)

// The messages of calls have names, although the variables of a package, and so its
// operations, are initialised before its function init registers the arguments. Several
// operations have the same messages.
func TestMessagesHaveNames(t *testing.T) {
	for want, v := range map[string]any{
		"rpc.Request[rpc_test.Change]": rpc.Request[Change]{Op: "rpc_test.add", From: rpc.Caller{Via: 1, N: 2}, N: 3, Args: Change{"x", 4}},
		"rpc.Reply[int]":               rpc.Reply[int]{Op: "rpc_test.add", To: rpc.Caller{N: 2}, N: 3, Result: 5},
		"rpc.Notice[string]":           rpc.Notice[string]{Op: "rpc_test.note", Args: "x"},
		"rpc.Notice[rpc_test.Change]":  rpc.Notice[Change]{Op: "rpc_test.noteOfChange"},
		"rpc.Caller":                   rpc.Caller{Via: 1, N: 2},
		"rpc.Via":                      rpc.Via(1),
	} {
		data, err := codec.Append(nil, v)
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if got, err := codec.Name(data); got != want || err != nil {
			t.Errorf("the name of a %T is %q, %v, want %q", v, got, err, want)
		}
		if got, _, err := codec.Decode(data); got != v || err != nil {
			t.Errorf("%#v is decoded as %#v, %v", v, got, err)
		}
	}
}

// Callers that come by different borders are others, even if their numbers are equal:
// each gets its replies only, and OnGone names the one that has gone.
func TestViaTellsCallersApart(t *testing.T) {
	to := topic.FieldOf(func(r *rpc.Reply[int]) *rpc.Caller { return &r.To })
	m := vmtest.Config{Types: []actions.Type{gossips.Type}}.Run(t, gossips.Spawn(gossip{}))
	gone := vmtest.Subscriber(m, topic.All[rpc.Caller]())
	one := vmtest.Subscriber(m, topic.Where(to.Is(rpc.Caller{Via: 1, N: 7})))
	two := vmtest.Subscriber(m, topic.Where(to.Is(rpc.Caller{Via: 2, N: 7})))
	gone.Take() // the server has come
	two.Take()
	m.Perform(actions.Send(rpc.Request[Change]{Op: "rpc_test.add", From: rpc.Caller{Via: 2, N: 7}, N: 1, Args: Change{"x", 5}}))
	two.ExpectMessages(rpc.Reply[int]{Op: "rpc_test.add", To: rpc.Caller{Via: 2, N: 7}, N: 1, Result: 5})
	for _, h := range one.Take() {
		if h.Kind == actions.Delivery {
			t.Errorf("the caller by another border gets %v", h.About)
		}
	}
	two.Close(nil)
	gone.ExpectMessages(rpc.Caller{Via: 2, N: 7})
	one.Close(nil)
	gone.ExpectMessages(rpc.Caller{Via: 1, N: 7})
}

// A gossip is a bank that says which callers have gone.
type gossip struct{ accounts }

func (g gossip) open() actions.Action {
	return actions.Tree{
		rpc.Methods(rpc.Handle(Add, func(g gossip, c Change) (gossip, int, error) {
			next, r, err := g.add(c)
			return gossip{next}, r, err
		}, rpc.OnGone(func(g gossip, c rpc.Caller) actions.Transition[gossip] { return actions.Next(g, actions.Send(c)) }))),
		endpoint.Publisher(topic.All[rpc.Caller]()),
	}
}

var gossips = actions.Define("rpc_test.gossip", gossip.open)
