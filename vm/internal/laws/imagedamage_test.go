package laws

import (
	"math"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// A bad image is refused, or else it is the image of some machine: it can be
// restored, run, and saved as it was. It never does harm.

// somewhere decides among more than 256 things.
func (src lawSource) somewhere(n int) int { return (src(256)<<8 | src(256)) % n }

// damage changes parts of an image at random.
func (src lawSource) damage(im *image.Image) {
	for range 1 + src(3) {
		var parts []reflect.Value
		collectParts(reflect.ValueOf(im).Elem(), &parts)
		p := parts[src.somewhere(len(parts))]
		var alike []reflect.Value // of which one may take the place of p
		for _, q := range parts {
			if q.Type() == p.Type() {
				alike = append(alike, q)
			}
		}
		other := alike[src.somewhere(len(alike))]
		how := src(8)
		switch {
		case how < 3:
			p.Set(other)
		case p.CanUint():
			p.SetUint([]uint64{0, p.Uint() + 1, p.Uint() - 1, 1, math.MaxUint64, 1 << 40}[src(6)])
		case p.CanInt():
			p.SetInt([]int64{0, p.Int() + 1, p.Int() - 1, 1, math.MaxInt64, math.MinInt64}[src(6)])
		case p.Kind() == reflect.Bool:
			p.SetBool(!p.Bool())
		case p.Kind() == reflect.Slice && p.Len() > 0:
			i, j := src.somewhere(p.Len()), src.somewhere(p.Len())
			switch how {
			case 3, 4:
				p.Set(reflect.AppendSlice(p.Slice(0, i), p.Slice(i+1, p.Len())))
			case 5:
				p.Set(reflect.Append(p, p.Index(i)))
			default:
				reflect.Swapper(p.Interface())(i, j)
			}
		case p.Kind() == reflect.String:
			p.SetString("")
		}
	}
}

// collectParts appends all in v that can be changed. It takes a state only as a
// whole: its type is responsible for what is in it.
func collectParts(v reflect.Value, parts *[]reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			collectParts(v.Field(i), parts)
		}
		return
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[[]byte]() {
			break
		}
		for i := range v.Len() {
			collectParts(v.Index(i), parts)
		}
	}
	*parts = append(*parts, v)
}

// tryDamage plays a scene, damages an image of it, and reports whether the
// image can still be restored.
func tryDamage(t *testing.T, data, damage []byte) (accepted bool) {
	s := newLawScene(data)
	s.limits.Steps = min(s.limits.Steps, 1000)
	p := s.play()
	src := fromBytes(damage)
	for n := range 1 + src(len(s.inputs)) {
		p.apply(n)
	}
	im, err := p.image()
	if err != nil {
		return false // it is not at rest
	}
	before, _ := p.image()
	src.damage(im)
	q, err := p.again(im)
	if err != nil {
		return false
	}
	again, err := q.image()
	if err != nil {
		t.Errorf("an image was restored, but the machine cannot be saved: %v", err)
	} else if diff := cmp.Diff(im, again, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(image.Process{}, "State")); diff != "" {
		t.Errorf("an image was restored, but the machine has another image: %s\nthe damage: %s", diff, cmp.Diff(before, im))
	}
	for n := range s.inputs {
		q.apply(n + 1)
	}
	return true
}

func FuzzImageDamage(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(lawBytes(seed), lawBytes(seed + 1000)[:20])
	}
	f.Fuzz(func(t *testing.T, data, damage []byte) { tryDamage(t, data, damage) })
}

func TestLawImageDamage(t *testing.T) {
	accepted := 0
	eachRandom(t, func(seed uint64, data []byte) {
		for i := range uint64(5) {
			if tryDamage(t, data, lawBytes(seed*5 + i)[:20]) {
				accepted++
			}
			if t.Failed() {
				t.Logf("seed %d, damage %d", seed, i)
				return
			}
		}
	})
	t.Logf("%d damaged images could be restored", accepted)
}

// maxDepth is how many machines may be around a machine that is restored.
const maxDepth = 1 << 10

// No image makes a machine that is too deep to run.
func TestImageTooDeep(t *testing.T) {
	im := &image.Image{Limits: vm.Limits{Queue: 1, Steps: 1, Drain: 1}, Last: 1}
	for i := range uint32(2 * maxDepth) {
		im.Processes = append(im.Processes, image.Process{Depth: i, PID: 1, Last: 1})
	}
	if _, err := im.State(image.Types{}, nil); err == nil {
		t.Error("too many machines in each other have been restored")
	}
	im.Processes = im.Processes[:maxDepth]
	s, err := im.State(image.Types{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Machine(nil).Apply(vm.Input{Kind: vm.Value, Address: &vm.Address{Generation: 1}})
	if again, err := image.Of(s, image.Types{}, nil); err != nil || !reflect.DeepEqual(im, again) {
		t.Errorf("another image: %v", err)
	}
}
