package laws

import (
	"fmt"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// This file has further examples: one for each promise of the interface that
// no example of naive_examples_test.go shows. Their names begin with the IDs of
// the promises.

var rowExamples = append([]naiveExample{
	{
		"HL-27, HL-28, HL-38: two endpoints without names, one without handlers",
		func(n *naiveNote) actions.Action {
			return actions.Tree{n.hears("a", listeners), n.hears("b", listeners), speakers, actions.Send(lawPing{"x"})}
		},
		`a: presence of publisher of laws.lawPing{}
		b: presence of publisher of laws.lawPing{}
		a: laws.lawPing{K: "x"}
		b: laws.lawPing{K: "x"}`,
	}, {
		"HL-32, HL-34, HL-48: an event without a handler changes nothing",
		func(n *naiveNote) actions.Action {
			return actions.Spawn(actions.Next(7,
				endpoint.Subscriber(pings, endpoint.OnPresenceState(func(s int, _ lawPing) actions.Transition[int] {
					n.write("presence")
					return actions.Next(s + 1)
				})),
				actions.Send(lawPing{"a"}), speakers.As("p"), actions.Delete("p"),
				actions.Yield(func(s int) actions.Transition[int] { n.write("state %d", s); return actions.Next(s) }),
			))
		},
		`presence
		state 8`,
	}, {
		"HL-40: all hear two messages in the same order",
		func(n *naiveNote) actions.Action {
			twice := func(a, b string) actions.Action {
				return spawned(later(actions.Send(lawPing{a}), actions.Yield(resuming(actions.Send(lawPing{b})))))
			}
			return actions.Tree{spawned(n.hears("2", listeners)), spawned(n.hears("3", listeners)), twice("a", "b"), twice("x", "y")}
		},
		`2: laws.lawPing{K: "a"}
		3: laws.lawPing{K: "a"}
		2: laws.lawPing{K: "x"}
		3: laws.lawPing{K: "x"}
		2: laws.lawPing{K: "b"}
		3: laws.lawPing{K: "b"}
		2: laws.lawPing{K: "y"}
		3: laws.lawPing{K: "y"}`,
	}, {
		"HL-45: the endpoints of a process share its state",
		func(n *naiveNote) actions.Action {
			adds := func(to topic.Pattern[lawPing], by int) actions.Action {
				return endpoint.Subscriber(to, endpoint.OnMessageState(func(s int, m lawPing) actions.Transition[int] {
					n.write("%s: %d", m.K, s+by)
					return actions.Next(s + by)
				}))
			}
			return actions.Spawn(actions.Next(0, adds(pingsOf("a"), 1), adds(pingsOf("b"), 10),
				actions.Send(lawPing{"a"}), actions.Send(lawPing{"b"}), actions.Send(lawPing{"a"})))
		},
		`a: 1
		b: 11
		a: 12`,
	}, {
		"HL-33, HL-55: a process that waits for presence before it asks is answered, and both see the other go",
		func(n *naiveNote) actions.Action {
			type react = map[actions.EventKind]actions.Action
			wait := n.reacts("B", endpoint.Subscriber(pingsOf("pong")), nil, react{
				actions.Delivery: actions.Group(actions.Delete("asks"), actions.Delete("waits")),
			}).As("waits")
			return actions.Tree{
				spawned(n.reacts("B", endpoint.Publisher(pingsOf("ping")), nil, react{
					actions.Presence: actions.Group(wait, actions.Send(lawPing{"ping"})),
				}).As("asks")),
				later(spawned(n.reacts("A", endpoint.Subscriber(pingsOf("ping")), nil, react{
					actions.Presence: actions.Send(lawPing{"arrived"}),
					actions.Delivery: actions.Send(lawPing{"pong"}),
					actions.Absence:  actions.Send(lawPing{"departed"}),
				}), n.hears("spy", endpoint.Subscriber(topic.Where(topic.Glob(lawK, "*ed")))))),
			}
		},
		`B: presence of subscriber of laws.lawPing{K: "ping"}
		A: presence of publisher of laws.lawPing{K: "ping"}
		A: laws.lawPing{K: "ping"}
		spy: laws.lawPing{K: "arrived"}
		B: laws.lawPing{K: "pong"}
		A: absence of publisher of laws.lawPing{K: "ping"}
		B: absence of subscriber of laws.lawPing{K: "ping"}
		spy: laws.lawPing{K: "departed"}`,
	}, {
		"HL-47, HL-56, HL-57: an absence has the reason of a deletion, a quit or a failure, or none",
		func(n *naiveNote) actions.Action {
			return actions.Tree{
				n.hears("1", listeners),
				spawned(speakers.As("p"), actions.Delete("p"), speakers.As("q"), actions.Delete("q").Because(lawReasons[1])),
				spawned(speakers, actions.Quit()),
				spawned(speakers, actions.Fail(lawReasons[2])),
				spawned(speakers, actions.Yield(func(struct{}) actions.Transition[struct{}] { panic("no") })),
			}
		},
		`1: presence of publisher of laws.lawPing{}
		1: absence of publisher of laws.lawPing{}
		1: presence of publisher of laws.lawPing{}
		1: absence of publisher of laws.lawPing{} enough
		1: presence of publisher of laws.lawPing{}
		1: absence of publisher of laws.lawPing{}
		1: presence of publisher of laws.lawPing{}
		1: absence of publisher of laws.lawPing{} no more
		1: presence of publisher of laws.lawPing{}
		1: absence of publisher of laws.lawPing{} vm: panic: no`,
	}, {
		"HL-64: fresh names are names that nobody has",
		func(n *naiveNote) actions.Action {
			fresh := actions.Fresh(func(s struct{}, name actions.EndpointID) actions.Transition[struct{}] {
				return actions.Next(s, n.hears(fmt.Sprint(name), listeners).As(name))
			})
			return actions.Tree{fresh, fresh, fresh, actions.Send(lawPing{"a"})}
		},
		`1: laws.lawPing{K: "a"}
		2: laws.lawPing{K: "a"}
		3: laws.lawPing{K: "a"}`,
	}, {
		"HL-67: an endpoint here and one at a meta-level may have the same name",
		func(n *naiveNote) actions.Action {
			// Two machines, each with both endpoints. One of the two is deleted.
			machine := func(k string, deletion actions.Action) actions.Action {
				ear := endpoint.Subscriber(pingsOf(k))
				return actions.Spawn(virtualOf(
					n.hears("here", ear).As("x"), actions.AtMeta(n.hears("there", ear).As("x")), deletion,
					later(actions.Send(lawPing{k}), later(actions.AtMeta(actions.Send(lawPing{k})))),
				))
			}
			return actions.Tree{machine("a", actions.Delete("x")), machine("b", actions.AtMeta(actions.Delete("x")))}
		},
		`here: laws.lawPing{K: "b"}
		there: laws.lawPing{K: "a"}`,
	}, {
		"HL-68: an endpoint that deletes itself in its handler hears once",
		func(n *naiveNote) actions.Action {
			once := map[actions.EventKind]actions.Action{actions.Delivery: actions.Delete("it")}
			return actions.Tree{
				n.reacts("it", listeners, nil, once).As("it"), n.hears("other", listeners),
				actions.Send(lawPing{"a"}), later(actions.Send(lawPing{"b"})),
			}
		},
		`it: laws.lawPing{K: "a"}
		other: laws.lawPing{K: "a"}
		other: laws.lawPing{K: "b"}`,
	}, {
		"HL-82, HL-84, HL-85, LL-07: a parent goes on after a child that fails at once, and no PID is used again",
		func(n *naiveNote) actions.Action {
			child := func(name string, fails bool) actions.Action {
				return actions.SpawnFunc(func(self actions.PID) actions.Process {
					n.write("%s boots as %v", name, self)
					if fails {
						panic("no")
					}
					return actions.Stateless(actions.Quit())
				}).Continue(actions.ResumeWith(func(s struct{}, pid actions.PID) actions.Transition[struct{}] {
					n.write("its parent goes on with %v", pid)
					return actions.Next(s)
				}))
			}
			return actions.Tree{child("the first", true), later(child("the second", false), later(child("the third", false)))}
		},
		`the first boots as 2
		its parent goes on with 2
		the second boots as 3
		its parent goes on with 3
		the third boots as 4
		its parent goes on with 4`,
	}, {
		"HL-94, B-M13: processes that yield take turns",
		func(n *naiveNote) actions.Action {
			yields := func(name string) actions.Action {
				var next func(int) actions.Transition[int]
				next = func(s int) actions.Transition[int] {
					n.write("%s %d", name, s)
					return actions.Next(s+1, actions.When(s < 2, actions.Yield(next)))
				}
				return actions.Spawn(actions.Next(0, actions.Yield(next)))
			}
			return actions.Tree{yields("a"), yields("b"), yields("c")}
		},
		`a 0
		b 0
		c 0
		a 1
		b 1
		c 1
		a 2
		b 2
		c 2`,
	}, {
		"HL-95, HL-96: a machine has one PID around it, and its first process another inside",
		func(n *naiveNote) actions.Action {
			return actions.SpawnThen(virtual(func(self actions.PID) actions.Process {
				n.write("inside: %v", self)
				return actions.Next("state", actions.Yield(func(s string) actions.Transition[string] {
					n.write("its %s", s)
					return actions.Next(s)
				}))
			}), func(s struct{}, pid actions.PID) actions.Transition[struct{}] {
				n.write("around it: %v", pid)
				return actions.Next(s)
			})
		},
		`inside: 1
		around it: 2
		its state`,
	}, {
		"HL-102: the handler of an endpoint at a meta-level has the state of its process",
		func(n *naiveNote) actions.Action {
			inner := actions.Spawn(actions.Next(5, actions.AtMeta(endpoint.Subscriber(pings,
				endpoint.OnMessageState(func(s int, m lawPing) actions.Transition[int] {
					n.write("%s at %d", m.K, s)
					return actions.Next(s + 1)
				})))))
			return actions.Tree{actions.Spawn(virtualOf(inner)), later(later(actions.Send(lawPing{"a"}), actions.Send(lawPing{"b"})))}
		},
		`a at 5
		b at 6`,
	},
}, withdrawnExamples()...)

// withdrawnExamples has a process in four machines, with an endpoint at the
// outermost level. The process ends, or one of the machines around it does.
func withdrawnExamples() (all []naiveExample) {
	for up := range 5 {
		all = append(all, naiveExample{
			fmt.Sprintf("HL-98, HL-104: what is held outside goes with a process that ends %d levels up", up),
			func(n *naiveNote) actions.Action {
				outward := func(levels int, a actions.Action) actions.Action {
					for range levels {
						a = actions.AtMeta(a)
					}
					return a
				}
				inner := actions.Action(spawned(outward(4, speakers), later(outward(up, actions.Fail(lawReasons[1])))))
				for range 4 {
					inner = actions.Spawn(virtualOf(inner))
				}
				return actions.Tree{n.hears("1", listeners), inner}
			},
			strings.Join([]string{
				"1: presence of publisher of laws.lawPing{}",
				"1: absence of publisher of laws.lawPing{} enough",
			}, "\n"),
		})
	}
	return all
}
