package vm_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
	"github.com/go-marketplace/marketplace/vmtest"
)

// A visits is a local value: how often a process has been there.
type visits struct {
	N int
}

type visited struct{ Where, Text string }

var count = actions.DefineLocal("vm_test.visits", func(v visits) actions.Action {
	return actions.When(v.N > 0, endpoint.Publisher(topic.Where(visitedWhere.Is(fmt.Sprint(v.N > 1)))).As("visited"))
})

var visitedWhere = topic.FieldOf(func(v *visited) *string { return &v.Where })

func init() {
	t := count.Type()
	t.Encode = func(v any) ([]byte, error) { return []byte{byte(v.(*visits).N)}, nil }
	t.Decode = func(b []byte) (any, error) { return &visits{int(b[0])}, nil }
}

// visit counts a visit, and says how many there were.
func visit(where string) actions.Action {
	return count.Update(func(v *visits, level int) (*visits, actions.Action) {
		n := 1
		if v != nil {
			n += v.N
		}
		return &visits{n}, actions.AtLevel(level, actions.Send(visited{where, fmt.Sprint(n)}))
	})
}

// unvisit removes the value.
func unvisit() actions.Action {
	return count.Update(func(*visits, int) (*visits, actions.Action) { return nil, nil })
}

func remark(text string) actions.Action { return actions.Send(visited{"", text}) }

func TestLocalValues(t *testing.T) {
	tests := []struct {
		name string
		do   actions.Action
		want []string
	}{
		{"no value at first", visit("a"), []string{"1"}},
		{"kept from one update to the next", actions.Tree{visit("a"), visit("b")}, []string{"1", "2"}},
		{"removed by nil", actions.Tree{visit("a"), unvisit(), visit("b")}, []string{"1", "1"}},
		{"actions come before those that follow the update", actions.Tree{remark("x"), visit("a"), remark("y")}, []string{"x", "1", "y"}},
		{"an update can continue with another", count.Update(func(*visits, int) (*visits, actions.Action) { return &visits{7}, visit("a") }), []string{"8"}},
		{"one process has nothing of another", actions.Tree{visit("a"), actions.Spawn(actions.Stateless(visit("b")))}, []string{"1", "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := vmtest.Run(t)
			p := vmtest.Subscriber(m, topic.All[visited]())
			m.Perform(actions.Spawn(actions.Stateless(tt.do)))
			expectVisits(t, p, tt.want)
		})
	}
}

func expectVisits(t *testing.T, p *vmtest.Probe[visited], want []string) {
	t.Helper()
	var got []string
	for _, h := range p.Take() {
		if h.Kind == actions.Delivery {
			got = append(got, h.About.Text)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

// A process has a value for each level, and what an update returns happens at its
// level, in its place.
func TestLocalValuesAtMetaLevels(t *testing.T) {
	up := func(as ...actions.Action) actions.Action { return actions.AtMeta(as...) }
	m := vmtest.Run(t)
	outer := vmtest.Subscriber(m, topic.All[visited]())
	m.Perform(actions.Spawn(vm.Nested(actions.Spawn(vm.Nested(actions.Spawn(actions.Stateless(
		visit("here"), up(visit("one up")),
		up(up(visit("a"))),
		up(up(remark("first"), visit("b"), remark("last"))),
		up(up(remark("f"), actions.Tree{visit("c"), remark("l")}, remark("m")), visit("one up"), up(remark("n"))),
		up(up(remark("end"))),
	)))))))
	expectVisits(t, outer, []string{"1", "first", "2", "last", "f", "3", "l", "m", "n", "end"})
}

func TestLocalValueWithState(t *testing.T) {
	m := vmtest.Run(t)
	p := vmtest.Subscriber(m, topic.All[visited]())
	m.Perform(actions.Spawn(actions.Next(40, actions.UpdateWith(count, func(s int, _ *visits, _ int) (actions.Transition[int], *visits) {
		return actions.Next(s + 2), &visits{5}
	}), actions.UpdateWith(count, func(s int, v *visits, _ int) (actions.Transition[int], *visits) {
		return actions.Next(s, remark(fmt.Sprint(s, v.N))), v
	}))))
	expectVisits(t, p, []string{"42 5"})
}

func TestBadUpdatesOfLocalValues(t *testing.T) {
	var forever func(*visits, int) (*visits, actions.Action)
	forever = func(*visits, int) (*visits, actions.Action) { return nil, count.Update(forever) }
	tests := []struct {
		name string
		do   actions.Action
		want error
	}{
		{"another state", actions.UpdateWith(count, func(s string, v *visits, _ int) (actions.Transition[string], *visits) { return actions.Next(s), v }), vm.ErrStateType},
		{"the zero UpdateLocal", &actions.UpdateLocal{}, vm.ErrAction},
		{"above the ground", actions.AtMeta(visit("a")), vm.ErrNoOuterLevel},
		{"without end", count.Update(forever), vm.ErrOverflow},
		{"a panic", count.Update(func(*visits, int) (*visits, actions.Action) { panic(errors.ErrUnsupported) }), errors.ErrUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := vmtest.Config{Limits: vm.Limits{Queue: 100}}.Run(t)
			m.AllowCrashes()
			p := vmtest.Subscriber(m, topic.All[visited]())
			m.Perform(actions.Spawn(actions.Next(1, endpoint.Publisher(topic.All[visited]()), tt.do, remark("after"))))
			got := p.Take()
			if last := got[len(got)-1]; last.Kind != actions.Absence || !errors.Is(last.Reason, tt.want) {
				t.Errorf("the last event is %v, want an absence because of %v", &last.Event, tt.want)
			}
		})
	}
}

// A saved machine has the local values, and the endpoints that they open.
func TestImageHasLocalValues(t *testing.T) {
	types, err := image.NewTypes(actions.Type{Name: "vm_test.int", State: reflect.TypeFor[int](), Open: func(any) actions.Action { return nil },
		Encode: func(v any) ([]byte, error) { return []byte{byte(v.(int))}, nil }, Decode: func(b []byte) (any, error) { return int(b[0]), nil }})
	if err != nil {
		t.Fatal(err)
	}
	m := vm.Config{}.NewFunc(func(actions.PID) actions.Process {
		return actions.Next(3, count.Update(func(*visits, int) (*visits, actions.Action) {
			return &visits{9}, count.Type().Open(&visits{9})
		}))
	})
	m.Apply(vm.Input{Kind: vm.Start})
	im, err := image.Of(m.Snapshot(), types, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := im.State(types, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Parts().Processes[0]
	if len(p.Locals) != 1 || *p.Locals[0].Value.(*visits) != (visits{9}) || len(p.Endpoints) != 1 {
		t.Errorf("the restored process has local values %v and endpoints %v", p.Locals, p.Endpoints)
	}
	im.Processes[0].Locals[0].Name = "nobody"
	if _, err := im.State(types, nil); err == nil {
		t.Error("a local value of an unknown kind is restored")
	}
}

// The presence and the absence of an endpoint have one PeerID, and those of another
// endpoint have another.
func TestPeerID(t *testing.T) {
	m := vmtest.Run(t)
	all := vmtest.Subscriber(m, topic.All[visited]())
	a, b := vmtest.Publisher(m, topic.All[visited]()), vmtest.Publisher(m, topic.All[visited]())
	b.Close(nil)
	a.Close(nil)
	var ids []actions.PeerID
	for _, h := range all.Take() {
		ids = append(ids, h.PeerID)
	}
	if len(ids) != 4 || ids[0] == ids[1] || ids[2] != ids[1] || ids[3] != ids[0] || ids[0].PID == 0 {
		t.Errorf("the PeerIDs of a, b, b and a are %v", ids)
	}
}

// A poke makes a process change its local value.
type poke struct{ Text string }

// A handler of a local value gets the value at once, even for the second of two messages
// that are sent in one turn, and its actions are those of the process. The value is that
// for the level of the endpoint.
func TestHandlerOfLocalValue(t *testing.T) {
	handler := count.Handler(func(v *visits, ev *actions.Event) (*visits, actions.Action) {
		p, _ := topic.As[poke](ev.Message)
		switch {
		case p.Text == "remove":
			return nil, remark("removed")
		case v == nil:
			return &visits{1}, remark(p.Text + " none")
		}
		return &visits{v.N + 1}, remark(fmt.Sprint(p.Text, v.N))
	})
	handler.Events = actions.EventsOf(actions.Delivery)
	hear := endpoint.Subscriber(topic.All[poke]())
	hear.Handler = handler
	pokes := actions.Tree{actions.Send(poke{"a"}), actions.Send(poke{"b"}), actions.Send(poke{"remove"}), actions.Send(poke{"c"}), actions.Send(poke{"d"})}
	want := []string{"a none", "b1", "removed", "c none", "d1"}

	for level := range 3 {
		t.Run(fmt.Sprintf("level %d", level), func(t *testing.T) {
			m := vmtest.Run(t)
			p := vmtest.Subscriber(m, topic.All[visited]())
			first := visit("here") // a value of another level
			if level == 0 {
				first = nil
			}
			do := actions.Spawn(actions.Stateless(first, actions.AtLevel(level, hear), actions.AtLevel(level, endpoint.Subscriber(topic.All[visited]()))))
			relay := endpoint.Subscriber(topic.All[visited](), endpoint.OnMessage(func(v visited) actions.Action { return actions.AtMeta(actions.Send(v)) }))
			for range level {
				do = actions.Spawn(vm.Nested(actions.Spawn(actions.Stateless(relay)), do))
			}
			m.Perform(do)
			p.Take()
			m.Perform(pokes)
			expectVisits(t, p, want)
		})
	}
}

// The handlers of devices and monitors can be for a local value, too.
func TestHandlersOfLocalValuesForDevicesAndMonitors(t *testing.T) {
	handler := count.Handler(func(v *visits, ev *actions.Event) (*visits, actions.Action) {
		n := 0
		if v != nil {
			n = v.N
		}
		return &visits{n + 1}, actions.Tree{remark(fmt.Sprint(ev.Kind, n)), actions.Kill(2, nil)}
	})
	m := vm.New(
		actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[poke]()))),
		actions.Spawn(actions.Stateless(actions.OpenDevice{Device: hand{}, Handler: handler}, actions.Monitor(2, handler))),
	)
	var got []string
	m.Watch(vm.Records(vm.Undelivered), func(r *vm.Record) {
		v, _ := topic.As[visited](r.Action.(*actions.SendMessage).Message)
		got = append(got, v.Text)
	})
	out := m.Apply(vm.Input{Kind: vm.Start})
	m.Apply(vm.Input{Kind: vm.Value, Address: out[0].Address, Value: poke{}})
	if want := []string{"value 0", "down 1"}; !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

// A handler is for a state or for a local value. If it panics, the process ends.
func TestBadHandlersOfLocalValues(t *testing.T) {
	both := count.Handler(func(v *visits, _ *actions.Event) (*visits, actions.Action) { return v, nil })
	both.State = reflect.TypeFor[int]()
	panics := count.Handler(func(*visits, *actions.Event) (*visits, actions.Action) { panic(errors.ErrUnsupported) })
	hear := func(h *actions.Handler) actions.Action {
		e := endpoint.Subscriber(topic.All[poke]())
		e.Handler = h
		return e
	}
	for name, tt := range map[string]struct {
		do   actions.Action
		want error
	}{
		"endpoint with both": {hear(both), vm.ErrAction},
		"device with both":   {actions.OpenDevice{Device: hand{}, Handler: both}, vm.ErrAction},
		"monitor with both":  {actions.Monitor(1, both), vm.ErrAction},
		"panic":              {actions.Tree{hear(panics), actions.Send(poke{})}, errors.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			m := vmtest.Run(t)
			m.AllowCrashes()
			p := vmtest.Subscriber(m, topic.All[visited]())
			m.Perform(actions.Spawn(actions.Next(1, endpoint.Publisher(topic.All[visited]()), tt.do)))
			got := p.Take()
			if last := got[len(got)-1]; last.Kind != actions.Absence || !errors.Is(last.Reason, tt.want) {
				t.Errorf("the last event is %v, want an absence because of %v", &last.Event, tt.want)
			}
		})
	}
}

// A busyVisits is a local value that can keep its process.
type busyVisits struct{ Keep bool }

func (v *busyVisits) Busy() bool { return v.Keep }

var busyCount = actions.DefineLocal("vm_test.busyVisits", func(busyVisits) actions.Action { return nil })

// A process with local values and only passive endpoints quits, unless a value is busy.
func TestPassiveEndpointsKeepNoProcess(t *testing.T) {
	keep := func(b bool) actions.Action {
		return busyCount.Update(func(*busyVisits, int) (*busyVisits, actions.Action) { return &busyVisits{b}, nil })
	}
	passive := func(e actions.AddEndpoint) actions.AddEndpoint { e.Passive = true; return e }
	level := 0
	release := endpoint.Subscriber(topic.Where(visitedWhere.Is("release")), endpoint.OnMessage(func(visited) actions.Action {
		return actions.AtLevel(level, keep(false))
	}))
	publisher := endpoint.Publisher(topic.All[visited]())
	quiet := endpoint.Subscriber(topic.Where(visitedWhere.Is("quiet")))
	quiet.Handler = busyCount.Handler(func(*busyVisits, *actions.Event) (*busyVisits, actions.Action) { return &busyVisits{}, nil })
	quiet.Handler.Events = actions.EventsOf(actions.Delivery)
	tests := []struct {
		name  string
		do    actions.Action
		there bool
	}{
		{"a passive endpoint", actions.Tree{passive(publisher), keep(false)}, false},
		{"a passive endpoint with another handler", actions.Tree{passive(publisher).As("p"), publisher.As("p"), keep(false)}, false},
		{"no local value", passive(publisher), true},
		{"a busy value", actions.Tree{passive(publisher), keep(true)}, true},
		{"no longer busy", actions.Tree{passive(publisher), passive(release), keep(true), actions.Send(visited{"release", ""})}, false},
		{"no longer busy, by a handler of the value", actions.Tree{passive(publisher), passive(quiet), keep(true), actions.Spawn(actions.Stateless(actions.Send(visited{"quiet", ""})))}, false},
		{"another endpoint", actions.Tree{passive(publisher), release, keep(false)}, true},
	}
	for _, nested := range []bool{false, true} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, nested %v", tt.name, nested), func(t *testing.T) {
				m := vmtest.Run(t)
				p := vmtest.Subscriber(m, topic.All[visited]())
				do := actions.Spawn(actions.Stateless(tt.do))
				level = 0
				if nested {
					level = 1
					do = actions.Spawn(vm.Nested(actions.Spawn(actions.Stateless(actions.AtMeta(tt.do)))))
				}
				m.Perform(do)
				there := 0
				for _, h := range p.Take() {
					switch h.Kind {
					case actions.Presence:
						there++
					case actions.Absence:
						there--
					}
				}
				if (there > 0) != tt.there {
					t.Errorf("%d publishers are left, want any: %v", there, tt.there)
				}
				if got := m.VM(); !tt.there {
					for p := range got.Processes() {
						if p.Name == "" && len(p.Endpoints) > 0 {
							t.Errorf("process %v is left", p.Path)
						}
					}
				}
			})
		}
	}
}

// A machine that goes on from a snapshot still lets a process quit that has only passive
// endpoints left.
func TestPassiveEndpointsAfterASnapshot(t *testing.T) {
	publisher := endpoint.Publisher(topic.All[visited]())
	publisher.Passive = true
	m := vm.New(actions.Spawn(actions.Stateless(publisher,
		busyCount.Update(func(*busyVisits, int) (*busyVisits, actions.Action) { return &busyVisits{}, nil }),
		endpoint.Device(hand{}, endpoint.OnValue(func(visited) actions.Action { return actions.Close(hand{}) })),
	)))
	m.Apply(vm.Input{Kind: vm.Start})
	for name, m := range map[string]*vm.Machine{"original": m, "restored": m.Snapshot().Machine(nil)} {
		m.Apply(vm.Input{Kind: vm.Value, Address: m.Held(1), Value: visited{}})
		for p := range m.Processes() {
			t.Errorf("%s: process %v is left, with %v", name, p.Path, p.Endpoints)
		}
	}
}
