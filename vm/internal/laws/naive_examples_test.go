package laws

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// This file has small programs, and what each of them does, written down by
// hand. Both the naive machine and the machine must do that.

// A naiveNote has what handlers were told, in lines.
type naiveNote struct{ lines []string }

func (n *naiveNote) write(format string, args ...any) {
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

// hears returns e with a handler that writes down what the endpoint, which is
// called who, is told.
func (n *naiveNote) hears(who string, e actions.AddEndpoint) actions.AddEndpoint {
	return n.reacts(who, e, nil, nil)
}

// reacts is like hears, for an endpoint that may count its peers, and that
// reacts to an event of the given kind.
func (n *naiveNote) reacts(who string, e actions.AddEndpoint, demand *actions.Demand, to map[actions.EventKind]actions.Action) actions.AddEndpoint {
	e.Handler = &actions.Handler{Demand: demand, Run: func(state any, ev *actions.Event) (any, actions.Action) {
		switch ev.Kind {
		case actions.Delivery:
			n.write("%s: %v", who, ev.Message)
		case actions.First, actions.Last:
			n.write("%s: %v %v", who, ev.Kind, ev.Peer.Topic)
		default:
			n.write("%s: %v of %v %s", who, ev.Kind, ev.Peer, lawReason(ev.Reason))
		}
		return state, to[ev.Kind]
	}}
	return e
}

// resuming returns a continuation that performs actions.
func resuming(as ...actions.Action) func(struct{}) actions.Transition[struct{}] {
	return func(struct{}) actions.Transition[struct{}] { return actions.Stateless(as...) }
}

// later performs actions when all processes that are spawned with it are there.
func later(as ...actions.Action) actions.Action {
	return actions.Yield(resuming(actions.Yield(resuming(as...))))
}

func spawned(as ...actions.Action) actions.Action { return actions.Spawn(actions.Stateless(as...)) }

var (
	pings     = topic.All[lawPing]()
	listeners = endpoint.Subscriber(pings)
	speakers  = endpoint.Publisher(pings)
)

func pingsOf(k string) topic.Pattern[lawPing] { return topic.Where(lawK.Is(k)) }

type naiveExample struct {
	name string
	boot func(n *naiveNote) actions.Action
	want string // line by line
}

var naiveExamples = []naiveExample{
	{
		"HL-46, HL-47, HL-49: in a pair, the one that was there hears first",
		func(n *naiveNote) actions.Action {
			return actions.Tree{n.hears("old", listeners), n.hears("new", speakers).As("new"), actions.Delete("new")}
		},
		`old: presence of publisher of laws.lawPing{}
		new: presence of subscriber of laws.lawPing{}
		old: absence of publisher of laws.lawPing{}
		new: absence of subscriber of laws.lawPing{}`,
	}, {
		"the acting process hears first, and then the others by PID",
		func(n *naiveNote) actions.Action {
			return actions.Tree{
				spawned(n.hears("2", listeners)),
				spawned(n.hears("3", listeners), later(actions.Send(lawPing{"a"}))),
				n.hears("1", listeners),
			}
		},
		`3: laws.lawPing{K: "a"}
		1: laws.lawPing{K: "a"}
		2: laws.lawPing{K: "a"}`,
	}, {
		"HL-88, B-M08: a process that kills another one is the acting one",
		func(n *naiveNote) actions.Action {
			return actions.Tree{
				spawned(n.hears("2", listeners)),
				spawned(n.hears("3", listeners), later(actions.Kill(4, lawReasons[1]))),
				spawned(n.hears("4", speakers)),
				n.hears("1", listeners),
			}
		},
		`1: presence of publisher of laws.lawPing{}
		4: presence of subscriber of laws.lawPing{}
		2: presence of publisher of laws.lawPing{}
		4: presence of subscriber of laws.lawPing{}
		3: presence of publisher of laws.lawPing{}
		4: presence of subscriber of laws.lawPing{}
		3: absence of publisher of laws.lawPing{} enough
		1: absence of publisher of laws.lawPing{} enough
		2: absence of publisher of laws.lawPing{} enough`,
	}, {
		"HL-92, B-M07, B-M10: a process that is being ended runs no code",
		func(n *naiveNote) actions.Action {
			return actions.Tree{
				spawned(n.hears("2a", listeners), n.hears("2b", speakers), actions.Fail(lawReasons[1]), actions.Send(lawPing{})),
				n.hears("1", speakers),
			}
		},
		`1: presence of subscriber of laws.lawPing{}
		2a: presence of publisher of laws.lawPing{}
		2a: presence of publisher of laws.lawPing{}
		2b: presence of subscriber of laws.lawPing{}
		1: absence of subscriber of laws.lawPing{} enough`,
	}, {
		"HL-61, B-M23: the endpoints that a move concerns hear of it",
		func(n *naiveNote) actions.Action {
			return actions.Tree{
				spawned(n.hears("all", speakers), n.hears("b", endpoint.Publisher(pingsOf("b"))), n.hears("c", endpoint.Publisher(pingsOf("c")))),
				later(n.hears("it", endpoint.Subscriber(pingsOf("b"))).As("it"),
					actions.Replace(n.hears("it", endpoint.Subscriber(pingsOf("c"))).As("it"))),
			}
		},
		`all: presence of subscriber of laws.lawPing{K: "b"}
		it: presence of publisher of laws.lawPing{K: "b"}
		b: presence of subscriber of laws.lawPing{K: "b"}
		it: presence of publisher of laws.lawPing{K: "b"}
		all: absence of subscriber of laws.lawPing{K: "b"}
		it: absence of publisher of laws.lawPing{K: "b"}
		all: presence of subscriber of laws.lawPing{K: "c"}
		it: presence of publisher of laws.lawPing{K: "c"}
		b: absence of subscriber of laws.lawPing{K: "b"}
		it: absence of publisher of laws.lawPing{K: "b"}
		c: presence of subscriber of laws.lawPing{K: "c"}
		it: presence of publisher of laws.lawPing{K: "c"}`,
	}, {
		"endpoints between which nothing changes hear nothing of a move",
		func(n *naiveNote) actions.Action {
			return actions.Tree{
				spawned(n.hears("b", endpoint.Publisher(pingsOf("b"))), n.hears("c", endpoint.Publisher(pingsOf("c")))),
				later(n.hears("it", endpoint.Subscriber(pingsOf("b"))).As("it"), actions.Replace(n.hears("it", listeners).As("it"))),
			}
		},
		`b: presence of subscriber of laws.lawPing{K: "b"}
		it: presence of publisher of laws.lawPing{K: "b"}
		c: presence of subscriber of laws.lawPing{K: "c"}
		it: presence of publisher of laws.lawPing{K: "c"}`,
	}, {
		"an endpoint that turns round has never met itself",
		func(n *naiveNote) actions.Action {
			return actions.Tree{n.hears("it", listeners).As("it"), actions.Replace(n.hears("it", speakers).As("it"))}
		},
		"",
	}, {
		"the last of those who count is one of them",
		func(n *naiveNote) actions.Action {
			watching := endpoint.Subscriber(pings,
				endpoint.OnFirst(func(lawPing) actions.Action { n.write("first"); return nil }).FromInterest(topic.Observer),
				endpoint.OnLast(func(lawPing) actions.Action { n.write("last"); return nil }).FromInterest(topic.Observer),
			).Everything()
			return actions.Tree{watching, spawned(endpoint.ObserveSubscribers(pings).As("it"), later(actions.Delete("it")))}
		},
		`first
		last`,
	}, {
		"B-M20: all whose demand is over are told before anything else happens",
		func(n *naiveNote) actions.Action {
			back := map[actions.EventKind]actions.Action{actions.Last: endpoint.Publisher(pingsOf("b")).As("b")}
			return actions.Tree{
				n.reacts("a", endpoint.Subscriber(pingsOf("a")), &actions.Demand{}, back),
				n.reacts("b", endpoint.Subscriber(pingsOf("b")), &actions.Demand{}, nil),
				spawned(endpoint.Publisher(pingsOf("a")), endpoint.Publisher(pingsOf("b")), actions.Quit()),
			}
		},
		`a: presence of publisher of laws.lawPing{K: "a"}
		a: first laws.lawPing{K: "a"}
		b: presence of publisher of laws.lawPing{K: "b"}
		b: first laws.lawPing{K: "b"}
		a: absence of publisher of laws.lawPing{K: "a"}
		b: absence of publisher of laws.lawPing{K: "b"}
		a: last laws.lawPing{K: "a"}
		b: last laws.lawPing{K: "b"}
		b: presence of publisher of laws.lawPing{K: "b"}
		b: first laws.lawPing{K: "b"}`,
	}, {
		"B-M20: a conversation that is handed over is not interrupted",
		func(n *naiveNote) actions.Action {
			return actions.Tree{
				n.reacts("it", listeners, &actions.Demand{}, nil),
				spawned(speakers, later(spawned(speakers), actions.Quit())),
			}
		},
		`it: presence of publisher of laws.lawPing{}
		it: first laws.lawPing{}
		it: absence of publisher of laws.lawPing{}
		it: presence of publisher of laws.lawPing{}`,
	}, {
		"HL-93, B-M13: a yield waits for the next turn, and then is first",
		func(n *naiveNote) actions.Action {
			return actions.Tree{
				n.reacts("it", listeners, nil, map[actions.EventKind]actions.Action{actions.Delivery: actions.Delete("it")}).As("it"),
				actions.Yield(resuming(actions.Send(lawPing{"in the next turn"}))),
				actions.Send(lawPing{"at once"}),
			}
		},
		`it: laws.lawPing{K: "at once"}
		it: laws.lawPing{K: "in the next turn"}`,
	}, {
		"HL-91: what was queued before a crash is performed",
		func(n *naiveNote) actions.Action {
			return actions.Tree{
				n.hears("1", listeners),
				spawned(
					endpoint.Subscriber(pingsOf("go"), endpoint.OnMessage(func(lawPing) actions.Action { return actions.Send(lawPing{"queued"}) })),
					endpoint.Subscriber(pingsOf("go"), endpoint.OnMessage(func(lawPing) actions.Action { panic("no") })),
					endpoint.Publisher(pingsOf("me")),
				),
				later(actions.Send(lawPing{"go"})),
			}
		},
		`1: presence of publisher of laws.lawPing{K: "me"}
		1: laws.lawPing{K: "go"}
		1: laws.lawPing{K: "queued"}
		1: absence of publisher of laws.lawPing{K: "me"} vm: panic: no`,
	}, {
		"HL-81, HL-100, HL-105, B-M06: from a machine inside, and back",
		func(n *naiveNote) actions.Action {
			answer := map[actions.EventKind]actions.Action{
				actions.Delivery: actions.AtMeta(actions.AtMeta(actions.Feedback(lawPing{"answer"}))),
			}
			inner := actions.AtMeta(actions.AtMeta(n.reacts("1/1", listeners, nil, answer)))
			return actions.Tree{
				actions.Spawn(virtualOf(actions.Spawn(virtualOf(inner)))),
				later(later(later(n.hears("1", speakers), actions.Send(lawPing{"question"})))),
			}
		},
		`1/1: presence of publisher of laws.lawPing{}
		1: presence of subscriber of laws.lawPing{}
		1/1: laws.lawPing{K: "question"}
		1: laws.lawPing{K: "answer"}`,
	},
}

func TestNaiveExamples(t *testing.T) {
	for _, x := range slices.Concat(naiveExamples, rowExamples) {
		t.Run(x.name, func(t *testing.T) {
			n := &naiveNote{}
			m := newNaive(naiveFaults{}, nil, func(actions.PID) actions.Process { return actions.Stateless(x.boot(n)) })
			m.settle()
			x.check(t, n)
		})
	}
}

// TestMachineExamples runs the same programs on the machine.
func TestMachineExamples(t *testing.T) {
	for _, x := range slices.Concat(naiveExamples, rowExamples) {
		t.Run(x.name, func(t *testing.T) {
			n := &naiveNote{}
			m := vm.New(x.boot(n))
			m.Apply(vm.Input{Kind: vm.Start})
			x.check(t, n)
		})
	}
}

func (x naiveExample) check(t *testing.T, n *naiveNote) {
	t.Helper()
	var want []string
	for line := range strings.Lines(x.want) {
		want = append(want, strings.TrimSpace(line))
	}
	for i, line := range n.lines {
		n.lines[i] = strings.TrimSpace(line)
	}
	if !slices.Equal(n.lines, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(n.lines, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func virtualOf(boot ...actions.Action) actions.Process {
	return virtual(func(actions.PID) actions.Process { return actions.Stateless(boot...) })
}
