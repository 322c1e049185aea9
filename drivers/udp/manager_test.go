package udp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
)

// The driver tells the sender of a packet that it cannot send, and nobody else
// is affected.
func TestUndelivered(t *testing.T) {
	r := newRig(t, "a")
	var heard []Undelivered
	r.do("a", endpoint.Subscriber(NotLeaving(port80), endpoint.OnMessage(func(u Undelivered) actions.Action {
		heard = append(heard, u)
		return nil
	})))
	r.do("a", endpoint.Subscriber(Arriving(port80)))
	r.value("listener(:80)", opened{any80})
	for _, test := range []struct {
		packet Packet
		want   error
	}{
		{Packet{Destination: Addr{}}, ErrDestination},
		{Packet{Destination: Remote("10.0.0.1", 0)}, ErrDestination},
		{Packet{Destination: peer.TLS("web")}, ErrTLS},
		{Packet{Destination: peer, Body: make([]byte, 65528)}, syscall.EMSGSIZE},
		{Packet{Destination: peer, Body: make([]byte, 4<<20)}, syscall.EMSGSIZE},
	} {
		test.packet.Source = port80
		heard, r.log = nil, nil
		r.do("a", actions.Send(test.packet))
		if len(heard) != 1 || heard[0].Source != port80 || heard[0].Destination != test.packet.Destination || !errors.Is(heard[0].Reason, test.want) {
			t.Errorf("to %v: heard %v; want %v", test.packet.Destination, heard, test.want)
			continue
		}
		if text := heard[0].Reason.Error(); !strings.HasPrefix(text, "udp: "+test.packet.Destination.String()+": ") || strings.Count(text, "udp: ") != 1 {
			t.Errorf("the reason says: %s", text)
		}
		r.expect()
	}
	heard = nil
	r.refuse("listener(:80)", send{Destination: far, To: netip.MustParseAddrPort("10.0.0.1:7")}, &net.OpError{Op: "write", Net: "udp", Err: syscall.ENETUNREACH})
	if len(heard) != 1 || heard[0].Destination != far || !errors.Is(heard[0].Reason, syscall.ENETUNREACH) || heard[0].Reason.Error() != "udp: far.test:7: write udp: network is unreachable" {
		t.Errorf("heard %v", heard)
	}
	r.refuse("listener(:80)", "something else", syscall.EINVAL)
	r.do("a", say(port80, peer, "hello"))
	r.expect(`tell listener(:80) "hello" to 10.0.0.1:1000 for 10.0.0.1:1000`)
}

func TestLongestPacketIsTried(t *testing.T) {
	r := newRig(t, "a")
	r.bring("a", port80)
	r.do("a", actions.Send(Packet{Source: port80, Destination: peer, Body: bytes.Repeat([]byte("x"), longest)}))
	if len(r.log) != 1 || !strings.HasPrefix(r.log[0], "tell ") {
		t.Errorf("got %.200q", r.log)
	}
}

// Packets to a name wait until the name has been looked up, once, and are sent
// in their order.
func TestNamesAreLookedUp(t *testing.T) {
	r := newRig(t, "a")
	r.bring("a", port80)
	r.do("a", say(port80, far, "one"), say(port80, Remote("far.test", 8), "two"), say(port80, peer, "does not wait"))
	r.expect("open name far.test", `tell listener(:80) "does not wait" to 10.0.0.1:1000 for 10.0.0.1:1000`)
	r.value("name far.test", found{addrs("2001:db8::1", "192.0.2.1", "192.0.2.2")})
	r.expect(`tell listener(:80) "one" to 192.0.2.1:7 for far.test:7`, `tell listener(:80) "two" to 192.0.2.1:8 for far.test:8`)
	r.do("a", say(port80, far, "three"))
	r.expect(`tell listener(:80) "three" to 192.0.2.1:7 for far.test:7`)
	r.end("name far.test", nil) // the addresses are too old
	r.do("a", say(port80, far, "four"))
	r.expect("open name far.test")
}

func TestNamesThatAreNotFound(t *testing.T) {
	r := newRig(t, "a")
	r.bring("a", port80)
	r.do("a", say(port80, far, "one"), say(port80, far, "two"))
	r.end("name far.test", &net.DNSError{Err: "no such host", Name: "far.test", IsNotFound: true})
	text := "listener(:80) to far.test:7 is not sent: lookup far.test: no such host"
	r.expect("open name far.test", text, text)
	r.do("a", say(port80, far, "three")) // it may be there by now
	r.expect("open name far.test")
	r.value("name far.test", found{})
	r.expect("listener(:80) to far.test:7 is not sent: udp: far.test:7: " + strings.TrimPrefix(world.ErrHostNotFound.Error(), "udp: "))
}

// Packets that wait for a name are sent although their sender has gone.
// Processes that come meanwhile get the same socket.
func TestNamesOfThoseWhoHaveGone(t *testing.T) {
	r := newRig(t, "a", "b")
	r.bring("a", port80)
	r.do("a", say(port80, far, "one"), say(port80, Remote("near.test", 7), "two"), actions.Quit())
	r.expect("open name far.test", "open name near.test")
	r.do("b", r.subscribe("b", port80))
	r.expect("b: none to listener(:80)")
	r.do("b", actions.Quit())
	r.expect()
	r.value("name far.test", found{addrs("192.0.2.1")})
	r.expect(`tell listener(:80) "one" to 192.0.2.1:7 for far.test:7`)
	r.end("name near.test", world.ErrHostNotFound)
	r.expect("close listener(:80)", "close name far.test")
}

// If the manager of a socket ends just when a process needs the socket again,
// the driver spawns another manager.
func TestNeededAgain(t *testing.T) {
	r := newRig(t, "a", "b")
	r.bring("a", port80)
	r.do("b", endpoint.ObservePublishers(ListeningAt(port80), endpoint.OnAbsence(func(Listening, error) actions.Action {
		return r.subscribe("b", port80)
	})))
	r.do("a", actions.Quit())
	r.value("listener(:80)", opened{any80})
	r.expect("close listener(:80)", "open listener(:80)", "b: none to listener(:80)")
}

func TestNamesAreLimited(t *testing.T) {
	r := newRig(t, "a")
	r.bring("a", port80)
	r.flooded = true
	for i := range maxWaiting + 1 {
		r.do("a", say(port80, far, fmt.Sprint(i)))
	}
	reason := "listener(:80) to %v is not sent: udp: %v: " + strings.TrimPrefix(ErrNames.Error(), "udp: ")
	r.expect("open name far.test", fmt.Sprintf(reason, far, far))
	r.value("name far.test", found{addrs("192.0.2.1")})
	if len(r.log) != maxWaiting {
		t.Errorf("%d are sent, want %d", len(r.log), maxWaiting)
	}
	for i := range maxNames - 1 {
		r.do("a", say(port80, Remote(fmt.Sprintf("host%d.test", i), 7), ""))
	}
	r.log = nil
	another := Remote("another.test", 7)
	r.do("a", say(port80, another, ""), say(port80, far, "as ever"))
	r.expect(fmt.Sprintf(reason, another, another), `tell listener(:80) "as ever" to 192.0.2.1:7 for far.test:7`)
	r.end("name host7.test", nil)
	r.log = nil
	r.do("a", say(port80, another, ""))
	r.expect("open name another.test")
}

func TestChoose(t *testing.T) {
	for _, test := range []struct{ bound, addrs, want string }{
		{"::", "::1 127.0.0.1 127.0.0.2", "127.0.0.1"},
		{"::", "::1 ::2", "::1"},
		{"0.0.0.0", "::1 127.0.0.1", "127.0.0.1"},
		{"0.0.0.0", "::1", "invalid IP"},
		{"127.0.0.1", "::1 127.0.0.1", "127.0.0.1"},
		{"127.0.0.1", "::1", "invalid IP"},
		{"::1", "127.0.0.1 ::1", "::1"},
		{"fe80::1%eth0", "127.0.0.1 ::1", "::1"},
		{"::1", "127.0.0.1", "invalid IP"},
		{"unknown", "127.0.0.1 ::1", "127.0.0.1"},
		{"::", "", "invalid IP"},
	} {
		ip, ok := choose(Remote(test.bound, 1), addrs(strings.Fields(test.addrs)...))
		if ip.String() != test.want || ok != ip.IsValid() {
			t.Errorf("%v: %v, %v", test, ip, ok)
		}
	}
}

func addrs(texts ...string) (all []netip.Addr) {
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}
