package udp

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// Devices have the same name only if they are equal.
func TestDeviceNamesAreInjective(t *testing.T) {
	text := rapid.SampledFrom([]string{"a", "a), b", "::1", "\"", "a\", \"a", "limit 1s, life 1s, "})
	network := rapid.Custom(func(t *rapid.T) world.PacketNetwork {
		return rapid.SampledFrom(networks).Draw(t, "network")
	})
	device := rapid.Custom(func(t *rapid.T) world.Device {
		n := network.Draw(t, "network")
		if rapid.Bool().Draw(t, "name") {
			duration := rapid.SampledFrom([]time.Duration{defaultLookupLimit, defaultLookupLife, time.Second})
			return name{n, duration.Draw(t, "limit"), duration.Draw(t, "life"), text.Draw(t, "host")}
		}
		host := text.Draw(t, "host")
		at := rapid.SampledFrom([]Addr{Handle(host), Listener(host, 1), Listener("", 1), Listener(host, 1).TLS(host)}).Draw(t, "at")
		return socket{n, nil, rapid.SampledFrom([]int{defaultReceiveBuffer, 1, 64}).Draw(t, "buffer"), at}
	})
	rapid.Check(t, func(t *rapid.T) {
		if a, b := device.Draw(t, "a"), device.Draw(t, "b"); (a == b) != (a.DeviceName() == b.DeviceName()) {
			t.Fatalf("%#v is %s, and %#v is %s", a, a.DeviceName(), b, b.DeviceName())
		}
	})
}

var networks = []world.PacketNetwork{
	world.SystemPacketNetwork(),
	simnet.New("a"),
	simnet.New("\", buffer 1, "),
	simnet.New("a\", \"a"),
}

// Names never change, because journals keep them.
func TestDeviceNames(t *testing.T) {
	for _, test := range []struct {
		device world.Device
		want   string
	}{
		{socket{network{}, nil, defaultReceiveBuffer, port80}, `udp.socket("nowhere", listener(:80))`},
		{socket{network{}, nil, 512, us}, `udp.socket("nowhere", buffer 512, handle("us"))`},
		{name{network{}, defaultLookupLimit, defaultLookupLife, "far.test"}, `udp.name("nowhere", "far.test")`},
		{name{network{}, time.Second, time.Minute, "far.test"}, `udp.name("nowhere", limit 1s, life 1m0s, "far.test")`},
	} {
		if got := test.device.DeviceName(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
