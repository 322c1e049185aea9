package tcp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/endpoint"
)

// DR-23: a process cannot confuse the peer with itself: the kinds of the addresses
// distinguish them, in any order.
func TestDR23TheOrderMakesNoDifference(t *testing.T) {
	for _, local := range []Addr{us, serverAt, Listener("", 443).TLS("web")} {
		want := Connection{Them: far, Us: local}
		for name, got := range map[string]Connection{
			"Between(us, them)":  Between(local, far),
			"Between(them, us)":  Between(far, local),
			"data from the peer": Data{From: far, To: local}.Connection(),
			"data to the peer":   Data{From: local, To: far}.Connection(),
		} {
			if got != want {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	}
}

// DR-23: addresses between which there can be no connection, and a Connection with
// swapped addresses, cause a panic at once.
func TestDR23MistakesPanic(t *testing.T) {
	swapped := Connection{Them: us, Us: far}
	const wrong = `Connection{Them: handle("us"), Us: far.test:7}: Them has to be a Remote`
	for _, test := range []struct {
		says    string
		mistake func()
	}{
		{"Between far.test:7 and 10.0.0.1:1000: a connection is between", func() { Between(far, peer) }},
		{`Between handle("us") and listener(:80): a connection is between`, func() { Between(us, serverAt) }},
		{"Between none and none: a connection is between", func() { Data{}.Connection() }},
		{"Connection{Them: none, Us: none}: Them has to be a Remote", func() { Connection{}.End() }},
		{wrong, func() { swapped.Send(nil) }},
		{wrong, func() { swapped.SendString("") }},
		{wrong, func() { swapped.End() }},
		{wrong, func() { swapped.Pass(Data{From: us, To: far}) }},
		{wrong, func() { swapped.In() }},
		{wrong, func() { swapped.Out() }},
		{wrong, func() { swapped.Subscriber() }},
		{wrong, func() { swapped.Publisher() }},
		{wrong, func() { swapped.Session() }},
		{`SetMode from handle("us") to far.test:7: it is for a flow from a Remote`, func() { swapped.SetMode(Bytes(), 1) }},
		{`Grant from handle("us") to far.test:7: it is for a flow from a Remote`, func() { swapped.Grant(1) }},
		{`Confirm from far.test:7 to handle("us"): it is for a flow from a Listener`, func() { swapped.Confirm() }},
		{`WrittenOn from far.test:7 to handle("us"): it is for a flow from a Listener`, func() { swapped.Written() }},
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "tcp: "+test.says) {
					t.Errorf("the panic says %s; want %s", text, test.says)
				}
			}()
			test.mistake()
		}()
	}
}

// DR-23, DR-26: what a process sends by a Connection goes to the peer, as bytes
// and as a string, and it hears what the peer sends.
func TestDR23BothDirections(t *testing.T) {
	r := newRig(t, Config{}, "a", "session")
	r.do("a", r.observe("arrivals"))
	r.accept(1, peer)
	c := Between(serverAt, peer)
	in := r.subscribe("in", c.Them, c.Us)
	r.do("session", c.SetMode(Lines(80), 1), c.Publisher(), c.Subscriber().As("unheard"), in, c.Confirm())
	r.log = nil
	r.do("session", c.Send([]byte("bytes")), c.SendString("a string"), c.Pass(Data{From: far, To: us, Bytes: []byte("passed on"), EOF: true}))
	r.expect(`tell conn1 "bytes"`, `tell conn1 "a string"`, `tell conn1 "passed on"`, "tell conn1 tcp.endWriting")
	r.value("conn1", received{[]byte("one\ntwo\n")})
	r.expect(`in: "one\n"`, "pause conn1")
	r.do("session", c.Grant(2))
	r.expect(`in: "two\n"`, "resume conn1")
}

// DR-23: End ends the flow to the peer, and not that from it.
func TestDR23EndIsOfThisSide(t *testing.T) {
	r := newRig(t, Config{}, "a", "session")
	r.do("a", r.observe("arrivals"))
	r.accept(1, peer)
	c := Between(serverAt, peer)
	r.do("session", c.Publisher(), r.subscribe("in", c.Them, c.Us))
	r.log = nil
	r.do("session", c.End(), c.SendString("too late"))
	r.expect("tell conn1 tcp.endWriting", `tell conn1 "too late"`) // of which the device says that it is dropped
	r.value("conn1", received{[]byte("still here")})
	r.expect(`in: "still here"`)
}

// DR-23: the roles, topics and controls of a Connection are those of its flows.
func TestDR23SameAsByAddresses(t *testing.T) {
	c := Between(us, far)
	for name, test := range map[string]struct{ got, want any }{
		"In":         {c.In(), Flow(far, us)},
		"Out":        {c.Out(), Flow(us, far)},
		"Subscriber": {c.Subscriber(), endpoint.Subscriber(Flow(far, us))},
		"Publisher":  {c.Publisher(), endpoint.Publisher(Flow(us, far))},
		"Written":    {c.Written(), WrittenOn(us, far)},
		"Session":    {c.Session(), SessionOf(far, us)},
		"SetMode":    {c.SetMode(Lines(9), 3), SetMode(far, us, Lines(9), 3)},
		"Grant":      {c.Grant(3), Grant(far, us, 3)},
		"Confirm":    {c.Confirm(), Confirm(us, far)},
	} {
		if got, want := fmt.Sprintf("%+v", test.got), fmt.Sprintf("%+v", test.want); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
