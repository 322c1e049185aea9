package tcp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// Issue 9.3: data of a peer from before it vanishes is delivered. Only data for it is
// dropped.

// lines returns n numbered lines, and the events of a user for them.
func lines(n int) (sent string, heard []string) {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d\n", i)
		heard = append(heard, fmt.Sprintf(`in: "line %d\n"`, i))
	}
	return b.String(), heard
}

// refuse reports a failed write to a connection.
func (r *rig) refuse(device string) {
	r.apply(vm.Input{Kind: vm.Failed, Address: r.open[device], Value: write{}, Err: world.Reduce(syscall.EPIPE)})
}

func TestVanishedPeerIsHeardToItsEnd(t *testing.T) {
	for name, finish := range map[string]func(*rig){
		"reset": func(r *rig) { r.end("conn1", syscall.ECONNRESET) },
		"end":   func(r *rig) { r.value("conn1", peerEnded{}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newControlled(t, Lines(80), Unlimited)
			var reason error
			r.do("a", absent(topic.Publisher, Flow(serverAt, peer), func(_ Data, err error) actions.Action { reason = err; return nil }))
			r.log = nil
			r.refuse("conn1")
			r.refuse("conn1")
			r.do("a", say(serverAt, peer, "nobody hears this"), end(serverAt, peer))
			sent, heard := lines(100)
			r.value("conn1", received{[]byte(sent)})
			if reason != nil {
				t.Fatalf("the connection has ended: %v", reason)
			}
			finish(r)
			got := slices.DeleteFunc(r.log, func(s string) bool { return s == "pause conn1" || s == "resume conn1" })
			if n := len(got); n < 100 || !slices.Equal(got[:100], heard) {
				t.Errorf("got\n\t%s", strings.Join(got, "\n\t"))
			}
			for _, s := range got {
				if strings.HasPrefix(s, "tell") {
					t.Errorf("%s, although the peer is gone", s)
				}
			}
			if !errors.Is(reason, syscall.EPIPE) {
				t.Errorf("the connection ends with %v", reason)
			}
		})
	}
}

// Data that waits for credit when the connection fails is delivered as long as the
// process grants credit.
func TestVanishedPeerWaitsForCredit(t *testing.T) {
	r := newControlled(t, Lines(80), 1)
	r.log = nil
	r.value("conn1", received{[]byte("one\ntwo\nthree\nfour")})
	r.expect(`in: "one\n"`, "pause conn1")
	r.end("conn1", syscall.ECONNRESET)
	r.expect("open alarm conn1 rest 0s")
	r.do("a", Grant(peer, serverAt, 1))
	r.expect(`in: "two\n"`)
	r.do("a", Grant(peer, serverAt, 5))
	reason := "tcp: 10.0.0.1:1000: " + syscall.ECONNRESET.Error()
	r.expect(`in: "three\n"`, `in: "four"`, noMoreO+reason, noMoreIn+reason, noMoreOut+reason, "close alarm conn1 rest 0s")
}

// A process that waits for a vanished peer, and so grants no credit, does not wait
// for ever.
func TestVanishedPeerAndNoCredit(t *testing.T) {
	r := newControlled(t, Lines(80), 1)
	r.log = nil
	r.refuse("conn1")
	r.value("conn1", received{[]byte("one\ntwo\n")})
	r.expect(`in: "one\n"`, "pause conn1", "open alarm conn1 rest 0s")
	r.do("a", Grant(peer, serverAt, 1))
	r.expect(`in: "two\n"`)
	r.value("alarm conn1 rest 0s", world.AlarmRang{})
	reason := "tcp: 10.0.0.1:1000: " + syscall.EPIPE.Error()
	r.expect(noMoreO+reason, noMoreIn+reason, noMoreOut+reason, "close conn1", "close alarm conn1 rest 0s")
}

// Many lines that arrive at once are delivered in several turns, so that other
// processes have theirs.
func TestManyLinesTakeManyTurns(t *testing.T) {
	r := newControlled(t, Lines(80), Unlimited)
	r.log = nil
	sent, heard := lines(1000)
	before := r.m.Stats().Rounds
	r.value("conn1", received{[]byte(sent)})
	if n := r.m.Stats().Rounds - before; n < 1000/maxPieces {
		t.Errorf("they took %d rounds", n)
	}
	r.expect(append(heard, "pause conn1", "resume conn1")...)
}

// Data, changes and ends that come while lines are delivered in turns keep their
// order.
func TestWhatComesBetweenTurns(t *testing.T) {
	r := newControlled(t, Lines(80), Unlimited)
	r.log = nil
	sent, heard := lines(50_000) // more than the machine does for one input
	in := func(k vm.InputKind, v any) vm.Input { return vm.Input{Kind: k, Address: r.open["conn1"], Value: v} }
	r.m.Apply(in(vm.Value, received{[]byte(sent)}))
	if !r.m.Busy() {
		t.Fatal("the machine has done it all")
	}
	r.m.Apply(in(vm.Value, received{[]byte("and more\n")}))
	r.m.Apply(in(vm.Value, peerEnded{}))
	r.apply(vm.Input{Kind: vm.Continue})
	heard = append(heard, `in: "and more\n"`)
	n := len(heard)
	if len(r.log) < n || !slices.Equal(r.log[:n], heard) || !strings.Contains(r.log[n], "and the end") {
		t.Errorf("got %d lines, the last are\n\t%s", len(r.log), strings.Join(r.log[max(0, len(r.log)-10):], "\n\t"))
	}
}

// Issue 9.3: a connection that has failed ends, although its rest alarm rang while
// there was credit, and the credit was used up before the alarm had ended.
func TestVanishedPeerIsStuckAgain(t *testing.T) {
	r := newControlled(t, Lines(80), 1)
	r.log = nil
	r.refuse("conn1")
	r.value("conn1", received{[]byte("one\ntwo\n")})
	r.expect(`in: "one\n"`, "pause conn1", "open alarm conn1 rest 0s")
	r.do("a", Grant(peer, serverAt, 2))
	r.expect(`in: "two\n"`, "resume conn1")
	r.value("alarm conn1 rest 0s", world.AlarmRang{})
	r.expect("close alarm conn1 rest 0s")
	r.value("conn1", received{[]byte("three\nfour\n")})
	r.expect(`in: "three\n"`, "pause conn1", "open alarm conn1 rest 0s")
	r.value("alarm conn1 rest 0s", world.AlarmRang{})
	reason := "tcp: 10.0.0.1:1000: " + syscall.EPIPE.Error()
	r.expect(noMoreO+reason, noMoreIn+reason, noMoreOut+reason, "close conn1", "close alarm conn1 rest 0s")
}
