package udp

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// flood makes a user send packets of a size, numbered from first on.
func flood(first, count, size int) (all actions.Tree) {
	for i := range count {
		body := fmt.Appendf(nil, "%08d", first+i)
		all = append(all, actions.Send(Packet{Source: port80, Destination: peer, Body: append(body, make([]byte, size-8)...)}))
	}
	return all
}

// report lets the socket carry out its commands, or fail to, and reports that,
// until no more commands follow.
func (r *rig) report(fail bool) (done []send) {
	for len(r.told) > 0 {
		s := r.told[0]
		r.told = r.told[1:]
		done = append(done, s)
		switch {
		case fail:
			r.refuse("listener(:80)", s, syscall.ENOBUFS)
		case s.Reports():
			r.apply(vm.Input{Kind: vm.Done, Address: r.open["listener(:80)"], Value: s})
		}
	}
	return done
}

// size is how much of a device's limit commands take.
func size(all []send) (n int) {
	for _, s := range all {
		n += s.weight()
	}
	return n
}

// A process that sends very much at once neither ends the socket nor takes it
// from the others: its packets are sent bit by bit, in order.
func TestAFloodIsPaced(t *testing.T) {
	for _, fail := range []bool{false, true} {
		for _, bytes := range []int{8, 1000, 60000} {
			r := newRig(t, "a")
			r.bring("a", port80)
			r.flooded = true
			count := 1 << 20 / max(bytes, leastSize)
			r.do("a", flood(0, count, bytes))
			if n := size(r.told); n < window || n > window+60000 {
				t.Errorf("%d bytes are told at once", n)
			}
			r.do("a", flood(count, 1, bytes))
			done := r.report(fail)
			if len(done) != count+1 {
				t.Errorf("%d are sent, want %d", len(done), count+1)
			}
			for i, s := range done {
				if got := fmt.Sprintf("%08d", i); string(s.Body[:8]) != got {
					t.Fatalf("packet %d is %s", i, s.Body[:8])
				}
			}
		}
	}
}

// Packets for which there is no room are refused, and nobody else is affected.
func TestAFloodIsBounded(t *testing.T) {
	r := newRig(t, "a")
	r.bring("a", port80)
	r.flooded = true
	const bytes, count = 10000, 500 // which is more than there is room for
	r.do("a", flood(0, count, bytes))
	refused := 0
	for _, line := range r.log {
		if strings.HasPrefix(line, "listener(:80) to 10.0.0.1:1000 is not sent: ") && strings.HasSuffix(line, strings.TrimPrefix(world.ErrSlowConsumer.Error(), "udp: ")) {
			refused++
		}
	}
	if want := count - (window/bytes + 1) - defaultSendQueue/bytes; refused != want {
		t.Errorf("%d are refused, want %d", refused, want)
	}
	if done := r.report(false); len(done) != count-refused {
		t.Errorf("%d are sent, want %d", len(done), count-refused)
	}
	r.log = nil
	r.do("a", say(port80, peer, "as ever"))
	r.expect(`tell listener(:80) "as ever" to 10.0.0.1:1000 for 10.0.0.1:1000`)
}

// A socket that nobody needs any more is closed when all has been sent.
func TestAFloodIsSentBeforeTheEnd(t *testing.T) {
	r := newRig(t, "a")
	r.bring("a", port80)
	r.do("a", flood(0, 100, 5000), actions.Quit())
	if r.open["listener(:80)"] == nil {
		t.Fatal("the socket is closed too early")
	}
	if done := r.report(false); len(done) != 100 {
		t.Errorf("%d are sent", len(done))
	}
	if r.open["listener(:80)"] != nil {
		t.Error("the socket stays open")
	}
}

// After a restart of the machine, what waits is sent by the new socket.
func TestAFloodGoesOnAfterARestart(t *testing.T) {
	r := newRig(t, "a")
	r.bring("a", port80)
	r.do("a", flood(0, 100, 5000))
	told := len(r.told)
	r.told = nil
	r.value("listener(:80)", opened{any80})
	if done := r.report(false); len(done) != 100-told {
		t.Errorf("%d are sent, want %d", len(done), 100-told)
	}
}

// Packets that wait for names count as well.
func TestNamesAreLimitedInBytes(t *testing.T) {
	r := newRig(t)
	c := Config{Network: network{}, SendQueue: 1000}
	r.m = vm.Config{}.New(c.Driver(), actions.Spawn(user("a")))
	r.apply(vm.Input{Kind: vm.Start})
	r.do("a", r.watch(port80), endpoint.Subscriber(Arriving(port80)))
	r.value("listener(:80)", opened{any80})
	r.log = nil
	long := strings.Repeat("x", 400)
	near := Remote("near.test", 7)
	r.do("a", say(port80, far, long), say(port80, near, long), say(port80, far, long))
	refused := fmt.Sprintf("listener(:80) to %v is not sent: udp: %v: %s", far, far, strings.TrimPrefix(ErrNames.Error(), "udp: "))
	r.expect(refused, "open name far.test", "open name near.test")
	r.end("name near.test", nil)
	r.log = nil
	r.do("a", say(port80, far, long))
	r.expect()
}
