package fingerprint

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// Each type has a twin: the same type by another name.
type (
	order struct {
		Text  string
		Count int `cbor:"N"`
		items []item
		at    time.Time
	}
	purchase struct {
		Text   string
		Number int `cbor:"N"`
		things []thing
		when   time.Time
	}

	item  struct{ Price float64 }
	thing struct{ Price float64 }

	grade   uint8
	quality uint8

	named   struct{ Text string }
	renamed struct{ Text string }

	failure struct{ code int }
	mishap  struct{ code int }

	ring struct{ next *ring }
	tree []tree
	self *self
)

func (f failure) Error() string { return fmt.Sprint("failure ", f.code) }
func (m mishap) Error() string  { return fmt.Sprint("failure ", m.code) }

func init() { world.Register[named]("fingerprinttest.named") }

var _ = ring{next: nil} // only its structure is used

var noon = time.Date(2026, 11, 28, 12, 0, 0, 5, time.UTC)

// TestMovedAndRenamed: values of types that have been moved and renamed have the
// same bytes as before, and values that differ still differ.
func TestMovedAndRenamed(t *testing.T) {
	a := order{"tea", 2, []item{{1.5}}, noon}
	b := purchase{"tea", 2, []thing{{1.5}}, noon}
	for name, twins := range map[string][3]any{ // a value, its twin, and another value of the twin's type
		"struct":           {a, b, purchase{"tea", 3, []thing{{1.5}}, noon}},
		"exported field":   {a, b, purchase{"coffee", 2, []thing{{1.5}}, noon}},
		"unexported field": {a, b, purchase{"tea", 2, []thing{{1.5}}, noon.Add(1)}},
		"element":          {a, b, purchase{"tea", 2, []thing{{2.5}}, noon}},
		"pointer":          {&a, &b, &purchase{}},
		"slice":            {[]order{a}, []purchase{b}, []purchase{b, b}},
		"map":              {map[grade]order{1: a}, map[quality]purchase{1: b}, map[quality]purchase{2: b}},
		"array":            {[1]grade{1}, [1]quality{1}, [1]quality{2}},
		"number":           {grade(1), quality(1), quality(2)},
		"in an interface":  {[]any{a, grade(1)}, []any{b, quality(1)}, []any{b, quality(2)}},
		"another package": {struct {
			Value int
			Set   bool
		}{3, true}, actions.Maybe[int]{Value: 3, Set: true}, actions.Maybe[int]{Value: 4, Set: true}},
		"error":                 {failure{1}, mishap{1}, mishap{2}},
		"error of another type": {errors.New("end"), fmt.Errorf("en%w", errors.New("d")), io.EOF},
		"message":               {actions.Send(a), actions.Send(b), actions.Send(purchase{})},
		"topic": {topic.Where(topic.FieldOf(func(o *order) *string { return &o.Text }).Is("tea")).Topic(),
			topic.Where(topic.FieldOf(func(p *purchase) *string { return &p.Text }).Is("tea")).Topic(),
			topic.Where(topic.FieldOf(func(p *purchase) *string { return &p.Text }).Is("milk")).Topic()},
		"handler": {actions.HandlerOf(func(order, *actions.Event) (t actions.Transition[order]) { return t }),
			actions.HandlerOf(func(purchase, *actions.Event) (t actions.Transition[purchase]) { return t }),
			actions.HandlerOf(func(grade, *actions.Event) (t actions.Transition[grade]) { return t })},
		"panic": {&vm.PanicError{Value: a}, &vm.PanicError{Value: b}, &vm.PanicError{Value: purchase{}}},
	} {
		bytes := func(v Version, i int) string { return string(v.Append(nil, twins[i])) }
		if bytes(V2, 0) != bytes(V2, 1) {
			t.Errorf("%s: the bytes have changed with the type, from %q to %q", name, bytes(V2, 0), bytes(V2, 1))
		}
		if bytes(V2, 1) == bytes(V2, 2) {
			t.Errorf("%s: another value has the same bytes: %q", name, bytes(V2, 2))
		}
		if bytes(V1, 0) == bytes(V1, 1) {
			t.Errorf("%s: the first version does not tell them apart either, so this shows nothing", name)
		}
	}
}

// TestNames: the names that identify types never change.
func TestNames(t *testing.T) {
	for _, tt := range []struct {
		typ  reflect.Type
		want string
	}{
		{reflect.TypeFor[int](), "int"},
		{reflect.TypeFor[grade](), "uint8"},
		{reflect.TypeFor[uintptr](), "uintptr"},
		{reflect.TypeFor[func()](), "func"},
		{reflect.TypeFor[order](), `struct{"Text" string;"N" int; slice; time;}`},
		{reflect.TypeFor[purchase](), `struct{"Text" string;"N" int; slice; time;}`},
		{reflect.TypeFor[*order](), `*struct{"Text" string;"N" int; slice; time;}`},
		{reflect.TypeFor[**order](), "*ptr"},
		{reflect.TypeFor[[]item](), `[]struct{"Price" float64;}`},
		{reflect.TypeFor[[2]*item](), "[2]ptr"},
		{reflect.TypeFor[map[string][1]item](), `map[string][1]struct{"Price" float64;}`},
		{reflect.TypeFor[struct {
			_ int
			order
			named
			A any   `cbor:"-"`
			B error `cbor:"b,omitempty"`
			C int   `fingerprint:"-"`
		}](), `struct{ struct{"Text" string;"N" int; slice; time;}; "fingerprinttest.named";"A" interface;"b" interface;}`},
		{reflect.TypeFor[ring](), "struct{ ptr;}"},
		{reflect.TypeFor[tree](), "[]slice"},
		{reflect.TypeFor[self](), "*ptr"},
		{reflect.TypeFor[named](), `"fingerprinttest.named"`},
		{reflect.TypeFor[*named](), `*"fingerprinttest.named"`},
		{reflect.TypeFor[[]named](), `[]"fingerprinttest.named"`},
		{reflect.TypeFor[renamed](), `struct{"Text" string;}`},
		{reflect.TypeFor[*world.Error](), `"world.Error"`},
		{reflect.TypeFor[world.Alarm](), "device"},
		{reflect.TypeFor[failure](), "error"},
		{reflect.TypeOf(io.EOF), "error"},
		{reflect.TypeFor[*vm.PanicError](), "panic"},
		{reflect.TypeFor[sync.Mutex](), "nothing"},
		{reflect.TypeFor[*time.Location](), "location"},
		{reflect.TypeOf(world.SystemClock()), "clock"},
		{reflect.TypeOf(reflect.TypeFor[int]()), "type"},
		{reflect.TypeFor[reflect.Value](), "value"},
		{reflect.TypeFor[*actions.Event](), "*actions.Event"},
		{reflect.TypeFor[*actions.SendMessage](), "*actions.SendMessage"},
		{reflect.TypeFor[actions.AddEndpoint](), "actions.AddEndpoint"},
		{reflect.TypeFor[actions.ReplaceEndpoint](), "actions.ReplaceEndpoint"},
		{reflect.TypeFor[actions.DeleteEndpoint](), "actions.DeleteEndpoint"},
		{reflect.TypeFor[actions.SpawnProcess](), "actions.SpawnProcess"},
		{reflect.TypeFor[actions.QuitProcess](), "actions.QuitProcess"},
		{reflect.TypeFor[actions.YieldTurn](), "actions.YieldTurn"},
		{reflect.TypeFor[actions.FreshName](), "actions.FreshName"},
		{reflect.TypeFor[actions.OpenDevice](), "actions.OpenDevice"},
		{reflect.TypeFor[actions.TellDevice](), "actions.TellDevice"},
		{reflect.TypeFor[actions.CloseDevice](), "actions.CloseDevice"},
		{reflect.TypeFor[actions.FlowControl](), "actions.FlowControl"},
		{reflect.TypeFor[actions.MonitorProcess](), "actions.MonitorProcess"},
		{reflect.TypeFor[actions.UnmonitorProcess](), "actions.UnmonitorProcess"},
		{reflect.TypeFor[actions.MetaLevel](), "actions.MetaLevel"},
		{reflect.TypeFor[actions.Tree](), "actions.Tree"},
		{reflect.TypeFor[actions.PID](), "actions.PID"},
		{reflect.TypeFor[topic.Message](), "topic.Message"},
		{reflect.TypeFor[topic.Role](), "topic.Role"},
		{reflect.TypeFor[topic.Topic](), "topic.Topic"},
		{reflect.TypeFor[topic.Tuple](), "topic.Tuple"},
		{reflect.TypeOf(topic.Wild), "topic.wildcard"},
		{reflect.TypeFor[vm.FreshID](), "vm.FreshID"},
		{reflect.TypeFor[vm.PanicError](), "vm.PanicError"},
		{reflect.TypeFor[vm.Path](), "vm.Path"},
	} {
		if got := nameOf(tt.typ); got != tt.want {
			t.Errorf("%v is identified by %s, and not by %s", tt.typ, got, tt.want)
		}
	}
	if got := typeText(V2, reflect.TypeFor[order]()); got != "struct" {
		t.Errorf("as a value, a type without a name is identified by %s", got)
	}
	if got := typeText(V2, reflect.TypeFor[named]()); got != `"fingerprinttest.named"` {
		t.Errorf("as a value, a type with a name is identified by %s", got)
	}
}

// TestWildIsNoText: an open part of a pattern has other bytes than a text that
// looks like it.
func TestWildIsNoText(t *testing.T) {
	if string(V2.Append(nil, topic.Tuple{topic.Wild})) == string(V2.Append(nil, topic.Tuple{"_"})) {
		t.Error("they have the same bytes")
	}
}

// A tagged has fields that package codec writes under names of its own.
type tagged struct {
	B int `cbor:"first"`
	C string
	A bool `cbor:"last" json:"x"`
}

func init() { world.Register[tagged]("fingerprinttest.tagged") }

// TestNamesOfFields: a field goes by the name under which package codec writes it.
func TestNamesOfFields(t *testing.T) {
	data, err := codec.Append(nil, tagged{})
	if err != nil {
		t.Fatal(err)
	}
	_, v, err := codec.Generic(data)
	written, ok := v.(map[string]any)
	if err != nil || !ok {
		t.Fatalf("%v, %v", v, err)
	}
	var names []string
	for _, f := range fieldsOf(reflect.TypeFor[tagged]()) {
		names = append(names, writtenName(f))
		if _, ok := written[writtenName(f)]; !ok {
			t.Errorf("package codec writes no field %s, but %v", writtenName(f), v)
		}
	}
	if !slices.Equal(names, []string{"first", "C", "last"}) || len(written) != len(names) {
		t.Errorf("the fields are %v", names)
	}
}
