package laws

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// The law of images: a machine restored from its image does exactly what the
// original does.

// A lawScene is a random program, and what happens to it.
type lawScene struct {
	program *lawProgram
	limits  vm.Limits
	inputs  []lawInput
	types   image.Types
}

// A lawInput is a Continue, if the machine wants one, and otherwise an input of
// one of the open devices, or the end.
type lawInput struct {
	kind   vm.InputKind
	device int
}

func newLawScene(data []byte) *lawScene {
	src := fromBytes(data)
	s := &lawScene{limits: vm.Limits{Steps: 1 + src(3)*src(100)}}
	if src(2) == 0 {
		s.limits.Steps = 0
	}
	for range 2 + src(6) {
		s.inputs = append(s.inputs, lawInput{[]vm.InputKind{vm.Value, vm.Value, vm.Value, vm.End, vm.Failed, vm.Done}[src(6)], src(8)})
	}
	if src(4) == 0 {
		s.inputs = append(s.inputs, lawInput{kind: vm.StopAsked})
	}
	s.program = src.program()
	s.types, _ = image.NewTypes(savedType(s.program))
	return s
}

// encodeSaved writes states in tests.
func encodeSaved(_ actions.Type, state any) ([]byte, error) { return json.Marshal(state) }

// decodeSaved restores what encodeSaved has written.
func decodeSaved(k actions.Type, data []byte) (any, error) {
	p := reflect.New(k.State)
	err := json.Unmarshal(data, p.Interface())
	return p.Elem().Interface(), err
}

// A lawPlay is a machine in which a scene is played.
type lawPlay struct {
	*lawScene
	m     *vm.Machine
	lines []string // all that has happened
	open  []*vm.Address
}

func (s *lawScene) play() *lawPlay {
	p := &lawPlay{lawScene: s}
	p.m = vm.Config{Watch: p.watch, Limits: s.limits}.NewFunc(s.program.firstSaved())
	return p
}

// again returns a play that goes on from an image of p.
func (p *lawPlay) again(im *image.Image) (*lawPlay, error) {
	s, err := im.State(p.types, decodeSaved)
	if err != nil {
		return nil, err
	}
	q := &lawPlay{lawScene: p.lawScene, lines: slices.Clone(p.lines), open: slices.Clone(p.open)}
	q.m = s.Machine(q.watch)
	return q, nil
}

func (p *lawPlay) image() (*image.Image, error) {
	return image.Of(p.m.Snapshot(), p.types, encodeSaved)
}

func (p *lawPlay) watch(r *vm.Record) {
	line := fmt.Sprintf("%v %v %q", r.Kind, r.Path(), r.Name())
	if e, ok := r.Endpoint(); ok {
		line += fmt.Sprintf(" at %v %v %d", e.ID, e.Role, e.Level)
	}
	if r.Event != nil {
		line += ": " + r.Event.String()
	}
	if r.Action != nil {
		line += fmt.Sprintf(": %v at level %d", r.Action, r.Level)
	}
	if r.Reason != nil {
		line += ": " + r.Reason.Error()
	}
	line += " " + r.Input.Kind.String()
	if c := r.Command; c.Kind != 0 {
		line += fmt.Sprintf(": %v %v number %d, %v, paused %v", c.Kind, c.Address, c.Address.Generation, c.Value, c.Paused)
		switch c.Kind {
		case vm.Open:
			p.open = append(p.open, c.Address)
		case vm.Close:
			p.open = slices.DeleteFunc(p.open, func(a *vm.Address) bool { return a.Generation == c.Address.Generation })
		}
	}
	p.lines = append(p.lines, line)
}

// apply gives input n to the machine; the first is a Start.
func (p *lawPlay) apply(n int) {
	in := vm.Input{Kind: vm.Start, Incarnation: 7}
	switch {
	case p.m.Busy():
		in = vm.Input{Kind: vm.Continue}
	case n > 0 && p.inputs[n-1].kind == vm.StopAsked:
		in = vm.Input{Kind: vm.StopAsked}
	case n > 0:
		if len(p.open) == 0 {
			return
		}
		i := p.inputs[n-1]
		in = vm.Input{Kind: i.kind, Address: p.open[i.device%len(p.open)], Value: n}
		if i.kind == vm.End {
			p.open = slices.Delete(p.open, i.device%len(p.open), i.device%len(p.open)+1)
		}
	}
	p.m.Apply(in)
}

// differs tells how two plays of a scene differ from each other, or returns "".
func (p *lawPlay) differs(q *lawPlay) string {
	for i := range max(len(p.lines), len(q.lines)) {
		if i >= len(p.lines) || i >= len(q.lines) || p.lines[i] != q.lines[i] {
			return fmt.Sprintf("after\n\t%s\ncomes\n\t%s\nand not\n\t%s", strings.Join(p.lines[max(0, i-6):min(i, len(p.lines))], "\n\t"),
				strings.Join(q.lines[i:min(i+4, len(q.lines))], "\n\t"), strings.Join(p.lines[i:min(i+4, len(p.lines))], "\n\t"))
		}
	}
	im, err := p.image()
	im2, err2 := q.image()
	if p.m.Busy() != q.m.Busy() || (err == nil) != (err2 == nil) || !reflect.DeepEqual(im, im2) {
		return fmt.Sprintf("the images are %v %v and %v %v", im, err, im2, err2)
	}
	return ""
}

// imageViolations plays a scene, and from each image of it once more. Damage is
// done to each image before it is restored.
func imageViolations(data []byte, damage func(*image.Image)) (violations []string, images int) {
	s := newLawScene(data)
	violation := func(format string, args ...any) { violations = append(violations, fmt.Sprintf(format, args...)) }
	first := s.play()
	var plays []*lawPlay
	var from []int // the input after which each of plays begins
	for n := range len(s.inputs) + 1 {
		first.apply(n)
		if first.m.Busy() || !first.m.Running() {
			continue
		}
		im, err := first.image()
		if err != nil {
			violation("no image after input %d: %v", n, err)
			continue
		}
		if damage != nil {
			damage(im)
		}
		play, err := first.again(im)
		if err != nil {
			violation("no machine from the image after input %d: %v", n, err)
			continue
		}
		plays, from = append(plays, play), append(from, n)
		if damage != nil {
			continue // it must show in how the machine goes on
		}
		if d := first.differs(play); d != "" {
			violation("the machine restored after input %d is different: %s", n, d)
		}
		if a, b := first.m.String(), play.m.String(); a != b {
			violation("the machine restored after input %d has another text: %s\n%s", n, a, b)
		}
	}
	for i, play := range plays {
		for next := from[i] + 1; next <= len(s.inputs); next++ {
			play.apply(next)
		}
		if d := first.differs(play); d != "" {
			violation("the machine restored after input %d goes on differently: %s", from[i], d)
		}
	}
	return violations, len(plays)
}

func FuzzImage(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(lawBytes(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		violations, _ := imageViolations(data, nil)
		for _, v := range violations {
			t.Error(v)
		}
	})
}

func TestLawImage(t *testing.T) {
	images := 0
	eachRandom(t, func(seed uint64, data []byte) {
		violations, n := imageViolations(data, nil)
		images += n
		for _, v := range violations {
			t.Errorf("seed %d: %s", seed, v)
		}
	})
	t.Logf("%d images", images)
}
