package tcp

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// watchWritten returns an endpoint that logs confirmations.
func (r *rig) watchWritten(name string, from, to Addr) actions.Action {
	return endpoint.Publisher(WrittenOn(from, to), endpoint.OnMessage(func(w Written) actions.Action {
		return r.note("%s: %d bytes written, %v to %v", name, w.Bytes, w.From, w.To)
	}))
}

// done reports that the connection has carried out a write, if the write reports.
func (r *rig) done(device string, w write) {
	if w.Reports() {
		r.apply(vm.Input{Kind: vm.Done, Address: r.open[device], Value: w})
	}
}

// told returns the commands to the connections of a rig from now on.
func (r *rig) told() *[]write {
	var all []write
	r.watch = func(c vm.Command) {
		if w, ok := c.Value.(write); ok {
			all = append(all, w)
		}
	}
	return &all
}

func TestDR28WritingIsConfirmedToWhoAsks(t *testing.T) {
	r := newSession(t)
	writes := r.told()
	r.do("a", r.watchWritten("w", serverAt, peer), say(serverAt, peer, "unasked"), Confirm(serverAt, peer),
		say(serverAt, peer, "hello"), say(serverAt, peer, ""), say(serverAt, peer, "you"), end(serverAt, peer))
	r.log = nil
	for _, w := range *writes {
		r.done("conn1", w)
	}
	r.expect("w: 5 bytes written, listener(:80) to 10.0.0.1:1000", "w: 3 bytes written, listener(:80) to 10.0.0.1:1000")
}

func TestNobodyIsToldWhatIsWrittenUnlessAsked(t *testing.T) {
	r := newSession(t)
	writes := r.told()
	r.do("a", Grant(peer, serverAt, 5), SetMode(peer, serverAt, Lines(80), 5), say(serverAt, peer, "hello"), end(serverAt, peer))
	for _, w := range *writes {
		if _, ok := any(w).(world.Reporter); !ok || w.Reports() {
			t.Error("it reports")
		}
	}
}

// Credit for one direction and confirmations of the other do not mix.
func TestConfirmLeavesTheOtherFlowAlone(t *testing.T) {
	r := newControlled(t, Lines(80), 1)
	writes := r.told()
	r.do("a", Confirm(serverAt, peer), Confirm(serverAt, peer), SetMode(peer, serverAt, Lines(80), 2), say(serverAt, peer, "hello"))
	r.log = nil
	r.receive("a\nb\nc\n")
	r.expect(`in: "a\n"`, `in: "b\n"`, "pause conn1")
	if len(*writes) != 1 || !(*writes)[0].Reports() {
		t.Errorf("it is told %v", *writes)
	}
}

func TestConfirmAfterThePeersEnd(t *testing.T) {
	r := newSession(t)
	writes := r.told()
	r.value("conn1", peerEnded{})
	r.do("a", r.watchWritten("w", serverAt, peer), Confirm(serverAt, peer), say(serverAt, peer, "hello"))
	r.log = nil
	r.done("conn1", (*writes)[0])
	r.expect("w: 5 bytes written, listener(:80) to 10.0.0.1:1000")
}

// With any order of sends and confirmations, a writer that asks for room never has
// more unconfirmed than its limit.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := Window{Limit: rapid.IntRange(0, 100).Draw(t, "limit")}
		var under []int // way
		sum := 0
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				n := rapid.IntRange(0, w.Room()).Draw(t, "n")
				w = w.Sent(n)
				under = append(under, n)
				sum += n
			},
			"confirm": func(t *rapid.T) {
				if len(under) == 0 {
					t.Skip("nothing is under way")
				}
				w = w.Written(Written{Bytes: under[0]})
				sum -= under[0]
				under = under[1:]
			},
			"": func(t *rapid.T) {
				if w.Pending != sum || sum > w.Limit || w.Room() != w.Limit-sum {
					t.Fatalf("%+v has room for %d, and %d are under way", w, w.Room(), sum)
				}
			},
		})
	})
	w := Window{Limit: 10}.Sent(15).Written(Written{Bytes: 2}) // a writer that does not ask
	if w.Room() != 0 || w.Pending != 13 {
		t.Errorf("%+v has room for %d", w, w.Room())
	}
	if w = w.Written(Written{Bytes: 20}); w.Room() != 10 { // others have written, too
		t.Errorf("%+v has room for %d", w, w.Room())
	}
}
