package tcp

import (
	"fmt"
	"io"
	"regexp"
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

// A rig drives a machine with a driver by hand: the test is the outside. It keeps a
// log of the events of users and the commands of the driver.
type rig struct {
	t     *testing.T
	m     *vm.Machine
	types []actions.Type
	open  map[string]*vm.Address // by the short name of the device
	log   []string

	watch func(vm.Command) // is called for each command, if not nil
}

var (
	serverAt = Listener("", 80)
	peer     = Remote("10.0.0.1", 1000)
	far      = Remote("far.test", 7)
	us       = Handle("us")
)

var connNumber = regexp.MustCompile(`#\d+\.(\d+) of `)

// hands is the device by which a test controls a process.
type hands struct{ name string }

func (h hands) DeviceName() string { return "hands of " + h.name }

func newRig(t *testing.T, c Config, users ...string) *rig {
	c.Network = network{}
	r := emptyRig(t, c)
	boot := actions.Tree{c.Driver()}
	for _, u := range users {
		boot = append(boot, actions.Spawn(actions.Stateless(endpoint.Device(hands{u}, endpoint.OnValue(func(a actions.Tree) actions.Action { return a })))).Named(u))
	}
	r.m = vm.Config{Watch: func(rec *vm.Record) {
		if rec.Kind == vm.Crashed {
			t.Errorf("a process has crashed: %v", rec.Reason)
		}
	}}.New(boot...)
	r.apply(vm.Input{Kind: vm.Start})
	return r
}

// emptyRig returns a rig without a machine.
func emptyRig(t *testing.T, c Config) *rig {
	types := append(c.Types(), SpyType(func(string) io.Writer { return io.Discard }))
	return &rig{t: t, types: types, open: map[string]*vm.Address{}}
}

// apply gives the machine an input, and works until it is at rest. Then it checks
// that the processes of the driver can be saved.
func (r *rig) apply(in vm.Input) {
	commands := slices.Clone(r.m.Apply(in))
	for r.m.Busy() {
		commands = append(commands, r.m.Apply(vm.Input{Kind: vm.Continue})...)
	}
	vmtest.CheckTypes(r.t, r.m, r.types, func(p vm.ProcessInfo) bool { return !strings.HasPrefix(p.Name, "tcp ") })
	for _, c := range commands {
		if r.watch != nil {
			r.watch(c)
		}
		name := short(c.Address.Device)
		text := fmt.Sprintf("%v %s", c.Kind, name)
		switch c.Kind {
		case vm.Open:
			if r.open[name] != nil {
				r.t.Errorf("%s is opened twice", name)
			}
			r.open[name] = c.Address
			if c.Paused {
				text += " paused"
			}
		case vm.Close:
			delete(r.open, name)
		case vm.Tell:
			if w, ok := c.Value.(write); ok {
				text += fmt.Sprintf(" %q", w.Bytes)
			} else {
				text += fmt.Sprintf(" %T", c.Value)
			}
		case vm.Flow:
			text = map[bool]string{true: "pause ", false: "resume "}[c.Paused] + name
		}
		if _, ok := c.Address.Device.(hands); !ok {
			r.log = append(r.log, text)
		}
	}
}

func short(d world.Device) string {
	switch d := d.(type) {
	case listener:
		return d.at.String()
	case acceptedConn:
		return fmt.Sprintf("conn%d", d.conn.Number)
	case dialedConn:
		return "dial " + d.remote.String()
	case world.Alarm:
		what, of, _ := strings.Cut(strings.TrimPrefix(d.Label, "tcp "), " ")
		if m := connNumber.FindStringSubmatch(of); m != nil {
			what = "conn" + m[1] + " " + what
		}
		return fmt.Sprintf("alarm %s %v", what, d.After)
	}
	return d.DeviceName()
}

// do makes a user do something.
func (r *rig) do(user string, as ...actions.Action) { r.value("hands of "+user, actions.Tree(as)) }

// value gives the machine a value of a device.
func (r *rig) value(device string, v any) {
	a := r.open[device]
	if a == nil {
		r.t.Fatalf("%s is not open; these are: %v", device, r.open)
	}
	r.apply(vm.Input{Kind: vm.Value, Address: a, Value: v})
}

// end ends a device.
func (r *rig) end(device string, err error) {
	a := r.open[device]
	delete(r.open, device)
	r.apply(vm.Input{Kind: vm.End, Address: a, Err: world.Reduce(err)})
}

// accept gives the machine an incoming connection.
func (r *rig) accept(number uint64, from Addr) {
	at := r.open[serverAt.String()]
	r.value(serverAt.String(), accepted{Conn: world.Ref{Device: at.Device.DeviceName(), Generation: at.Generation, Number: number}, Remote: from})
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

// hear returns an endpoint whose events the log shows, under a name.
func (r *rig) hear(name string, o topic.Orientation, i topic.Interest, p topic.Pattern[Data]) actions.AddEndpoint {
	return endpoint.New(o, i, p,
		endpoint.OnPresence(func(c Data) actions.Action { return r.note("%s: %v to %v", name, c.From, c.To) }),
		endpoint.OnAbsence(func(c Data, reason error) actions.Action {
			return r.note("%s: no more %v to %v, %v", name, c.From, c.To, reason)
		}),
		endpoint.OnMessage(func(d Data) actions.Action {
			if i != topic.Participant {
				return nil
			}
			if d.EOF {
				r.note("%s: %q and the end", name, d.Bytes)
			} else {
				r.note("%s: %q", name, d.Bytes)
			}
			return nil
		}),
	).As(name)
}

func (r *rig) observe(name string) actions.AddEndpoint {
	return r.hear(name, topic.Subscriber, topic.Observer, Arriving(serverAt))
}

func (r *rig) subscribe(name string, from, to Addr) actions.AddEndpoint {
	return r.hear(name, topic.Subscriber, topic.Participant, Flow(from, to))
}

func (r *rig) publish(name string, from, to Addr) actions.AddEndpoint {
	return r.hear(name, topic.Publisher, topic.Participant, Flow(from, to))
}

// watchListening returns an endpoint that logs where the driver listens.
func (r *rig) watchListening(name string) actions.AddEndpoint {
	return endpoint.ObservePublishers(ListeningAt(serverAt),
		endpoint.OnPresence(func(l Listening) actions.Action { return r.note("%s: listening at %v", name, l.Bound) }),
		endpoint.OnAbsence(func(l Listening, reason error) actions.Action {
			return r.note("%s: not listening at %v, %v", name, l.Bound, reason)
		}),
	).As(name)
}

func say(from, to Addr, text string) actions.Action {
	return actions.Send(Data{From: from, To: to, Bytes: []byte(text)})
}

func end(from, to Addr) actions.Action { return actions.Send(Data{From: from, To: to, EOF: true}) }
