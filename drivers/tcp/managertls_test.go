package tcp

import (
	"crypto/tls"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

var secureAt = serverAt.TLS("web")

// newSecureServer returns a rig with a connection that has come in, and which uses
// TLS.
func newSecureServer(t *testing.T, users ...string) *rig {
	r := newRig(t, Config{TLS: map[string]*tls.Config{"web": {}}}, append([]string{"observer"}, users...)...)
	r.do("observer",
		r.hear("o", topic.Subscriber, topic.Observer, Arriving(secureAt)),
		endpoint.ObservePublishers(topic.All[Session](),
			endpoint.OnPresence(func(s Session) actions.Action { return r.note("session %v to %v, %q", s.From, s.To, s.Protocol) }),
			endpoint.OnAbsence(func(s Session, _ error) actions.Action { return r.note("no more session %v to %v", s.From, s.To) }),
		))
	at := r.open[secureAt.String()]
	r.value(secureAt.String(), accepted{Conn: world.Ref{Device: at.Device.DeviceName(), Generation: at.Generation, Number: 1}, Remote: peer})
	r.expect(`open listener(:80)+tls("web")`, "open conn1 paused")
	return r
}

func TestDR33SeenAfterTheHandshake(t *testing.T) {
	r := newSecureServer(t, "a")
	r.value("conn1", opened{Session: Session{Version: tls.VersionTLS13, Protocol: "x"}})
	r.expect(`session 10.0.0.1:1000 to listener(:80)+tls("web"), "x"`, `o: 10.0.0.1:1000 to listener(:80)+tls("web")`, "open alarm conn1 claim 30s")
	r.do("a", r.subscribe("in", peer, secureAt))
	r.expect(`in: 10.0.0.1:1000 to listener(:80)+tls("web")`, "close alarm conn1 claim 30s", "resume conn1")
	r.value("conn1", lastReceived{Bytes: []byte("hello")})
	r.expect(`in: "hello"`, `in: "" and the end`, `o: no more 10.0.0.1:1000 to listener(:80)+tls("web"), <nil>`,
		`in: no more 10.0.0.1:1000 to listener(:80)+tls("web"), <nil>`, "open alarm conn1 rest 0s")
	r.value("alarm conn1 rest 0s", world.AlarmRang{})
	r.expect(`no more session 10.0.0.1:1000 to listener(:80)+tls("web")`, "close conn1", "close alarm conn1 rest 0s")
}

func TestDR33FailedHandshakeIsNotSeen(t *testing.T) {
	r := newSecureServer(t)
	r.end("conn1", newFailure(ErrHandshake, "for a test", nil))
	r.expect()
	// The address is free again.
	at := r.open[secureAt.String()]
	r.value(secureAt.String(), accepted{Conn: world.Ref{Device: at.Device.DeviceName(), Generation: at.Generation, Number: 2}, Remote: peer})
	r.value("conn2", opened{})
	r.expect("open conn2 paused", `o: 10.0.0.1:1000 to listener(:80)+tls("web")`, "open alarm conn2 claim 30s")
}

func TestDR33StopDuringTheHandshake(t *testing.T) {
	r := newSecureServer(t)
	r.apply(vm.Input{Kind: vm.StopAsked})
	r.expect("close conn1", `close listener(:80)+tls("web")`)
}

// A connection that breaks after its last bytes fails after they have been
// delivered.
func TestDR33LastBytesBeforeAFailure(t *testing.T) {
	r := newSession(t)
	r.value("conn1", lastReceived{[]byte("hello"), world.Reduce(ErrInterrupted).(*world.Error)})
	r.expect(`in: "hello"`,
		"o: no more 10.0.0.1:1000 to listener(:80), tcp: 10.0.0.1:1000: "+text(ErrInterrupted),
		"in: no more 10.0.0.1:1000 to listener(:80), tcp: 10.0.0.1:1000: "+text(ErrInterrupted),
		"out: no more listener(:80) to 10.0.0.1:1000, tcp: 10.0.0.1:1000: "+text(ErrInterrupted), "close conn1")
}

func TestDR33IdleConnectionFails(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.publish("out", us, far))
	watched := world.Ref{Device: "x", Generation: 3, Number: 1}
	r.value(dial, opened{Idle: watched})
	watch := idleWatch{watched}.DeviceName()
	r.expect("open dial far.test:7 paused", `out: handle("us") to far.test:7`, "open "+watch)
	r.end(watch, ErrIdle)
	r.expect(`out: no more handle("us") to far.test:7, tcp: far.test:7: `+text(ErrIdle), "close dial far.test:7")
}

// The watch of a connection adds no second reason when the machine stops.
func TestDR33StopWithAnIdleLimit(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.publish("out", us, far))
	r.value(dial, opened{Idle: world.Ref{Device: "x", Generation: 3, Number: 1}})
	r.log = nil
	r.apply(vm.Input{Kind: vm.StopAsked})
	r.expect("close dial far.test:7", "close tcp.idleWatch(#3.1 of x)")
}
