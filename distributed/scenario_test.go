package distributed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/vmtest/scenario"
	"github.com/go-marketplace/marketplace/world"
)

// This file runs the scenarios of the conformance corpus on several machines. Each machine
// of a scenario is a machine of its own, which serves a place and has a driver. What a
// process does in a machine around its own, it does at the place that this one is.

// A theater is the stage of a scenario.
type theater struct {
	t        *testing.T
	run      *scenario.Run
	machines []*actingMachine
	waiting  []func() // start machines
	pauses   int
	deleted  map[outerEnd]bool
	roles    map[string]outerEnd // of each that a machine has opened at a place, the last
	other    string              // why the scenario means something else on several machines
}

// An actingMachine is a machine of a scenario.
type actingMachine struct {
	*vmtest.Machine
	is       *scenario.Machine
	config   Config
	sessions map[home]*actingSession
	refs     uint64
}

// An actingSession is a link of a machine.
type actingSession struct {
	number uint64
	link   *vmtest.Device // nil before it was opened
	home   *actingMachine
	conn   world.Ref // zero while there is no session
}

func nodeOf(m *scenario.Machine) string { return "machine " + m.Path }

func placeOf(m *scenario.Machine) Place { return Place{Node: nodeOf(m), Name: "room"} }

// start starts a machine, in which boot starts the first process.
func (s *theater) start(m *scenario.Machine, boot actions.SpawnProcess) {
	c := rigConfig(nodeOf(m))
	a := &actingMachine{is: m, config: c, sessions: map[home]*actingSession{}}
	a.Machine = vmtest.Config{Runs: 1, Budget: 1 << 24}.Run(s.t, c.Driver(), c.Serve("room"), boot)
	a.AllowCrashes()
	a.device(func(d world.Device) bool { _, ok := d.(lobby); return ok }).Value(lobbyOpen{nodeOf(m), rigEpoch})
	s.machines = append(s.machines, a)
}

// device returns an open device, or nil.
func (a *actingMachine) device(is func(world.Device) bool) *vmtest.Device {
	all := a.Devices()
	if i := slices.IndexFunc(all, func(d *vmtest.Device) bool { return is(d.Device()) }); i >= 0 {
		return all[i]
	}
	return nil
}

// An outerName is the name of an endpoint at the place that a machine around is.
type outerName struct {
	machine string
	name    actions.EndpointID
}

// An outerEnd is an endpoint that a process has in a machine around its own.
type outerEnd struct {
	process string
	name    outerName
}

// perform is the function Perform of the stage.
func (s *theater) perform(by string, in, at *scenario.Machine, a actions.Action) actions.Action {
	switch a := a.(type) {
	case actions.YieldTurn:
		if in != at {
			s.other = "it yields at a meta-level"
			return nil
		}
		return s.pause(a)
	case actions.QuitProcess:
		if in != at {
			s.other = "it quits at a meta-level"
			return nil
		}
		if slices.ContainsFunc(s.machines, func(m *actingMachine) bool { return m.is.Is(at, a.PID) }) {
			s.other = "it quits a machine"
		}
		return a
	case actions.SpawnProcess:
		if in != at {
			s.other = "it spawns at a meta-level"
			return nil
		}
		return a
	case actions.AddEndpoint:
		if in == at {
			return a
		}
		// An endpoint that is deleted hears of the absence of its peers, as one here does. One
		// at a meta-level does not.
		name := outerName{at.Path, a.ID}
		key := outerEnd{by, name}
		delete(s.deleted, key)
		role := fmt.Sprintf("%s %s %v", in.Path, at.Path, a.Role)
		if other, ok := s.roles[role]; ok && other != key {
			s.other = "a machine has two endpoints with equal roles at a place"
		}
		s.roles[role] = key
		handler := a.Handler
		h := *handler
		h.Run = func(state any, ev *actions.Event) (any, actions.Action) {
			if s.deleted[key] {
				return state, nil
			}
			return handler.Run(state, ev)
		}
		a.Handler = &h
		return placeOf(at).At(a).As(name)
	case actions.DeleteEndpoint:
		if in == at {
			return a
		}
		s.deleted[outerEnd{by, outerName{at.Path, a.ID}}] = true
		return actions.Delete(outerName{at.Path, a.ID}).Because(a.Reason)
	case *actions.SendMessage:
		if in == at {
			return a
		}
		return placeOf(at).Forward(a.Message, a.Orientation)
	}
	return a
}

// A pause is the device by which a process that has yielded goes on: when nothing happens
// on any machine any more.
type pause struct{ Number int }

type goOn struct{}

func (p pause) DeviceName() string { return fmt.Sprint("pause ", p.Number) }
func (pause) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errors.New("a pause is for tests")
}

func (s *theater) pause(y actions.YieldTurn) actions.Action {
	s.pauses++
	d := pause{s.pauses}
	return actions.OpenDevice{Device: d, Handler: &actions.Handler{State: y.Resume.State, Run: func(state any, ev *actions.Event) (any, actions.Action) {
		if ev.Kind != actions.Value {
			return state, nil
		}
		next, a := y.Resume.Run(state, 0)
		return next, actions.Group(actions.Close(d), a)
	}}}
}

// resume lets those go on that have yielded. It reports whether there were any.
func (s *theater) resume() bool {
	var all []*vmtest.Device
	for _, m := range s.machines {
		for _, d := range m.Devices() {
			if _, ok := d.Device().(pause); ok {
				all = append(all, d)
			}
		}
	}
	slices.SortFunc(all, func(a, b *vmtest.Device) int { return a.Device().(pause).Number - b.Device().(pause).Number })
	for _, d := range all {
		if d.IsOpen() {
			d.Value(goOn{})
		}
	}
	return len(all) > 0
}

// settle carries what the machines say to each other, until they have nothing more to say.
func (s *theater) settle() {
	for moved := true; moved; {
		moved = false
		for len(s.waiting) > 0 {
			f := s.waiting[0]
			s.waiting = s.waiting[1:]
			f()
			moved = true
		}
		for _, m := range s.machines {
			if s.carry(m) {
				moved = true
			}
		}
	}
}

// carry carries what a machine says over its links, and what it is told.
func (s *theater) carry(m *actingMachine) (moved bool) {
	for _, d := range m.Devices() {
		l, ok := d.Device().(linkDevice)
		if !ok {
			continue
		}
		x := m.sessions[l.home]
		if x == nil || x.link != d {
			x = &actingSession{link: d, home: s.machine(l.home.Node)}
			m.sessions[l.home] = x
			d.Value(linkOpen{1})
			moved = true
		}
		if x.conn == (world.Ref{}) && x.home != nil {
			x.home.refs++
			x.number++
			x.conn = world.Ref{Device: m.config.Network.Node(), Number: x.home.refs}
			x.home.lobby().Value(lobbyArrived{client{m.config.Network.Node(), 1}, x.conn})
			x.accepted().Value(acceptedOpen{})
			d.Value(linkJoined{x.number, rigEpoch})
			moved = true
		}
	}
	for _, x := range m.sessions {
		if x.conn == (world.Ref{}) {
			continue
		}
		for _, cmd := range vmtest.Commands[any](x.link) {
			if c, ok := cmd.(linkSend); ok && c.Session == x.number {
				x.accepted().Value(acceptedData{c.whole()})
				moved = true
			}
		}
		if !x.link.IsOpen() {
			x.accepted().End(ErrLeft)
			x.conn, moved = world.Ref{}, true
			continue
		}
		for _, cmd := range vmtest.Commands[any](x.accepted()) {
			switch cmd := cmd.(type) {
			case acceptedSend:
				x.link.Value(linkData{x.number, cmd.Body})
				moved = true
			case acceptedWarn:
				s.t.Errorf("%s: %v", cmd.What, cmd.Reason)
			}
		}
	}
	return moved
}

func (s *theater) machine(node string) *actingMachine {
	i := slices.IndexFunc(s.machines, func(m *actingMachine) bool { return nodeOf(m.is) == node })
	if i < 0 {
		return nil
	}
	return s.machines[i]
}

func (a *actingMachine) lobby() *vmtest.Device {
	return a.device(func(d world.Device) bool { _, ok := d.(lobby); return ok })
}

func (x *actingSession) accepted() *vmtest.Device { return x.home.Device(acceptedLink{x.conn}) }

// alive returns the paths of what is alive. A machine in which nothing can happen any more
// is not: it takes part nowhere, and nobody takes part in it.
func (s *theater) alive() (all []string) {
	lives := map[*scenario.Machine]bool{}
	for _, m := range slices.Backward(s.machines) { // inner machines first
		if m.is.Outer != nil {
			taking := slices.ContainsFunc(m.Devices(), func(d *vmtest.Device) bool {
				switch d.Device().(type) {
				case linkDevice, acceptedLink:
					return true
				}
				return false
			})
			if !taking {
				continue
			}
			all = append(all, m.is.Path)
		}
		lives[m.is] = true
		for p := range m.VM().Processes() {
			if path, ok := s.run.PathOf(m.is, p.Path); ok {
				all = append(all, path)
			}
		}
	}
	slices.Sort(all)
	return all
}

// play runs a scenario, and returns what is wrong, and why it means something else on
// several machines, or "".
func play(t *testing.T, c *scenario.Scenario) (v *scenario.Verdict, other string) {
	s := &theater{t: t, roles: map[string]outerEnd{}, deleted: map[outerEnd]bool{}}
	s.run = scenario.NewRun(scenario.Stage{
		Start: func(inner *scenario.Machine, boot func(actions.PID) actions.Process) actions.Process {
			inner.Alone = true
			s.waiting = append(s.waiting, func() { s.start(inner, actions.SpawnFunc(boot)) })
			return actions.Stateless()
		},
		Perform: s.perform,
	})
	outermost := &scenario.Machine{}
	s.start(outermost, s.run.Boot(c, outermost))
	s.settle()
	for n := 0; s.resume(); n++ {
		s.settle()
		if n == scenario.Enough {
			t.Fatal("the machines do not come to rest")
		}
	}
	for _, m := range s.machines { // a link stays for a while after the last message
		for _, d := range m.Devices() {
			if _, ok := d.Device().(world.Alarm); ok && d.IsOpen() {
				d.Value(world.AlarmRang{})
			}
		}
	}
	s.settle()
	alive := s.alive()
	if v = scenario.Judge(&c.Expected, s.run, alive); len(v.Violations) > 0 {
		v = scenario.JudgeSettled(&c.Expected, s.run, alive)
	}
	v.Violations = append(v.Violations, s.run.Faults...)
	return v, s.other
}

// notThere has the scenarios that mean something else on several machines, and why.
var notThere = map[string]string{
	"meta-spawn-vm":                     "it spawns at a meta-level",
	"nested-spawn-3":                    "it spawns at a meta-level",
	"nested-vm-quit-1":                  "it quits at a meta-level",
	"nested-vm-quit-2":                  "it quits at a meta-level",
	"vm-kill-deep":                      "it quits a machine",
	"vm-kill-inner-hears-nothing-local": "it quits a machine",
}

// TestConformance: what the original system tells the processes of nested machines, the
// processes of several machines are told, if these do with place.At(e) what those do with
// AtMeta(e). The scenarios are those of vm/internal/conformance in which machines are
// nested, but for those that were made at random: what these do depends on how many turns
// other processes have had.
//
// The expectations are those of the corpus, with two exceptions. An endpoint at a place
// that is deleted hears of the absence of its peers, as one here does. And if news of
// several endpoints of a process come together, their order is open, as in TestSameCode.
func TestConformance(t *testing.T) {
	all, err := scenario.Read("../vm/internal/conformance/testdata/conformance")
	if err != nil {
		t.Fatal(err)
	}
	facts, run := 0, 0
	for _, c := range all {
		if c.Group == "random" || !c.Nests() {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			v, other := play(t, c)
			if why := notThere[c.ID]; why != other {
				t.Errorf("means something else on several machines because %q, want %q", other, why)
			}
			if other != "" {
				t.Log("set aside:", other)
				return
			}
			run++
			facts += v.Facts
			for _, violation := range v.Violations {
				t.Errorf("%s: %s", c.Description, violation)
			}
		})
	}
	t.Logf("%d scenarios on several machines, %d facts", run, facts)
	if run < 25 {
		t.Error("too few")
	}
}
