package supervise_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/supervise"
)

// A shift says which workers a supervisor has.
type shift struct{ Names string }

var shifts = supervise.DefineTemplate("supervise_test.shift", func(s shift) (supervise.Spec, []supervise.Child) {
	var all []supervise.Child
	for _, name := range strings.Fields(s.Names) {
		all = append(all, work(name, supervise.Permanent))
	}
	return supervise.Spec{Strategy: supervise.OneForAll}, all
})

// TestTemplate: each supervisor has the children that its argument says, and starts them
// again. vmtest saves and restores the machine at each input.
func TestTemplate(t *testing.T) {
	r := newRig(t, true, []actions.Type{shifts.Type}, shifts.Spawn(shift{"a b"}), shifts.Spawn(shift{"c"}))
	r.want("+a", "+c", "+b")
	r.order("a", "fail")
	r.want("-a: boom", "-b: "+supervise.ErrRestart.Error(), "+a", "+b")
	r.order("c", "fail")
	r.want("-c: boom", "+c")
}

// TestTemplateSaved: a supervisor that was saved keeps its argument. If this says other
// children than it had, it is refused.
func TestTemplateSaved(t *testing.T) {
	r := newRig(t, true, []actions.Type{shifts.Type}, shifts.Spawn(shift{"a b"}))
	p, _ := r.m.VM().Process([]actions.PID{r.named("shift")})
	data, err := shifts.Encode(p.State)
	if err != nil {
		t.Fatal(err)
	}
	if state, err := shifts.Decode(data); err != nil || fmt.Sprintf("%+v", state) != fmt.Sprintf("%+v", p.State) {
		t.Errorf("the state is %+v, and was %+v: %v", state, p.State, err)
	}
	for want, children := range map[string][]supervise.Child{
		"other ones":  {work("b", supervise.Permanent)},
		"no children": nil,
	} {
		d := supervise.DefineTemplate("supervise_test.shift", func(shift) (supervise.Spec, []supervise.Child) { return supervise.Spec{}, children })
		if _, err := d.Decode(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: the error does not say %q", err, want)
		}
	}
}

// TestTemplateWithoutChildren: an argument that makes no sense is the fault of the process
// that uses it.
func TestTemplateWithoutChildren(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "{Names:}: no children") {
			t.Errorf("it says %q", got)
		}
	}()
	shifts.Spawn(shift{}).Boot(1)
}
