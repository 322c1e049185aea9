package udp

import (
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// The driver opens a socket for the first process that names a local address,
// and only once, however many do so, and in whatever way.
func TestDR62OpenedOnce(t *testing.T) {
	pinned := topic.Where(Source.Is(peer), Destination.Is(port80))
	for name, first := range map[string]func(*rig) actions.Action{
		"subscriber":           func(r *rig) actions.Action { return endpoint.Subscriber(Arriving(port80)).As("x") },
		"subscriber of a peer": func(r *rig) actions.Action { return endpoint.Subscriber(pinned).As("x") },
		"publisher":            func(r *rig) actions.Action { return endpoint.Publisher(Leaving(port80)).As("x") },
		"publisher to a peer": func(r *rig) actions.Action {
			return endpoint.Publisher(topic.Where(Source.Is(port80), Destination.Is(peer))).As("x")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "a", "b")
			r.do("a", first(r))
			r.expect("open listener(:80)")
			r.do("b", endpoint.Subscriber(pinned), endpoint.Publisher(Leaving(port80)), endpoint.Subscriber(Arriving(port80)))
			r.value("listener(:80)", opened{any80})
			r.do("b", endpoint.Publisher(Leaving(port80)))
			r.expect()
			r.do("a", endpoint.Subscriber(Arriving(us)))
			r.expect("open " + us.String())
		})
	}
}

// Nobody else makes the driver open a socket.
func TestDR62NotOpened(t *testing.T) {
	r := newRig(t, "a")
	r.do("a",
		endpoint.Subscriber(topic.All[Packet]()),
		endpoint.Publisher(topic.All[Packet]()),
		endpoint.Subscriber(Leaving(port80)),
		endpoint.Publisher(Arriving(port80)),
		endpoint.Subscriber(Arriving(peer)),
		endpoint.Publisher(Leaving(peer)),
		endpoint.ObservePublishers(Arriving(port80)),
		endpoint.ObserveSubscribers(Leaving(port80)),
		endpoint.ObservePublishers(ListeningAt(port80)),
	)
	r.expect()
}

func TestDR63BoundIsAnnounced(t *testing.T) {
	r := newRig(t, "a")
	r.do("a", r.watch(us), r.subscribe("in", us))
	r.expect("open " + us.String())
	r.value(us.String(), opened{Remote("::", 49152)})
	r.expect("in: none to handle(\"us\")", "handle(\"us\") is at [::]:49152")
	r.do("a", actions.Delete("in"))
	r.expect("in: no more none to handle(\"us\"), <nil>", "handle(\"us\") is not at [::]:49152, <nil>", "close "+us.String())
	// After a restart of the machine the socket is another one.
	r.do("a", r.subscribe("in", us))
	r.value(us.String(), opened{Remote("::", 49152)})
	r.log = nil
	r.value(us.String(), opened{Remote("::", 49153)})
	r.expect("handle(\"us\") is not at [::]:49152, <nil>", "handle(\"us\") is at [::]:49153")
}

func TestDR61DR64InAndOut(t *testing.T) {
	r := newRig(t, "a")
	r.bring("a", port80)
	r.value("listener(:80)", received{From: peer, Body: []byte("hello")})
	r.value("listener(:80)", received{From: peer, Body: []byte("hell"), Truncated: true})
	r.value("listener(:80)", burst{[]received{{From: peer, Body: []byte("one")}, {From: Remote("::1", 1), Body: []byte("two")}}})
	r.do("a", say(port80, peer, "thanks"), say(us, peer, "nobody hears this"), say(peer, peer, "nor this"))
	r.expect(
		`a: "hello" from 10.0.0.1:1000 to listener(:80)`,
		`a: "hell" from 10.0.0.1:1000 to listener(:80), cut off`,
		`a: "one" from 10.0.0.1:1000 to listener(:80)`,
		`a: "two" from [::1]:1 to listener(:80)`,
		`tell listener(:80) "thanks" to 10.0.0.1:1000 for 10.0.0.1:1000`,
	)
}

// A socket is closed when the last process that needs it has gone, and not when
// the first has.
func TestBD14ClosedAfterTheLast(t *testing.T) {
	r := newRig(t, "a", "b")
	r.bring("a", port80)
	r.do("b", endpoint.Subscriber(Arriving(port80)).As("in"), r.publish("out", port80))
	r.do("a", actions.Quit())
	r.expect("out: listener(:80) to none")
	r.do("b", actions.Delete("in"))
	r.expect()
	r.value("listener(:80)", received{From: peer})
	r.do("b", say(port80, peer, "a last word"), actions.Quit())
	r.expect(`tell listener(:80) "a last word" to 10.0.0.1:1000 for 10.0.0.1:1000`, "close listener(:80)")
}

// A handover from one process to another does not close the socket.
func TestDR66Handover(t *testing.T) {
	r := newRig(t, "a")
	r.bring("a", port80)
	r.do("a", actions.Spawn(actions.Stateless(endpoint.Device(hands{"b"}), r.subscribe("b", port80))), actions.Quit())
	r.value("listener(:80)", received{From: peer, Body: []byte("hello")})
	r.expect("b: none to listener(:80)", `b: "hello" from 10.0.0.1:1000 to listener(:80)`)
}

// A process that goes at once leaves nothing open.
func TestDR66InterestThatVanishes(t *testing.T) {
	r := newRig(t, "a")
	r.do("a", endpoint.Subscriber(Arriving(port80)).As("x"), actions.Delete("x"))
	if r.open["listener(:80)"] != nil {
		r.value("listener(:80)", opened{any80})
	}
	r.do("a", actions.Spawn(actions.Stateless(endpoint.Subscriber(Arriving(port80)), actions.Quit())))
	if r.open["listener(:80)"] != nil {
		r.value("listener(:80)", opened{any80})
	}
	if r.open["listener(:80)"] != nil {
		t.Error("the socket stays open")
	}
	r.log = nil
	r.bring("a", port80)
	// It goes, and comes back before the machine has come to rest.
	r.do("a", actions.Delete("a"), r.subscribe("a", port80))
	r.expect("a: no more none to listener(:80), <nil>", "a: none to listener(:80)")
	// It goes before the socket is open.
	r.do("a", endpoint.Subscriber(Arriving(us)).As("x"))
	r.do("a", actions.Delete("x"))
	r.expect("open "+us.String(), "close "+us.String())
}

// A port that cannot be opened affects only its users, and they hear why. The
// driver tries again for the next process that needs it.
func TestBD12OneBadPort(t *testing.T) {
	r := newRig(t, "a", "b")
	r.do("a", r.watch(port80), r.subscribe("in", port80), r.publish("out", port80))
	r.end("listener(:80)", syscall.EADDRINUSE)
	reason := "udp: listener(:80): address already in use"
	r.expect("open listener(:80)",
		"out: listener(:80) to none", "in: none to listener(:80)", "listener(:80) is at none",
		"out: no more listener(:80) to none, "+reason, "in: no more none to listener(:80), "+reason, "listener(:80) is not at none, "+reason)
	r.do("b", endpoint.Subscriber(Arriving(us)))
	r.value(us.String(), opened{any80})
	r.value(us.String(), received{From: peer})
	r.expect("open " + us.String())
	r.do("b", endpoint.Subscriber(Arriving(port80)))
	r.value("listener(:80)", opened{any80})
	r.expect("open listener(:80)", "out: listener(:80) to none", "in: none to listener(:80)", "listener(:80) is at [::]:80")
}

// The same goes for one that fails later, and for a process that is killed.
func TestBD12DR65OneSocketFails(t *testing.T) {
	r := newRig(t, "a")
	r.bring("a", port80)
	r.end("listener(:80)", syscall.ENETDOWN)
	reason := "udp: listener(:80): network is down"
	r.expect("a: no more none to listener(:80), "+reason, "listener(:80) is not at [::]:80, "+reason)
	r.do("a", endpoint.Publisher(Leaving(port80)))
	r.expect("open listener(:80)")
	r.value("listener(:80)", opened{any80})
	r.log = nil
	for pid := actions.PID(4); len(r.log) == 0; pid++ { // after the first process, the driver and the user
		r.do("a", actions.Kill(pid, nil))
	}
	r.expect("a: no more none to listener(:80), <nil>", "listener(:80) is not at [::]:80, <nil>", "close listener(:80)", "open listener(:80)")
}

// A packet from one local address to another goes to its subscribers, and to
// nobody outside.
func TestDR69BD11LocalToLocal(t *testing.T) {
	r := newRig(t, "a", "b")
	r.bring("a", port80)
	r.do("b", r.subscribe("b", us), r.publish("out", us))
	r.value(us.String(), opened{any80})
	r.log = nil
	r.do("b", say(us, port80, "ping"))
	r.do("a", say(port80, us, "pong"), say(port80, port80, "echo"))
	r.expect(
		`a: "ping" from handle("us") to listener(:80)`,
		`b: "pong" from listener(:80) to handle("us")`,
		`a: "echo" from listener(:80) to listener(:80)`,
	)
}

func TestTLSIsRefused(t *testing.T) {
	secure := port80.TLS("web")
	r := newRig(t, "a")
	r.do("a", r.watch(secure), r.subscribe("in", secure))
	reason := `udp: listener(:80)+tls("web"): ` + ErrTLS.Error()[len("udp: "):]
	r.expect(
		`in: none to listener(:80)+tls("web")`, `listener(:80)+tls("web") is at none`,
		`in: no more none to listener(:80)+tls("web"), `+reason, `listener(:80)+tls("web") is not at none, `+reason,
	)
}

// When the machine stops, users hear it, and can send a last word.
func TestStop(t *testing.T) {
	r := newRig(t)
	boot := actions.Stateless(
		r.watch(port80),
		r.publish("out", port80),
		endpoint.Subscriber(Arriving(port80), endpoint.OnAbsence(func(Packet, error) actions.Action { return say(port80, peer, "bye") })),
	)
	r.m = vm.Config{}.New(Config{Network: network{}}.Driver(), actions.Spawn(boot))
	r.apply(vm.Input{Kind: vm.Start})
	r.value("listener(:80)", opened{any80})
	r.log = nil
	r.apply(vm.Input{Kind: vm.StopAsked})
	if want := `tell listener(:80) "bye" to 10.0.0.1:1000 for 10.0.0.1:1000`; r.log[len(r.log)-2] != want && r.log[len(r.log)-1] != want {
		t.Errorf("got %q", r.log)
	}
}

// The driver works in a machine that is nested in others.
func TestNestedDriver(t *testing.T) {
	r := newRig(t, "a")
	inner := []actions.Action{Config{Network: network{}}.Driver(), r.watch(port80), r.subscribe("in", port80)}
	for range 3 {
		inner = []actions.Action{actions.Spawn(vm.Nested(inner...))}
	}
	r.do("a", inner...)
	r.value("listener(:80)", opened{any80})
	r.value("listener(:80)", received{From: peer, Body: []byte("hello")})
	r.expect("open listener(:80)", "in: none to listener(:80)", "listener(:80) is at [::]:80", `in: "hello" from 10.0.0.1:1000 to listener(:80)`)
}
