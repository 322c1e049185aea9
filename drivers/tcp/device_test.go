package tcp

import (
	"net"
	"net/netip"
	"testing"
	"time"
	"unique"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/drivers/internal/sockopt"
	"github.com/go-marketplace/marketplace/world"
)

// Devices have the same name only if they are equal.
func TestDeviceNamesAreInjective(t *testing.T) {
	addr := rapid.Custom(func(t *rapid.T) Addr {
		host := rapid.SampledFrom([]string{"a", "a), b", "::1", "1", "\""}).Draw(t, "host")
		return rapid.SampledFrom([]Addr{Remote(host, 1), Remote(host, 1).Numbered(2), Handle(host), Listener(host, 1), Listener("", 0),
			Remote(host, 1).TLS("web"), Listener(host, 1).TLS("web"), Listener(host, 1).TLS("")}).Draw(t, "addr")
	})
	keys := newKeyring(nil)
	options := rapid.SampledFrom([]sockopt.Options{{}, {NoReuse: true}, {Backlog: 1}, {Backlog: 1, NoReuse: true}})
	rates := rapid.SampledFrom([]rate{{}, newRate(1, 1), newRate(1, 2), newRate(2, 1)})
	from := rapid.SampledFrom([]netip.Addr{{}, netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr(`fe80::1%", handle("a")`)})
	device := rapid.Custom(func(t *rapid.T) world.Device {
		tune := unique.Make(tuned(t))
		secure := rapid.SampledFrom([]security{{}, {keys, ""}, {keys, "web"}, {keys, `"web`}}).Draw(t, "security")
		name := rapid.SampledFrom([]string{"x", "x)", "#1.1 of x", `tls "web", #1.1 of x`}).Draw(t, "device")
		ref := world.Ref{Device: name, Generation: rapid.Uint64Range(1, 11).Draw(t, "generation"), Number: rapid.Uint64Range(1, 11).Draw(t, "number")}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			at := addr.Draw(t, "at")
			return listener{network{}, world.SystemClock(), settings{keys: keys}.security(at), nil, at, options.Draw(t, "options"), rates.Draw(t, "rate")}
		case 1:
			return acceptedConn{tune, secure, ref}
		case 2:
			return idleWatch{ref}
		}
		limit := rapid.SampledFrom([]time.Duration{defaultDialLimit, time.Second}).Draw(t, "limit")
		remote := addr.Draw(t, "remote")
		return dialedConn{network{}, limit, from.Draw(t, "from"), tune, settings{keys: keys}.security(remote), nil, remote, Handle(addr.Draw(t, "local").String())}
	})
	rapid.Check(t, func(t *rapid.T) {
		if a, b := device.Draw(t, "a"), device.Draw(t, "b"); (a == b) != (a.DeviceName() == b.DeviceName()) {
			t.Fatalf("%#v is %s, and %#v is %s", a, a.DeviceName(), b, b.DeviceName())
		}
	})
}

// tuned returns some tuning.
func tuned(t *rapid.T) tuning {
	tune := normal
	tune.linger = rapid.SampledFrom([]time.Duration{tune.linger, time.Minute}).Draw(t, "linger")
	tune.handshake = rapid.SampledFrom([]time.Duration{tune.handshake, time.Minute}).Draw(t, "handshake")
	tune.idle = rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(t, "idle")
	tune.buffer = rapid.SampledFrom([]int{tune.buffer, 1, 16}).Draw(t, "buffer")
	tune.clock = rapid.SampledFrom([]world.Clock{tune.clock, handClock}).Draw(t, "clock")
	tune.keepAlive = rapid.SampledFrom([]keepAlive{{}, {set: true}, {true, net.KeepAliveConfig{Enable: true, Idle: time.Second}}}).Draw(t, "keep-alive")
	return tune
}

var handClock = world.NewManualClock("hand", time.Unix(0, 0))
