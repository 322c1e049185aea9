package tcp

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"unique"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// absent returns an endpoint that calls f when its peer has gone.
func absent(o topic.Orientation, p topic.Pattern[Data], f func(Data, error) actions.Action) actions.Action {
	return endpoint.New(o, topic.Participant, p, endpoint.OnAbsence(f))
}

const dial = "dial far.test:7"

// newClient returns a rig with an outgoing connection.
func newClient(t *testing.T, users ...string) *rig {
	r := newRig(t, Config{}, append([]string{"a"}, users...)...)
	r.do("a", r.publish("out", us, far), r.subscribe("in", far, us))
	r.expect("open dial far.test:7 paused", "resume dial far.test:7")
	r.value(dial, opened{Local: Remote("127.0.0.1", 50000), Remote: Remote("10.0.0.7", 7)})
	r.expect(`in: far.test:7 to handle("us")`, `out: handle("us") to far.test:7`)
	return r
}

func TestDR17OutboundByPresence(t *testing.T) {
	r := newClient(t)
	r.do("a", say(us, far, "hello"))
	r.value(dial, received{[]byte("hello yourself")})
	r.expect(`tell dial far.test:7 "hello"`, `in: "hello yourself"`)
}

func TestDR17EitherFlowOpens(t *testing.T) {
	for name, flow := range map[string]func(*rig) actions.AddEndpoint{
		"publisher":  func(r *rig) actions.AddEndpoint { return r.publish("x", us, far) },
		"subscriber": func(r *rig) actions.AddEndpoint { return r.subscribe("x", far, us) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{}, "a")
			r.do("a", flow(r))
			r.do("a", actions.Delete("x"))
			if r.log[0] != "open dial far.test:7 paused" || r.log[len(r.log)-1] != "close dial far.test:7" {
				t.Error(r.log)
			}
		})
	}
}

func TestDR17OnlyGroundFlowsOfParticipantsOpen(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a",
		endpoint.Publisher(topic.Where(From.Is(us))), endpoint.Publisher(topic.Where(To.Is(far))), endpoint.Publisher(topic.All[Data]()),
		endpoint.Subscriber(topic.Where(To.Is(us))), endpoint.Subscriber(topic.Where(From.Is(far))), endpoint.Subscriber(topic.Any),
		endpoint.ObservePublishers(Flow(far, us)), endpoint.ObserveSubscribers(Flow(us, far)),
		endpoint.ObservePublishers(Flow(us, far)), endpoint.ObserveSubscribers(Flow(far, us)),
		endpoint.Publisher(Flow(far, us)), endpoint.Subscriber(Flow(us, far)), // the driver's side
		endpoint.Publisher(Flow(serverAt, far)), endpoint.Subscriber(Flow(far, serverAt)),
	)
	r.expect()
}

func TestBD04OneConnectionForTwo(t *testing.T) {
	r := newClient(t, "b")
	r.do("b", r.publish("bout", us, far), r.subscribe("bin", far, us))
	r.expect(`bout: handle("us") to far.test:7`, `bin: far.test:7 to handle("us")`)
	r.do("a", actions.Quit())
	r.expect()
	r.do("b", actions.Delete("bout"))
	r.expect(`bout: no more handle("us") to far.test:7, <nil>`)
	r.do("b", actions.Delete("bin"))
	r.expect(`bin: no more far.test:7 to handle("us"), <nil>`, "close dial far.test:7")
}

func TestDR16ReuseAfterClose(t *testing.T) {
	r := newClient(t)
	r.do("a", actions.Delete("in"), actions.Delete("out"))
	r.expect(`in: no more far.test:7 to handle("us"), <nil>`, `out: no more handle("us") to far.test:7, <nil>`,
		"pause dial far.test:7", "close dial far.test:7")
	r.do("a", r.publish("out", us, far))
	r.expect("open dial far.test:7 paused")
}

func TestDR16DifferentHandlesAreDifferentConnections(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.publish("1", us, far), r.publish("2", us, Remote("far.test", 8)))
	r.expect("open dial far.test:7 paused", "open dial far.test:8 paused")
	a := dialedConn{network: network{}, limit: defaultDialLimit, tuning: unique.Make(normal), remote: far, local: us}
	b := a
	b.local = Handle("them")
	if a.DeviceName() == b.DeviceName() {
		t.Error("one name for two connections: " + a.DeviceName())
	}
}

func TestDR18ExitClosesWhileConnecting(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.publish("out", us, far))
	r.do("a", actions.Quit())
	r.expect("open dial far.test:7 paused", "close dial far.test:7")
}

func TestWithdrawnBeforeTheManagerBegins(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.publish("out", us, far), actions.Delete("out"))
	r.expect("open dial far.test:7 paused")
	r.value(dial, opened{})
	r.expect("close dial far.test:7")
}

func TestNothingIsSentBeforeTheConnection(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.publish("out", us, far), say(us, far, "too early"))
	r.do("a", say(us, far, "still"))
	r.expect("open dial far.test:7 paused")
}

func TestDR31ConnectFailureIsTold(t *testing.T) {
	r := newRig(t, Config{}, "a")
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	var reason error
	r.do("a", absent(topic.Publisher, Flow(us, far), func(_ Data, err error) actions.Action { reason = err; return nil }), r.subscribe("in", far, us))
	r.log = nil
	r.end(dial, refused)
	r.expect(`in: far.test:7 to handle("us")`, `in: no more far.test:7 to handle("us"), tcp: far.test:7: dial tcp: connect: connection refused`)
	if e, ok := errors.AsType[*world.Error](reason); !ok || e.Addr != "far.test:7" || !errors.Is(reason, syscall.ECONNREFUSED) {
		t.Errorf("the reason is %#v", reason)
	}
	// New demand makes the driver try again, even if it comes at once.
	r.do("a", actions.Delete("in"), r.subscribe("in", far, us))
	r.expect("open dial far.test:7 paused", "resume dial far.test:7")
}

func TestReconnectInTheAbsenceHandler(t *testing.T) {
	r := newRig(t, Config{}, "a")
	tries := 0
	var try func() actions.Action
	try = func() actions.Action {
		return endpoint.Subscriber(Flow(far, us), endpoint.OnAbsence(func(Data, error) actions.Action {
			if tries++; tries == 3 {
				return actions.Delete("in")
			}
			return actions.Tree{actions.Delete("in"), try()}
		})).As("in")
	}
	r.do("a", try())
	for range 3 {
		r.end(dial, syscall.ECONNREFUSED)
	}
	if tries != 3 || r.open[dial] != nil {
		t.Errorf("%d tries; open are %v", tries, r.open)
	}
}

func TestRestartEndsAConnection(t *testing.T) {
	r := newClient(t)
	r.value(dial, opened{}) // again
	r.expect(`in: no more far.test:7 to handle("us"), tcp: far.test:7: `+text(ErrInterrupted),
		`out: no more handle("us") to far.test:7, tcp: far.test:7: `+text(ErrInterrupted), "close dial far.test:7")
}

// Users notice no difference if another connection cannot be made after the restart.
func TestRestartEndsAConnectionThatCannotBeMadeAgain(t *testing.T) {
	r := newClient(t)
	r.end(dial, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})
	r.expect(`in: no more far.test:7 to handle("us"), tcp: far.test:7: `+text(ErrInterrupted),
		`out: no more handle("us") to far.test:7, tcp: far.test:7: `+text(ErrInterrupted))
}

func TestStopWhileConnecting(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.publish("out", us, far))
	r.log = nil
	r.apply(vm.Input{Kind: vm.StopAsked})
	r.expect(`out: handle("us") to far.test:7`, `out: no more handle("us") to far.test:7, `+world.ErrStopped.Error(), "close dial far.test:7")
}

func TestDR24OutboundEnd(t *testing.T) {
	r := newClient(t)
	r.value(dial, received{[]byte("last words")})
	r.value(dial, peerEnded{})
	r.expect(`in: "last words"`, `in: "" and the end`, `in: no more far.test:7 to handle("us"), <nil>`)
	r.do("a", say(us, far, "the answer"), end(us, far))
	r.expect(`out: no more handle("us") to far.test:7, <nil>`, `tell dial far.test:7 "the answer"`, "tell dial far.test:7 tcp.endWriting", "close dial far.test:7")
}
