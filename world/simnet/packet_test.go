package simnet_test

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/internal/networktest"
	"github.com/go-marketplace/marketplace/world/simnet"
)

func TestPacketAddresses(t *testing.T) {
	for _, test := range []struct{ network, address, want string }{
		{"udp", "127.0.0.1:80", "127.0.0.1:80"},
		{"udp", "[fe80::1%eth0]:80", "[fe80::1%eth0]:80"},
		{"udp", ":80", "[::]:80"},
		{"udp4", ":80", "0.0.0.0:80"},
		{"udp6", ":80", "[::]:80"},
		{"udp", "localhost:80", "127.0.0.1:80"},
		{"udp", "10.0.0.1:", "10.0.0.1:49152"},
		{"udp", "224.0.0.1%eth0:80", "224.0.0.1:80"},
		{"udp", "[ff02::1%eth0]:0", "[ff02::1]:49152"},
	} {
		n := simnet.New("test")
		if got := networktest.Socket(t, n, test.network, test.address).LocalAddr().String(); got != test.want {
			t.Errorf("%s %s listens at %s, want %s", test.network, test.address, got, test.want)
		}
	}
}

// A socket receives datagrams to the addresses that it covers, and to no others,
// and sees where they come from.
func TestPacketReach(t *testing.T) {
	for _, test := range []struct {
		network, at, from, to string
		source                string // empty if it does not arrive
	}{
		{"udp", "10.0.0.1:1", "10.0.0.2:2", "10.0.0.1:1", "10.0.0.2:2"},
		{"udp", "10.0.0.1:1", ":2", "10.0.0.1:1", "10.0.0.1:2"},
		{"udp", "10.0.0.1:1", "10.0.0.2:2", "10.0.0.3:1", ""},
		{"udp", "10.0.0.1:1", "10.0.0.2:2", "10.0.0.1:3", ""},
		{"udp", ":1", "10.0.0.2:2", "10.0.0.7:1", "10.0.0.2:2"},
		{"udp", ":1", ":2", "0.0.0.0:1", "127.0.0.1:2"},
		{"udp", ":1", ":2", "[::]:1", "[::1]:2"},
		{"udp", ":1", ":2", "[::ffff:10.0.0.1]:1", "10.0.0.1:2"},
		{"udp4", ":1", ":2", "[::1]:1", ""},
		{"udp6", ":1", ":2", "127.0.0.1:1", ""},
		{"udp", ":1", "10.0.0.2:2", "255.255.255.255:1", "10.0.0.2:2"},
		{"udp", ":1", ":2", "255.255.255.255:1", "127.0.0.1:2"},
		{"udp", "224.0.0.1:1", ":2", "224.0.0.1:1", "127.0.0.1:2"},
		{"udp", "224.0.0.1:1", "10.0.0.2:2", "224.0.0.2:1", ""},
		{"udp", "224.0.0.1:1", "10.0.0.2:2", "10.0.0.1:1", ""},
		{"udp", "[ff02::1]:1", "[fe80::1]:2", "[ff02::1%eth0]:1", "[fe80::1]:2"},
		{"udp", "10.0.0.1:1", "224.0.0.1:2", "10.0.0.1:1", "10.0.0.1:2"},
	} {
		n := simnet.New("test")
		receiver, sender := networktest.Socket(t, n, test.network, test.at), networktest.Socket(t, n, "udp", test.from)
		networktest.Send(t, sender, netip.MustParseAddrPort(test.to), "hello")
		if err := receiver.SetReadDeadline(time.Unix(1, 0)); test.source == "" && err == nil {
			if _, from, err := receiver.ReadFrom(nil); err == nil {
				t.Errorf("%v arrives from %v", test, from)
			}
			continue
		}
		if err := receiver.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if from := networktest.WantPacket(t, receiver, "hello"); from.String() != test.source {
			t.Errorf("%v comes from %v", test, from)
		}
	}
}

// Two sockets cannot cover the same address, except as members of a group.
func TestPacketOverlaps(t *testing.T) {
	for _, test := range []struct {
		network, a, b string
		taken         bool
	}{
		{"udp", "10.0.0.1:1", "10.0.0.1:1", true},
		{"udp", "10.0.0.1:1", "10.0.0.2:1", false},
		{"udp", "10.0.0.1:1", "10.0.0.1:2", false},
		{"udp", ":1", "10.0.0.1:1", true},
		{"udp6", ":1", "10.0.0.1:1", false},
		{"udp", "224.0.0.1:1", "224.0.0.1:1", false},
		{"udp", "224.0.0.1:1", ":1", false},
		{"udp", ":1", "224.0.0.1:1", false},
	} {
		n := simnet.New("test")
		networktest.Socket(t, n, test.network, test.a)
		c, err := n.ListenPacket(t.Context(), "udp", test.b)
		if errors.Is(err, syscall.EADDRINUSE) != test.taken || err == nil == test.taken {
			t.Errorf("%v: %v", test, err)
		}
		if err == nil {
			c.Close()
		}
	}
	n := simnet.New("test")
	networktest.Socket(t, n, "udp", "127.0.0.1:1")
	listen(t, n, "tcp", "127.0.0.1:1") // TCP has ports of its own
}

func TestPacketPorts(t *testing.T) {
	n := simnet.New("test")
	first := networktest.Socket(t, n, "udp", ":0")
	networktest.Socket(t, n, "udp", ":49153")
	third := networktest.Socket(t, n, "udp", ":0")
	if a, b := networktest.AddrPort(first).Port(), networktest.AddrPort(third).Port(); a != 49152 || b != 49154 {
		t.Errorf("got ports %d and %d, want 49152 and 49154", a, b)
	}
	first.Close()
	if next := networktest.AddrPort(networktest.Socket(t, n, "udp", ":0")).Port(); next != 49155 {
		t.Errorf("got port %d, want 49155: the one that is free again is not used soon", next)
	}
	for range 65536 - 49152 - 3 {
		if _, err := n.ListenPacket(t.Context(), "udp", ":0"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.ListenPacket(t.Context(), "udp", ":0"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("there is one port more than there are: %v", err)
	}
}

// A socket drops and counts the datagrams for which it has no room. An empty
// buffer has room for any datagram.
func TestPacketBuffer(t *testing.T) {
	n := simnet.New("test")
	n.PacketBuffer = 3 * 100
	c := networktest.Socket(t, n, "udp", "127.0.0.1:0").(*simnet.PacketConn)
	for i := range 10 {
		networktest.Send(t, c, networktest.AddrPort(c), fmt.Sprint(i, strings.Repeat(".", 35)))
	}
	if got := c.Dropped(); got != 7 {
		t.Errorf("dropped %d, want 7", got)
	}
	for i := range 3 {
		networktest.WantPacket(t, c, fmt.Sprint(i, strings.Repeat(".", 35)))
	}
	networktest.Send(t, c, networktest.AddrPort(c), strings.Repeat("x", 1000))
	networktest.Send(t, c, networktest.AddrPort(c), "")
	networktest.WantPacket(t, c, strings.Repeat("x", 1000))
	if got := c.Dropped(); got != 8 {
		t.Errorf("dropped %d, want 8", got)
	}
}

// Sending never blocks, so TryWriteToUDPAddrPort sends everything, even what is
// then dropped, and fails as WriteToUDPAddrPort does.
func TestTryPacketWriter(t *testing.T) {
	n := simnet.New("test")
	n.PacketBuffer = 100
	c := networktest.Socket(t, n, "udp", "127.0.0.1:0")
	var try world.TryPacketWriter = c.(*simnet.PacketConn)
	for _, text := range []string{"one", "two"} {
		if sent, err := try.TryWriteToUDPAddrPort([]byte(text), networktest.AddrPort(c)); !sent || err != nil {
			t.Errorf("%s: sent %v, %v", text, sent, err)
		}
	}
	networktest.WantPacket(t, c, "one")
	if sent, err := try.TryWriteToUDPAddrPort(make([]byte, 65508), networktest.AddrPort(c)); sent || !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("too long: sent %v, %v", sent, err)
	}
}

// A datagram arrives as it was sent, even if the sender changes its memory.
func TestPacketsAreCopies(t *testing.T) {
	c := networktest.Socket(t, simnet.New("test"), "udp", "127.0.0.1:0")
	b := []byte("hello")
	if _, err := c.WriteToUDPAddrPort(b, networktest.AddrPort(c)); err != nil {
		t.Fatal(err)
	}
	copy(b, "HELLO")
	networktest.WantPacket(t, c, "hello")
}

// A read in a bubble is durably blocked, and a datagram wakes one of several.
func TestPacketsWakeReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := networktest.Socket(t, simnet.New("test"), "udp", "127.0.0.1:0")
		got := make(chan string, 2)
		for range 2 {
			go func() {
				b := make([]byte, 10)
				n, _, err := c.ReadFromUDPAddrPort(b)
				got <- fmt.Sprint(string(b[:n]), err)
			}()
		}
		synctest.Wait()
		networktest.Send(t, c, networktest.AddrPort(c), "a")
		synctest.Wait()
		if len(got) != 1 {
			t.Errorf("%d have read", len(got))
		}
		networktest.Send(t, c, networktest.AddrPort(c), "b")
		all := []string{<-got, <-got}
		if slices.Sort(all); !slices.Equal(all, []string{"a<nil>", "b<nil>"}) {
			t.Error(all)
		}
	})
}

func TestPacketFate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New("test")
		n.PacketFate = func(from, to netip.AddrPort, body []byte) simnet.PacketFate {
			switch string(body) {
			case "lost":
				return simnet.PacketFate{Lost: true, Copies: 1}
			case "thrice":
				return simnet.PacketFate{Copies: 2}
			case "late":
				return simnet.PacketFate{Delay: time.Second}
			case "where":
				if from.String() != "127.0.0.1:1" || to.String() != "127.0.0.1:2" {
					t.Errorf("it is asked about %v to %v", from, to)
				}
			}
			return simnet.PacketFate{}
		}
		a, b := networktest.Socket(t, n, "udp", ":1"), networktest.Socket(t, n, "udp", ":2")
		to := netip.MustParseAddrPort("127.0.0.1:2")
		begin := time.Now()
		for _, text := range []string{"where", "late", "lost", "thrice"} {
			networktest.Send(t, a, to, text)
		}
		for _, text := range []string{"where", "thrice", "thrice", "thrice", "late"} {
			networktest.WantPacket(t, b, text)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("took %v", took)
		}
		networktest.Send(t, a, to, "late")
		b.Close() // what is under way is lost
		<-time.After(2 * time.Second)
	})
}

func TestPacketFaults(t *testing.T) {
	const count = 10000
	count10k := func(f simnet.PacketFaults) (lost, twice, late int, all []simnet.PacketFate) {
		fate := f.Fate()
		for range count {
			d := fate(netip.AddrPort{}, netip.AddrPort{}, nil)
			all = append(all, d)
			if d.Lost {
				lost++
			}
			twice += d.Copies
			late += int(d.Delay / time.Millisecond)
		}
		return lost, twice, late, all
	}
	faults := simnet.PacketFaults{Seed: 7, Loss: 0.1, Duplication: 0.2, Reordering: 0.3, Delay: time.Millisecond}
	lost, twice, late, all := count10k(faults)
	for _, share := range []struct {
		name string
		got  int
		want float64
	}{{"lost", lost, 0.1}, {"twice", twice, 0.2}, {"late", late, 0.3}} {
		if got := float64(share.got) / count; math.Abs(got-share.want) > 0.02 {
			t.Errorf("%s: a share of %v, want %v", share.name, got, share.want)
		}
	}
	if _, _, _, again := count10k(faults); !slices.Equal(all, again) {
		t.Error("the same seed does not give the same fates")
	}
	other := faults
	other.Seed++
	if _, _, _, fates := count10k(other); slices.Equal(all, fates) {
		t.Error("another seed gives the same fates")
	}
	if lost, twice, late, _ := count10k(simnet.PacketFaults{Loss: 1, Duplication: 1, Reordering: 1}); lost != count || twice != count || late != 10*count {
		t.Errorf("with shares of 1 there are %d lost, %d copies, %d ms", lost, twice, late)
	}
	if lost, twice, late, _ := count10k(simnet.PacketFaults{}); lost+twice+late != 0 {
		t.Errorf("with shares of 0 there are %d lost, %d copies, %d ms", lost, twice, late)
	}
}

func TestPacketFaultsMistakes(t *testing.T) {
	for name, f := range map[string]simnet.PacketFaults{
		"Loss":        {Loss: 1.1},
		"Duplication": {Duplication: -0.1},
		"Reordering":  {Reordering: math.NaN()},
		"Delay":       {Delay: -1},
	} {
		mustPanic(t, func() { f.Fate() }, "PacketFaults."+name)
	}
}
