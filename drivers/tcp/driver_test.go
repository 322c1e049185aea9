package tcp

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

func TestDR19ListensForObservers(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.observe("arrivals"))
	r.expect("open listener(:80)")
}

func TestDR19ParticipantsDoNotOpenAListener(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.hear("all", topic.Subscriber, topic.Participant, Arriving(serverAt)), endpoint.Publisher(topic.Where(To.Is(serverAt))))
	r.do("a", endpoint.ObserveSubscribers(Arriving(serverAt)))
	r.expect("all: none to listener(:80)") // which is the publisher above
}

func TestBD09WildcardListenerIsIgnored(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", endpoint.ObservePublishers(topic.All[Data]()), endpoint.ObservePublishers(topic.Where(From.Is(peer))), endpoint.ObservePublishers(topic.Any))
	r.do("a", endpoint.ObservePublishers(topic.Where(To.Is(us))), endpoint.ObservePublishers(topic.Where(To.Is(peer))))
	r.do("a", endpoint.ObservePublishers(topic.Where(To.Is(Addr{}))), endpoint.Subscriber(topic.All[Data]()))
	r.expect()
	r.do("a", r.observe("arrivals"))
	r.expect("open listener(:80)")
	r.do("a", endpoint.Publisher(topic.Any))
	r.expect("arrivals: none to listener(:80)")
}

func TestBD03TwoObserversOnePort(t *testing.T) {
	r := newRig(t, Config{}, "a", "b")
	r.do("a", r.observe("a"))
	r.do("b", r.observe("b"), endpoint.ObservePublishers(Flow(peer, serverAt)))
	r.expect("open listener(:80)")
	r.do("a", actions.Delete("a"))
	r.expect()
	r.do("b", actions.Quit())
	r.expect("close listener(:80)")
}

func TestObserverIsReplacedInOneStep(t *testing.T) {
	r := newRig(t, Config{}, "a", "b")
	r.do("a", r.observe("a"))
	r.expect("open listener(:80)")
	r.do("a", actions.Delete("a"), r.observe("again"))
	r.expect()
	r.do("a", actions.Spawn(actions.Stateless(r.observe("child"))), actions.Quit())
	r.expect()
}

func TestDR20ConnectionsStayWithoutTheListener(t *testing.T) {
	r := newRig(t, Config{}, "a", "session")
	r.do("a", r.observe("a"))
	r.accept(1, peer)
	r.do("session", r.subscribe("in", peer, serverAt))
	r.log = nil
	r.do("a", actions.Quit())
	r.expect("close listener(:80)")
	r.value("conn1", received{[]byte("still here")})
	r.expect(`in: "still here"`)
}

func TestDR32BoundAddressIsAnnounced(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.watchListening("l"), r.observe("a"))
	r.expect("open listener(:80)")
	r.value("listener(:80)", bound{Remote("127.0.0.1", 40000)})
	r.expect("l: listening at 127.0.0.1:40000")
	r.do("a", actions.Delete("a"))
	r.expect("l: not listening at 127.0.0.1:40000, <nil>", "close listener(:80)")
	r.do("a", r.observe("a"))
	r.expect("open listener(:80)")
}

func TestListenerIsOpenedAgainElsewhere(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.watchListening("l"), r.observe("a"))
	r.value("listener(:80)", bound{Remote("127.0.0.1", 40000)})
	r.log = nil
	r.value("listener(:80)", bound{Remote("127.0.0.1", 40001)}) // after a restart of the machine
	r.expect("l: not listening at 127.0.0.1:40000, <nil>", "l: listening at 127.0.0.1:40001")
}

var errInUse = &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}

func TestDR31BindFailureIsAnnounced(t *testing.T) {
	r := newRig(t, Config{}, "a", "b")
	var reason error
	r.do("a", r.observe("a"), endpoint.ObservePublishers(ListeningAt(serverAt),
		endpoint.OnPresence(func(l Listening) actions.Action { return r.note("present at %v", l.Bound) }),
		endpoint.OnAbsence(func(_ Listening, err error) actions.Action { reason = err; return r.note("absent") }),
	))
	r.expect("open listener(:80)")
	r.end("listener(:80)", errInUse)
	r.expect("present at none", "absent")
	if e, ok := errors.AsType[*world.Error](reason); !ok || e.Addr != ":80" || !errors.Is(e, syscall.EADDRINUSE) || !strings.Contains(e.Error(), ":80") {
		t.Errorf("the reason is %#v", reason)
	}
	// Who comes next makes the driver try again.
	r.do("b", r.observe("b"))
	r.expect("open listener(:80)")
	r.end("listener(:80)", errInUse)
	r.do("b", actions.Quit())
	r.do("a", actions.Delete("a"))
	r.expect("present at none", "absent")
}

func TestAcceptFailureIsAnnounced(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.watchListening("l"), r.observe("a"))
	r.value("listener(:80)", bound{Remote("127.0.0.1", 40000)})
	r.log = nil
	r.end("listener(:80)", errors.New("boom"))
	r.expect("l: not listening at 127.0.0.1:40000, tcp: :80: boom")
}

func TestDR21AcceptSpawnsAManager(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.observe("a"))
	r.accept(1, peer)
	r.accept(2, Remote("::1", 2000))
	r.expect("open listener(:80)",
		"a: 10.0.0.1:1000 to listener(:80)", "open conn1 paused", "open alarm conn1 claim 30s",
		"a: [::1]:2000 to listener(:80)", "open conn2 paused", "open alarm conn2 claim 30s")
}

func TestSameAddressesAreToldApart(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.observe("a"))
	r.accept(1, peer)
	r.accept(2, peer)
	r.accept(3, peer)
	r.log = nil
	r.end("conn2", nil)
	r.expect("a: no more 10.0.0.1:1000#2 to listener(:80), <nil>", "close alarm conn2 claim 30s")
	r.accept(4, peer)
	r.expect("a: 10.0.0.1:1000#2 to listener(:80)", "open conn4 paused", "open alarm conn4 claim 30s")
}

func TestDR33MaxConnections(t *testing.T) {
	r := newRig(t, Config{MaxConnections: 2}, "a")
	r.do("a", r.observe("a"))
	r.accept(1, peer)
	r.accept(2, Remote("10.0.0.2", 1000))
	r.expect("open listener(:80)",
		"a: 10.0.0.1:1000 to listener(:80)", "open conn1 paused", "open alarm conn1 claim 30s",
		"a: 10.0.0.2:1000 to listener(:80)", "pause listener(:80)", "open conn2 paused", "open alarm conn2 claim 30s")
	r.end("conn1", nil)
	r.expect("a: no more 10.0.0.1:1000 to listener(:80), <nil>", "close alarm conn1 claim 30s", "resume listener(:80)")
	r.accept(3, peer)
	r.do("a", actions.Delete("a"))
	r.log = nil
	r.do("a", r.observe("a"))
	r.expect("a: 10.0.0.2:1000 to listener(:80)", "a: 10.0.0.1:1000 to listener(:80)", "open listener(:80) paused")
	r.end("conn2", nil)
	r.end("conn3", nil)
	r.expect(
		"a: no more 10.0.0.2:1000 to listener(:80), <nil>", "close alarm conn2 claim 30s", "resume listener(:80)",
		"a: no more 10.0.0.1:1000 to listener(:80), <nil>", "close alarm conn3 claim 30s")
}

func TestDR10DriverIsAProcess(t *testing.T) {
	r := newRig(t, Config{})
	if !r.m.Idle() {
		t.Error("a machine with nothing but a driver is not idle")
	}
	n := 0
	for p := range r.m.Processes() {
		if p.Name == "tcp driver" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d drivers in\n%v", n, r.m)
	}
}

// A crash costs one connection, and does not affect the driver.
func TestManagerIsKilled(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.observe("a"))
	r.accept(1, peer)
	r.accept(2, Remote("10.0.0.2", 1000))
	r.log = nil
	for p := range r.m.Processes() {
		if strings.HasPrefix(p.Name, "tcp "+peer.String()) {
			r.do("a", actions.Kill(p.Path[0], errors.New("murder")))
		}
	}
	r.expect("a: no more 10.0.0.1:1000 to listener(:80), murder", "close conn1", "close alarm conn1 claim 30s")
	r.accept(3, peer)
	r.expect("a: 10.0.0.1:1000 to listener(:80)", "open conn3 paused", "open alarm conn3 claim 30s")
}

// The driver also serves demand that is older than itself.
func TestDriverComesLate(t *testing.T) {
	r := emptyRig(t, Config{Network: network{}})
	r.m = vm.New(r.observe("a"), r.publish("out", us, far), actions.Spawn(actions.Stateless(Config{Network: network{}}.Driver())))
	r.apply(vm.Input{Kind: vm.Start})
	r.expect("open listener(:80)", "open dial far.test:7 paused")
}

func TestDR11NestedDriver(t *testing.T) {
	r := newRig(t, Config{}, "a")
	inner := actions.Tree{Config{Network: network{}}.Driver(), r.observe("inner")}
	r.do("a", actions.Spawn(vm.Nested(actions.Spawn(vm.Nested(actions.Spawn(vm.Nested(inner...)))))))
	r.accept(1, peer)
	r.expect("open listener(:80)", "inner: 10.0.0.1:1000 to listener(:80)", "open conn1 paused", "open alarm conn1 claim 30s")
}
