package tcp

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// newServer returns a rig with a connection that has come in, and which nobody
// has claimed.
func newServer(t *testing.T, users ...string) *rig {
	r := newRig(t, Config{}, append([]string{"observer"}, users...)...)
	r.do("observer", r.observe("o"))
	r.accept(1, peer)
	r.value("conn1", opened{Local: Remote("127.0.0.1", 80), Remote: peer})
	r.expect("open listener(:80)", "o: 10.0.0.1:1000 to listener(:80)", "open conn1 paused", "open alarm conn1 claim 30s")
	return r
}

// text returns the text of an error of this package, without the name of the package.
func text(err error) string { return strings.TrimPrefix(err.Error(), "tcp: ") }

// newSession returns a rig with a connection in which a user takes part.
func newSession(t *testing.T, users ...string) *rig {
	r := newServer(t, append([]string{"a"}, users...)...)
	r.do("a", r.subscribe("in", peer, serverAt), r.publish("out", serverAt, peer))
	r.expect("in: 10.0.0.1:1000 to listener(:80)", "out: listener(:80) to 10.0.0.1:1000",
		"close alarm conn1 claim 30s", "resume conn1")
	return r
}

// TestDR22Session shows DR-12, DR-13.
func TestDR22Session(t *testing.T) {
	r := newSession(t)
	r.value("conn1", received{[]byte("hello")})
	r.do("a", say(serverAt, peer, "how are you?"))
	r.expect(`in: "hello"`, `tell conn1 "how are you?"`)
	r.do("a", actions.Quit())
	r.expect("o: no more 10.0.0.1:1000 to listener(:80), <nil>", "pause conn1", "close conn1")
}

func TestDR23FlowsAreDirected(t *testing.T) {
	r := newSession(t)
	r.do("a", say(serverAt, Remote("10.0.0.2", 1000), "to somebody else"), say(Listener("", 81), peer, "from elsewhere"))
	r.do("a", actions.Feedback(Data{From: serverAt, To: peer, Bytes: []byte("the wrong way")}))
	r.expect(`out: "the wrong way"`) // only the publisher itself gets it
}

func TestBD05BD08DataWaitsForASubscriber(t *testing.T) {
	r := newServer(t, "a")
	r.do("a", r.publish("out", serverAt, peer))
	r.expect("out: listener(:80) to 10.0.0.1:1000", "close alarm conn1 claim 30s") // and not resumed
	r.do("a", r.subscribe("in", peer, serverAt))
	r.expect("in: 10.0.0.1:1000 to listener(:80)", "resume conn1")
	r.do("a", actions.Delete("in"))
	r.expect("in: no more 10.0.0.1:1000 to listener(:80), <nil>", "pause conn1")
	r.do("a", r.subscribe("in", peer, serverAt))
	r.expect("in: 10.0.0.1:1000 to listener(:80)", "resume conn1")
}

// Data that was received before the last subscriber leaves is not lost.
func TestBD05DataUnderWayWaits(t *testing.T) {
	r := newSession(t)
	r.do("a", actions.Delete("in"))
	r.value("conn1", received{[]byte("one")})
	r.value("conn1", received{[]byte("two")})
	r.value("conn1", peerEnded{})
	r.expect("in: no more 10.0.0.1:1000 to listener(:80), <nil>", "pause conn1")
	r.do("a", r.subscribe("in", peer, serverAt))
	r.expect("in: 10.0.0.1:1000 to listener(:80)", `in: "one"`, `in: "two"`, `in: "" and the end`,
		"o: no more 10.0.0.1:1000 to listener(:80), <nil>", "in: no more 10.0.0.1:1000 to listener(:80), <nil>", "resume conn1")
}

func TestBD05UnclaimedConnectionIsClosed(t *testing.T) {
	r := newServer(t)
	r.value("alarm conn1 claim 30s", world.AlarmRang{})
	r.expect("o: no more 10.0.0.1:1000 to listener(:80), tcp: 10.0.0.1:1000: "+text(ErrUnclaimed),
		"close conn1", "close alarm conn1 claim 30s")
}

func TestUnclaimedReasonIsErrUnclaimed(t *testing.T) {
	err := blame(ErrUnclaimed, "10.0.0.1:1000")
	if e, ok := errors.AsType[*world.Error](err); !ok || e.Addr != "10.0.0.1:1000" || !errors.Is(err, ErrUnclaimed) {
		t.Errorf("%#v", err)
	}
}

// TestDR24AllDataThenEOFThenAbsence shows DR-13.
func TestDR24AllDataThenEOFThenAbsence(t *testing.T) {
	r := newSession(t)
	r.value("conn1", received{[]byte("last words")})
	r.value("conn1", peerEnded{})
	r.expect(`in: "last words"`, `in: "" and the end`,
		"o: no more 10.0.0.1:1000 to listener(:80), <nil>", "in: no more 10.0.0.1:1000 to listener(:80), <nil>")
}

func TestBD06WritingGoesOnAfterThePeersEnd(t *testing.T) {
	r := newSession(t)
	r.value("conn1", peerEnded{})
	r.do("a", actions.Delete("in"))
	r.log = nil
	r.do("a", say(serverAt, peer, "the answer"))
	r.expect(`tell conn1 "the answer"`)
	r.do("a", actions.Delete("out"))
	r.expect("out: no more listener(:80) to 10.0.0.1:1000, <nil>", "close conn1")
}

func TestDR25SendingEOFClosesOneDirection(t *testing.T) {
	r := newSession(t)
	r.do("a", actions.Send(Data{From: serverAt, To: peer, Bytes: []byte("bye"), EOF: true}), end(serverAt, peer))
	r.expect(`tell conn1 "bye"`, "tell conn1 tcp.endWriting")
	r.value("conn1", received{[]byte("one more thing")})
	r.expect(`in: "one more thing"`)
	r.value("conn1", peerEnded{})
	r.expect(`in: "" and the end`, "o: no more 10.0.0.1:1000 to listener(:80), <nil>",
		"in: no more 10.0.0.1:1000 to listener(:80), <nil>", "out: no more listener(:80) to 10.0.0.1:1000, <nil>", "close conn1")
}

func TestDR25BothEndsClose(t *testing.T) {
	r := newSession(t)
	r.value("conn1", peerEnded{})
	r.log = nil
	r.do("a", end(serverAt, peer))
	r.expect("out: no more listener(:80) to 10.0.0.1:1000, <nil>", "tell conn1 tcp.endWriting", "close conn1")
}

// A process that only reads is done when the peer is.
func TestPeersEndClosesWithoutAPublisher(t *testing.T) {
	r := newServer(t, "a")
	r.do("a", r.subscribe("in", peer, serverAt))
	r.log = nil
	r.value("conn1", peerEnded{})
	r.expect(`in: "" and the end`, "o: no more 10.0.0.1:1000 to listener(:80), <nil>",
		"in: no more 10.0.0.1:1000 to listener(:80), <nil>", "open alarm conn1 rest 0s")
	r.value("alarm conn1 rest 0s", world.AlarmRang{})
	r.expect("close conn1", "close alarm conn1 rest 0s")
}

// A process that begins to answer when the peer is done has the time to do so.
func TestAnswerAfterThePeersEnd(t *testing.T) {
	r := newServer(t, "a")
	r.do("a", r.subscribe("in", peer, serverAt))
	r.value("conn1", peerEnded{})
	r.log = nil
	r.do("a", r.publish("out", serverAt, peer), say(serverAt, peer, "the answer"))
	r.expect("out: listener(:80) to 10.0.0.1:1000", "close alarm conn1 rest 0s", `tell conn1 "the answer"`)
	r.do("a", actions.Quit())
	r.expect("close conn1")
}

func TestBD04TwoParticipantsOneFlow(t *testing.T) {
	r := newSession(t, "b")
	r.do("b", r.subscribe("b", peer, serverAt), r.publish("bout", serverAt, peer))
	r.log = nil
	r.value("conn1", received{[]byte("to both")})
	r.expect(`in: "to both"`, `b: "to both"`)
	r.do("a", actions.Quit())
	r.expect()
	r.value("conn1", received{[]byte("to one")})
	r.do("b", say(serverAt, peer, "hello"))
	r.expect(`b: "to one"`, `tell conn1 "hello"`)
	r.do("b", actions.Quit())
	r.expect("o: no more 10.0.0.1:1000 to listener(:80), <nil>", "pause conn1", "close conn1")
}

func TestHandoverDoesNotClose(t *testing.T) {
	r := newSession(t)
	r.do("a", actions.Spawn(actions.Stateless(r.subscribe("child", peer, serverAt))), actions.Quit())
	r.expect("child: 10.0.0.1:1000 to listener(:80)")
	r.value("conn1", received{[]byte("hello, child")})
	r.expect(`child: "hello, child"`)
}

func TestConnectionEndsWithAReason(t *testing.T) {
	reset := &net.OpError{Op: "read", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1000}, Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	for name, test := range map[string]struct {
		cause func(*rig)
		is    error
	}{
		"reset": {func(r *rig) { r.end("conn1", reset) }, syscall.ECONNRESET},
		"slow":  {func(r *rig) { r.end("conn1", world.ErrSlowConsumer) }, ErrSlowConsumer},
		"gone":  {func(r *rig) { r.end("conn1", world.ErrNotKept) }, world.ErrNotKept},
		"write": {func(r *rig) {
			r.apply(vm.Input{Kind: vm.Failed, Address: r.open["conn1"], Value: write{}, Err: world.Reduce(syscall.EPIPE)})
			r.end("conn1", reset)
		}, syscall.EPIPE},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{}, "a")
			r.do("a", r.observe("o"))
			r.accept(1, peer)
			var reasons []error
			absence := func(_ Data, err error) actions.Action { reasons = append(reasons, err); return nil }
			r.do("a", absent(topic.Subscriber, Flow(peer, serverAt), absence), absent(topic.Publisher, Flow(serverAt, peer), absence))
			test.cause(r)
			if len(reasons) != 2 {
				t.Fatalf("%d absences", len(reasons))
			}
			for _, reason := range reasons {
				if e, ok := errors.AsType[*world.Error](reason); !ok || e.Addr != "10.0.0.1:1000" || !errors.Is(reason, test.is) {
					t.Errorf("the reason is %#v", reason)
				}
			}
		})
	}
}

func TestStopLeavesALastWord(t *testing.T) {
	r := newSession(t)
	var reason error
	r.do("a", absent(topic.Subscriber, Flow(peer, serverAt), func(_ Data, err error) actions.Action {
		reason = err
		return actions.Tree{say(serverAt, peer, "we are closing"), actions.Quit()}
	}))
	r.apply(vm.Input{Kind: vm.StopAsked})
	if !errors.Is(reason, world.ErrStopped) {
		t.Errorf("the reason is %v", reason)
	}
	r.expect("o: no more 10.0.0.1:1000 to listener(:80), "+world.ErrStopped.Error(),
		"in: no more 10.0.0.1:1000 to listener(:80), "+world.ErrStopped.Error(),
		`tell conn1 "we are closing"`, "close conn1", "close listener(:80)")
}
