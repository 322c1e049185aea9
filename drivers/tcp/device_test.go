package tcp

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/world"
)

// Devices have the same name only if they are equal.
func TestDeviceNamesAreInjective(t *testing.T) {
	addr := rapid.Custom(func(t *rapid.T) Addr {
		host := rapid.SampledFrom([]string{"a", "a), b", "::1", "1", "\""}).Draw(t, "host")
		return rapid.SampledFrom([]Addr{Remote(host, 1), Remote(host, 1).Numbered(2), Handle(host), Listener(host, 1), Listener("", 0)}).Draw(t, "addr")
	})
	device := rapid.Custom(func(t *rapid.T) world.Device {
		tune := rapid.SampledFrom([]tuning{normal, {time.Second, 1}, {time.Minute, 65536}}).Draw(t, "tuning")
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			return listener{network: network{}, clock: world.SystemClock(), at: addr.Draw(t, "at")}
		case 1:
			name := rapid.SampledFrom([]string{"x", "x)", "#1.1 of x"}).Draw(t, "device")
			return acceptedConn{tune, world.Ref{Device: name, Generation: rapid.Uint64Range(1, 11).Draw(t, "generation"), Number: rapid.Uint64Range(1, 11).Draw(t, "number")}}
		}
		limit := rapid.SampledFrom([]time.Duration{defaultDialLimit, time.Second}).Draw(t, "limit")
		return dialedConn{network{}, limit, tune, addr.Draw(t, "remote"), Handle(addr.Draw(t, "local").String())}
	})
	rapid.Check(t, func(t *rapid.T) {
		if a, b := device.Draw(t, "a"), device.Draw(t, "b"); (a == b) != (a.DeviceName() == b.DeviceName()) {
			t.Fatalf("%#v is %s, and %#v is %s", a, a.DeviceName(), b, b.DeviceName())
		}
	})
}
