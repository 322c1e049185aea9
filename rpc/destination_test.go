package rpc_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

var (
	there, elsewhere = far{"there"}, far{"elsewhere"}

	errCut = errors.New("rpc_test: the cable is cut")
)

func init() { world.RegisterErrorKind("rpc_test.errCut", errCut) }

// runFar starts a machine, and returns a probe of the answers in it.
func runFar(t *testing.T, boot ...actions.Action) (*vmtest.Machine, *vmtest.Probe[Answer]) {
	m := vmtest.Config{Types: []actions.Type{banks.Type, customers.Type, farBanks.Type, farLaters.Type}}.Run(t, boot...)
	answers := vmtest.Subscriber(m, topic.All[Answer]())
	return m, answers
}

// expectErr expects an answer with an error that wraps all of some.
func expectErr(t *testing.T, answers *vmtest.Probe[failure], tag string, want ...error) {
	t.Helper()
	var got []failure
	for _, h := range answers.Take() {
		if h.Kind == actions.Delivery {
			got = append(got, h.About)
		}
	}
	if len(got) != 1 || got[0].Tag != tag {
		t.Errorf("the answers are %v, want one of %s", got, tag)
		return
	}
	for _, err := range want {
		if !errors.Is(got[0].Err, err) {
			t.Errorf("call %s fails with %v, which does not wrap %v", tag, got[0].Err, err)
		}
	}
}

// A failure is the answer of a call with its error.
type failure struct {
	Tag string
	Err error
}

func failing(tag string, opts ...rpc.Option) actions.Action {
	return rpc.Call(Add, Change{"x", 1}, func(_ int, err error) actions.Action { return actions.Send(failure{tag, err}) }, opts...)
}

// stays returns a caller that performs actions, and stays to perform others: see [again].
func stays(as ...actions.Action) actions.Action {
	return actions.Spawn(actions.Stateless(actions.Group(as...), endpoint.Subscriber(topic.All[kick]()), endpoint.Subscriber(topic.All[again](), endpoint.OnMessage(func(a again) actions.Action { return a.Do }))))
}

// again makes the process of [stays] do something else.
type again struct{ Do actions.Action }

// A call at a destination waits until it is within reach, and then gets its result from
// the servers there.
func TestCallAtADestination(t *testing.T) {
	m, answers := runFar(t, banks.Spawn(accounts{100}), farBanks.Spawn(farBank{At: there}))
	m.Perform(stays(call("a", Change{"x", 5}, rpc.At(there)), call("b", Change{"x", 6}, rpc.At(there))))
	answers.ExpectNothing()
	up := vmtest.Publisher(m, there.says())
	answers.ExpectMessages(Answer{"a", 5, ""}, Answer{"b", 11, ""})
	m.Perform(actions.Send(again{actions.Tree{call("c", Change{"x", 1}, rpc.At(there)), call("d", Change{"x", 1})}}))
	answers.ExpectMessages(Answer{"c", 12, ""}, Answer{"d", 101, ""})
	up.Close(nil)
	answers.ExpectNothing()
}

// A destination that is here, and none, are the same.
func TestCallAtADestinationThatIsHere(t *testing.T) {
	m, answers := runFar(t, banks.Spawn(accounts{}))
	m.Perform(stays(call("a", Change{"x", 5}, rpc.At(far{})), call("b", Change{"x", 1}, rpc.At(nil)), call("c", Change{"x", 1}), rpc.Tell(Note, "n", rpc.At(far{}))))
	answers.ExpectMessages(Answer{"a", 5, ""}, Answer{"b", 6, ""}, Answer{"c", 7, ""})
	for p := range m.VM().Processes() {
		replies := 0
		for _, e := range p.Endpoints {
			if e.Role.Topic.Matches(topic.MessageOf(rpc.Request[Change]{Op: "rpc_test.add"})) && e.Role.Orientation == topic.Publisher {
				replies++
			}
		}
		if replies > 1 {
			t.Errorf("process %v sees the servers %d times", p.Path, replies)
		}
	}
}

// Several destinations of one operation, and here, are kept apart.
func TestCallsAtSeveralDestinations(t *testing.T) {
	m, answers := runFar(t, banks.Spawn(accounts{100}), farBanks.Spawn(farBank{accounts: accounts{200}, At: there}), farBanks.Spawn(farBank{accounts: accounts{300}, At: elsewhere}))
	vmtest.Publisher(m, elsewhere.says())
	m.Perform(stays(call("there", Change{"x", 1}, rpc.At(there)), call("elsewhere", Change{"x", 2}, rpc.At(elsewhere)), call("here", Change{"x", 3})))
	answers.ExpectMessages(Answer{"here", 103, ""}, Answer{"elsewhere", 302, ""})
	vmtest.Publisher(m, there.says())
	answers.ExpectMessages(Answer{"there", 201, ""})

	m.AllowCrashes()
	m.Perform(elsewhere.crash())
	answers.ExpectMessages()
	m.Perform(actions.Send(again{actions.Tree{call("there", Change{"x", 1}, rpc.At(there)), call("elsewhere", Change{"x", 2}, rpc.At(elsewhere)), call("here", Change{"x", 3})}}))
	answers.ExpectMessages(Answer{"elsewhere", 0, rpc.ErrNobody.Error()}, Answer{"here", 106, ""}, Answer{"there", 202, ""})
}

// When the link is lost, calls that were sent fail with its reason, and only those: calls
// at other destinations, and here, go on. A later call waits for the link. B-P03.
func TestCallsFailWhenTheLinkIsLost(t *testing.T) {
	for _, first := range []string{"the link", "the server"} {
		t.Run(first+" first", func(t *testing.T) {
			m, answers := runFar(t, farLaters.Spawn(farLater{At: elsewhere}), laters.Spawn(later{}))
			m.AllowCrashes()
			fails := vmtest.Subscriber(m, topic.All[failure]())
			m.Perform(actions.Spawn(actions.Stateless(there.do(rpc.Methods(rpc.HandleLater(Add, func(s struct{}, _ rpc.Ask[Change, int]) actions.Transition[struct{}] { return actions.Next(s) }))),
				endpoint.Subscriber(topic.Where(linkFar.Is("crash there")), endpoint.OnMessage(func(link) actions.Action { return actions.Fail(errCut) })))))
			up := vmtest.Publisher(m, there.says())
			vmtest.Publisher(m, elsewhere.says())
			m.Perform(stays(failing("a", rpc.At(there)), call("b", Change{"x", 1}, rpc.At(elsewhere)), call("c", Change{"x", 1})))
			fails.Take()
			if first == "the link" {
				up.Close(errCut)
				expectErr(t, fails, "a", rpc.ErrGone, errCut)
				m.Perform(there.crash())
			} else {
				m.Perform(there.crash())
				expectErr(t, fails, "a", rpc.ErrGone, errCut)
				up.Close(errCut)
			}
			answers.ExpectNothing()
			m.Perform(actions.Send(again{failing("d", rpc.At(there))}))
			if got := fails.Take(); len(got) > 0 {
				t.Errorf("a call does not wait for the link: %v", got)
			}
			vmtest.Publisher(m, there.says())
			expectErr(t, fails, "d", rpc.ErrNobody)
			m.Perform(actions.Send(Order{Change: Change{"x", 7}}))
			answers.ExpectMessages(Answer{"b", 7, ""}, Answer{"c", 2, ""})
		})
	}
}

// A destination that is not within reach makes calls fail that wait, and those that come
// later, but not patient ones.
func TestUnreachableDestination(t *testing.T) {
	m, answers := runFar(t)
	fails := vmtest.Subscriber(m, topic.All[failure]())
	sender := vmtest.ObserveSubscribers(m, there.says())
	m.Perform(stays(failing("a", rpc.At(there)), call("patient", Change{"x", 1}, rpc.At(there), rpc.Patient())))
	fails.Take()
	sender.Send(link{Far: "there", Op: "rpc_test.add"}) // says nothing
	if got := fails.Take(); len(got) > 0 {
		t.Errorf("a message without a reason ends calls: %v", got)
	}
	reason, _ := world.Reduce(errCut).(*world.Error)
	sender.Send(link{"there", "rpc_test.add", reason})
	expectErr(t, fails, "a", rpc.ErrUnreachable, errCut)
	m.Perform(actions.Send(again{failing("b", rpc.At(there))}))
	expectErr(t, fails, "b", rpc.ErrUnreachable, errCut)
	answers.ExpectNothing()

	m.Perform(farBanks.Spawn(farBank{At: there}))
	up := vmtest.Publisher(m, there.says())
	answers.ExpectMessages(Answer{"patient", 1, ""})
	m.Perform(actions.Send(again{call("c", Change{"x", 1}, rpc.At(there))}))
	answers.ExpectMessages(Answer{"c", 2, ""})
	up.Close(errCut)
	m.Perform(actions.Send(again{failing("d", rpc.At(there))}))
	if got := fails.Take(); len(got) > 0 {
		t.Errorf("a call does not wait for the link: %v", got)
	}
}

// A destination that is within reach and has no server makes calls fail, but not patient
// ones. B-P06, B-F04.
func TestNobodyAtADestination(t *testing.T) {
	m, answers := runFar(t, banks.Spawn(accounts{}))
	vmtest.Publisher(m, there.says())
	m.Perform(stays(call("a", Change{"x", 1}, rpc.At(there)), call("patient", Change{"x", 1}, rpc.At(there), rpc.Patient())))
	answers.ExpectMessages(Answer{"a", 0, rpc.ErrNobody.Error()})
	m.Perform(farBanks.Spawn(farBank{At: there}))
	answers.ExpectMessages(Answer{"patient", 1, ""})
}

// A call that nobody answers because there is nobody leaves no timer.
func TestNobodyInTimeAtADestination(t *testing.T) {
	m, answers := runFar(t)
	vmtest.Subscriber(m, topic.All[timer.Set]())
	vmtest.Publisher(m, topic.All[timer.Expired]())
	m.Perform(stays(call("a", Change{"x", 1}, rpc.At(there), rpc.Within(time.Second))))
	answers.ExpectNothing()
	vmtest.Publisher(m, there.says())
	answers.ExpectMessages(Answer{"a", 0, rpc.ErrNobody.Error()})
	for p := range m.VM().Processes() {
		for _, e := range p.Endpoints {
			if e.Role.Orientation == topic.Subscriber && e.Role.Topic.MessageType() == reflect.TypeFor[timer.Expired]() {
				t.Errorf("process %v still waits for a timer: %v", p.Path, e.Role)
			}
		}
	}
}

// The time of a deadline counts while a call waits for its destination.
func TestWithinAtADestination(t *testing.T) {
	m, _ := runFar(t)
	fails := vmtest.Subscriber(m, topic.All[failure]())
	sets := vmtest.Subscriber(m, topic.All[timer.Set]())
	driver := vmtest.Publisher(m, topic.All[timer.Expired]())
	m.Perform(stays(failing("a", rpc.At(there), rpc.Within(time.Second)), failing("b", rpc.At(there))))
	for _, h := range sets.Take() {
		if h.Kind == actions.Delivery {
			driver.Send(timer.Expired{Label: h.About.Label})
		}
	}
	expectErr(t, fails, "a", context.DeadlineExceeded)
	m.Perform(actions.Send(again{failing("c", rpc.At(there), rpc.Within(time.Second))})) // now the client is known
	for _, h := range sets.Take() {
		if h.Kind == actions.Delivery {
			driver.Send(timer.Expired{Label: h.About.Label})
		}
	}
	expectErr(t, fails, "c", context.DeadlineExceeded)
	vmtest.Publisher(m, there.says())
	expectErr(t, fails, "b", rpc.ErrNobody)
}

// A cast can be sent to a destination.
func TestTellAtADestination(t *testing.T) {
	m, answers := runFar(t, farBanks.Spawn(farBank{At: there}), farBanks.Spawn(farBank{At: elsewhere}))
	m.Perform(rpc.Tell(Note, "a", rpc.At(there)))
	answers.ExpectMessages(Answer{"a at there", 0, ""})
}

// A server at a destination is told that a caller has gone, and its second reply becomes a
// stray there.
func TestServersAtADestinationHearOfCallers(t *testing.T) {
	m, answers := runFar(t, farBanks.Spawn(farBank{At: there}))
	vmtest.Publisher(m, there.says())
	strays := vmtest.Subscriber(m, topic.All[carried[rpc.Stray]]())
	m.Perform(farLaters.Spawn(farLater{At: there}))
	m.Perform(stays(call("a", Change{"x", 1}, rpc.At(there)), endpoint.Subscriber(topic.All[Answer]())))
	answers.ExpectMessages(Answer{"a", 1, ""})
	strays.Take()
	m.Perform(actions.Send(Order{Change: Change{"x", 9}}))
	got := strays.Take()
	if len(got) != 1 || got[0].Kind != actions.Delivery || got[0].About.Far != "there" || got[0].About.M.Op != "rpc_test.add" {
		t.Errorf("the second reply is no stray: %v", got)
	}
	answers.Take()
	m.Perform(actions.Send(again{actions.Quit()}))
	answers.ExpectMessages(Answer{"gone from there", 0, ""})
}

// A process whose calls have ended does not stay because of its endpoints at destinations.
func TestCallsAtADestinationLeaveNothing(t *testing.T) {
	m, answers := runFar(t, farBanks.Spawn(farBank{At: there}))
	vmtest.Publisher(m, there.says())
	m.Perform(caller(call("a", Change{"x", 1}, rpc.At(there))))
	answers.ExpectMessages(Answer{"a", 1, ""})
	m.Perform(nil)
	expectQuiet(t, m, 0)
}

// A destination is comparable data.
func TestBadDestinations(t *testing.T) {
	defer func() {
		if r := recover(); r == nil {
			t.Error("At takes a destination that cannot be compared")
		}
	}()
	if err := rpc.CheckCall("rpc_test.add", Change{}, rpc.Options{At: loose{far{"there"}, nil}}); err == nil {
		t.Error("CheckCall takes a destination that cannot be compared")
	}
	if err := rpc.CheckCall("rpc_test.add", Change{}, rpc.Options{At: unknown{far{"there"}}}); err == nil {
		t.Error("CheckCall takes a destination of a type that is not registered")
	}
	rpc.At(loose{far{"there"}, nil})
}

type loose struct {
	far
	More []int
}

type unknown struct{ far }

func init() { world.Register[loose]("rpc_test.loose") }
