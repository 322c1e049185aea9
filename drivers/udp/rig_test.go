package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A rig drives a machine with a driver by hand, and plays the outside. It keeps
// a log of what users hear and of what the driver commands.
type rig struct {
	t    *testing.T
	m    *vm.Machine
	open map[string]*vm.Address // by the short name of the device
	log  []string
	told []send // what sockets have been told

	flooded bool // so much waits that saving it each time takes too long
}

var (
	port80 = Listener("", 80)
	us     = Handle("us")
	peer   = Remote("10.0.0.1", 1000)
	far    = Remote("far.test", 7)
	any80  = Remote("::", 80)
)

// hands is how a test makes a process do something.
type hands struct{ name string }

func (h hands) DeviceName() string { return "hands of " + h.name }

func newRig(t *testing.T, users ...string) *rig {
	r := &rig{t: t, open: map[string]*vm.Address{}}
	boot := actions.Tree{Config{Network: network{}}.Driver()}
	for _, u := range users {
		boot = append(boot, actions.Spawn(user(u)).Named(u))
	}
	r.m = vm.Config{Watch: func(rec *vm.Record) {
		if rec.Kind == vm.Crashed {
			t.Errorf("a process has crashed: %v", rec.Reason)
		}
	}}.New(boot...)
	r.apply(vm.Input{Kind: vm.Start})
	return r
}

// user does what the test says.
func user(name string) actions.Process {
	return actions.Stateless(endpoint.Device(hands{name}, endpoint.OnValue(func(a actions.Tree) actions.Action { return a })))
}

// apply gives the machine an input, and works until it is at rest. It checks
// that the processes of the driver can be saved then.
func (r *rig) apply(in vm.Input) {
	commands := slices.Clone(r.m.Apply(in))
	for r.m.Busy() {
		commands = append(commands, r.m.Apply(vm.Input{Kind: vm.Continue})...)
	}
	for _, c := range commands {
		name := short(c.Address.Device)
		text := fmt.Sprintf("%v %s", c.Kind, name)
		switch c.Kind {
		case vm.Open:
			if r.open[name] != nil {
				r.t.Errorf("%s is opened twice", name)
			}
			r.open[name] = c.Address
		case vm.Close:
			delete(r.open, name)
		case vm.Tell:
			s := c.Value.(send)
			r.told = append(r.told, s)
			text += fmt.Sprintf(" %q to %v for %v", s.Body, s.To, s.Destination)
		}
		if _, ok := c.Address.Device.(hands); !ok {
			r.log = append(r.log, text)
		}
	}
	if r.flooded {
		return
	}
	types := Config{Network: network{}}.Types()
	vmtest.CheckTypes(r.t, r.m, types, func(p vm.ProcessInfo) bool { return !strings.HasPrefix(p.Name, "udp ") })
}

func short(d world.Device) string {
	switch d := d.(type) {
	case socket:
		return d.at.String()
	case name:
		return "name " + d.host
	}
	return d.DeviceName()
}

// do makes a user do something.
func (r *rig) do(user string, as ...actions.Action) { r.value("hands of "+user, actions.Tree(as)) }

// value gives a value of a device.
func (r *rig) value(device string, v any) {
	r.t.Helper()
	a := r.open[device]
	if a == nil {
		r.t.Fatalf("%s is not open; these are: %v", device, r.open)
	}
	r.apply(vm.Input{Kind: vm.Value, Address: a, Value: v})
}

// refuse makes a device refuse a command.
func (r *rig) refuse(device string, command any, err error) {
	r.apply(vm.Input{Kind: vm.Failed, Address: r.open[device], Value: command, Err: world.Reduce(err)})
}

// end ends a device.
func (r *rig) end(device string, err error) {
	a := r.open[device]
	delete(r.open, device)
	r.apply(vm.Input{Kind: vm.End, Address: a, Err: world.Reduce(err)})
}

// expect checks what has happened since the last time.
func (r *rig) expect(want ...string) {
	r.t.Helper()
	if !slices.Equal(r.log, want) {
		r.t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(r.log, "\n\t"), strings.Join(want, "\n\t"))
	}
	r.log = nil
}

func (r *rig) note(format string, args ...any) actions.Action {
	r.log = append(r.log, fmt.Sprintf(format, args...))
	return nil
}

// hear returns an endpoint whose events the log shows, under a name. Users see
// each other as well, since packets can go from one to the other: those the log
// leaves out.
func (r *rig) hear(name string, o topic.Orientation, p topic.Pattern[Packet]) actions.AddEndpoint {
	local := func(c Packet) bool { return c.Source.IsLocal() && c.Destination.IsLocal() }
	return endpoint.New(o, topic.Participant, p,
		endpoint.OnPresence(func(c Packet) actions.Action {
			if local(c) {
				return nil
			}
			return r.note("%s: %v to %v", name, c.Source, c.Destination)
		}),
		endpoint.OnAbsence(func(c Packet, reason error) actions.Action {
			if local(c) {
				return nil
			}
			return r.note("%s: no more %v to %v, %v", name, c.Source, c.Destination, reason)
		}),
		endpoint.OnMessage(func(p Packet) actions.Action {
			cut := ""
			if p.Truncated {
				cut = ", cut off"
			}
			return r.note("%s: %q from %v to %v%s", name, p.Body, p.Source, p.Destination, cut)
		}),
	).As(name)
}

func (r *rig) subscribe(name string, at Addr) actions.AddEndpoint {
	return r.hear(name, topic.Subscriber, Arriving(at))
}

func (r *rig) publish(name string, from Addr) actions.AddEndpoint {
	return r.hear(name, topic.Publisher, Leaving(from))
}

// watch returns endpoints that show where there is a socket, and what is not
// sent.
func (r *rig) watch(at Addr) actions.Action {
	return actions.Group(
		endpoint.ObservePublishers(ListeningAt(at),
			endpoint.OnPresence(func(l Listening) actions.Action { return r.note("%v is at %v", l.At, l.Bound) }),
			endpoint.OnAbsence(func(l Listening, reason error) actions.Action {
				return r.note("%v is not at %v, %v", l.At, l.Bound, reason)
			})),
		endpoint.Subscriber(NotLeaving(at), endpoint.OnMessage(func(u Undelivered) actions.Action {
			return r.note("%v to %v is not sent: %v", u.Source, u.Destination, u.Reason)
		})),
	)
}

// bring makes a user subscribe, and opens the socket.
func (r *rig) bring(user string, at Addr) {
	r.do(user, r.watch(at), r.subscribe(user, at))
	r.value(at.String(), opened{any80})
	r.expect("open "+at.String(), user+": none to "+at.String(), at.String()+" is at [::]:80")
}

func say(from, to Addr, text string) actions.Action {
	return actions.Send(Packet{Source: from, Destination: to, Body: []byte(text)})
}

// network is a network that nobody uses.
type network struct{}

var errNotOpened = errors.New("a rig opens nothing")

func (network) NetworkName() string { return "nowhere" }

func (network) ListenPacket(context.Context, string, string) (net.PacketConn, error) {
	return nil, errNotOpened
}

func (network) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errNotOpened
}

func (h hands) Open(context.Context, world.Env) (world.Handle, error) { return nil, errNotOpened }
