//go:build linux

package node_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

// A rig is a machine with a keeper and a launcher, whose outside is the test. vmtest checks
// that all of it is pure, and saves and restores the machine at each input.
type rig struct {
	t *testing.T
	m *vmtest.Machine
}

func newRig(t *testing.T) *rig {
	c := node.New(distributed.Memory().Node("here"), counters, failing)
	m := vmtest.Config{Types: c.Types()}.Run(t)
	m.AllowCrashes()
	m.Perform(c.Keep(), c.Launch())
	return &rig{t, m}
}

func (r *rig) want(s node.Spec, p node.Restart) *vmtest.Probe[node.Wanted] {
	return vmtest.Publisher(r.m, node.WantedTopic("counter", s, p))
}

// device returns the open device whose name begins with a text, or nil.
func (r *rig) device(name string) *vmtest.Device {
	for _, d := range r.m.Devices() {
		if d.IsOpen() && strings.HasPrefix(d.Device().DeviceName(), name) {
			return d
		}
	}
	return nil
}

// devices returns how many devices are open whose names begin with a text.
func (r *rig) devices(name string) (n int) {
	for _, d := range r.m.Devices() {
		if d.IsOpen() && strings.HasPrefix(d.Device().DeviceName(), name) {
			n++
		}
	}
	return n
}

// pids returns the processes of the machine that have a name.
func (r *rig) pids(name string) (all []actions.PID) {
	for p := range r.m.VM().Processes() {
		if p.Name == name && len(p.Path) == 1 {
			all = append(all, p.Path[0])
		}
	}
	return all
}

// places returns how many places run.
func (r *rig) places() int { return len(r.pids("counter")) }

func (r *rig) expectPlaces(n int) {
	r.t.Helper()
	if got := r.places(); got != n {
		r.t.Errorf("%d places run, want %d", got, n)
	}
}

// reasons returns why a wish was refused.
func reasons[M any](p *vmtest.Probe[M], reason func(M) error) (all []string) {
	for _, h := range p.Take() {
		switch h.Kind {
		case actions.Delivery:
			all = append(all, "!"+kind(reason(h.About)))
		case actions.Presence:
			all = append(all, "+")
		case actions.Absence:
			all = append(all, "-"+kind(h.Reason))
		}
	}
	return all
}

func (r *rig) expect(p *vmtest.Probe[node.Wanted], want ...string) {
	r.t.Helper()
	got := reasons(p, func(w node.Wanted) error { return w.Reason })
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Errorf("heard %q, want %q", got, want)
	}
}

// TestKeeper: what is wanted runs once; what contradicts it is refused, and gets its turn.
// B-P19.
func TestKeeper(t *testing.T) {
	r := newRig(t)
	one := r.want(counters.With(1), node.Always)
	r.expectPlaces(1)
	again := r.want(counters.With(1), node.Always)
	other := r.want(counters.With(2), node.Always)
	refused := r.want(node.Spec{Program: "x"}, node.Never)
	r.expectPlaces(1)
	r.expect(other, "!conflict")
	r.expect(refused, "!conflict")
	if late := r.want(counters.With(2), node.Always); true {
		r.expect(late, "!conflict")
		late.Close(nil)
	}
	one.Close(nil)
	r.expectPlaces(1)
	again.Close(nil) // now the other has its turn
	r.expectPlaces(1)
	other.Close(nil) // and then what the node refuses
	r.expectPlaces(0)
	r.expect(refused, "!no program")
	refused.Close(nil)
	for _, w := range []node.Restart{{When: 9}, {Intensity: -1}, {Period: -1}, {Period: 1 << 62}} { // from another node
		bad := r.want(counters.With(1), w)
		if got := reasons(bad, func(w node.Wanted) error { return w.Reason }); len(got) != 1 || !strings.HasPrefix(got[0], "!node: ") {
			t.Errorf("%+v: heard %q", w, got)
		}
		bad.Close(nil)
	}
	r.expectPlaces(0)
}

// TestOutlive: a place goes on for a while when the links to those who want it are lost, and
// ends at once when they do not want it any more.
func TestOutlive(t *testing.T) {
	r := newRig(t)
	clock := timers(r)
	for range 2 {
		lost := r.want(counters.With(1), node.Always)
		r.expectPlaces(1)
		lost.Close(distributed.ErrCut)
		r.expectPlaces(1)
		back := r.want(counters.With(1), node.Always)
		back.Close(distributed.ErrLease)
		r.expectPlaces(1)
		clock.expire()
		r.expectPlaces(0)
	}
	left := r.want(counters.With(1), node.Always)
	left.Close(distributed.ErrLeft)
	r.expectPlaces(0)
}

// TestLauncher: a node is held by a device while somebody wants it. It is told of the others,
// and what it says comes out.
func TestLauncher(t *testing.T) {
	r := newRig(t)
	out := vmtest.Subscriber(r.m, outputs)
	want := func(name string) *vmtest.Probe[node.Launched] {
		return vmtest.Publisher(r.m, node.LaunchedTopic(name, node.Local{}, node.Every(time.Second, 3)))
	}
	a, b := want("a"), want("b")
	da, db := r.device(`node.child("memory \"here\"", "a"`), r.device(`node.child("memory \"here\"", "b"`)
	for _, d := range []*vmtest.Device{da, db} {
		d.Value(node.Opened)
	}
	da.Value(node.Ready("127.0.0.1:1"))
	if got := reasons(a, func(l node.Launched) error { return l.Reason }); fmt.Sprint(got) != "[+]" {
		t.Errorf("heard %q", got)
	}
	db.ExpectCommands(node.Meeting("a", "127.0.0.1:1"))
	db.Value(node.Ready("127.0.0.1:2"))
	da.ExpectCommands(node.Meeting("b", "127.0.0.1:2"))
	da.Value(node.Output{Node: "a", Stream: node.Stdout, Text: "hello"})
	out.Take()
	da.Value(node.Output{Node: "a", Stream: node.Stdout, Text: "again"})
	out.ExpectMessages(node.Output{Node: "a", Stream: node.Stdout, Text: "again"})
	db.End(node.ErrDown)
	da.ExpectCommands(node.Meeting("b", ""))
	reasons(b, func(l node.Launched) error { return l.Reason })
	a.Close(nil)
	b.Close(nil)
	if da.IsOpen() || r.device("node.child") != nil {
		t.Error("a node is left")
	}
}

// TestRestartedParent: a machine that goes on after a restart starts its nodes anew. Those who
// want them hear of the end of the old ones.
func TestRestartedParent(t *testing.T) {
	r := newRig(t)
	w := vmtest.Publisher(r.m, node.LaunchedTopic("a", node.Local{}, node.Always))
	d := r.device("node.child")
	d.Value(node.Opened)
	d.Value(node.Ready("127.0.0.1:1"))
	d.Value(node.Opened)
	d.Value(node.Ready("127.0.0.1:2"))
	if got := reasons(w, func(l node.Launched) error { return l.Reason }); fmt.Sprint(got) != "[+ -down +]" {
		t.Errorf("heard %q", got)
	}
}

var outputs = topic.All[node.Output]()

// A hand is the driver of timers of a machine, which the test moves.
type hand struct {
	expired *vmtest.Probe[timer.Expired]
	sets    *vmtest.Probe[timer.Set]
}

func timers(r *rig) *hand {
	return &hand{vmtest.Publisher(r.m, topic.All[timer.Expired]()), vmtest.Subscriber(r.m, topic.All[timer.Set]())}
}

// expire makes the timers of keepers expire that were set last.
func (h *hand) expire() {
	set := map[string]bool{}
	for _, e := range h.sets.Take() {
		if e.Kind == actions.Delivery && strings.HasPrefix(e.About.Label, "node.keeper/") {
			set[e.About.Label] = true
		}
	}
	for label := range set {
		h.expired.Send(timer.Expired{Label: label})
	}
}

// wait makes the pause of a supervisor expire that was set last, and returns how long it is.
func (h *hand) wait() (pause time.Duration) {
	label := ""
	for _, e := range h.sets.Take() {
		if e.Kind == actions.Delivery && strings.Contains(e.About.Label, "/wait/") {
			label, pause = e.About.Label, e.About.After
		}
	}
	h.expired.Send(timer.Expired{Label: label})
	return pause
}
