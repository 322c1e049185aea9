package image_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// Three versions of the states of a process type.
type (
	pet0 struct{ Name string }
	pet1 struct {
		Name string
		Legs int
	}
	pet2 struct {
		Called string
		Feet   string
	}
)

func listens[S any](S) actions.Action { return endpoint.Subscriber(topic.All[memo]()) }

var (
	pets0 = actions.Define("test.pet", listens[pet0])
	pets1 = actions.Versions(actions.Define("test.pet", listens[pet1]), 1,
		actions.From(0, func(p pet0) (pet1, error) { return pet1{p.Name, 4}, nil }))
	pets2 = actions.Versions(actions.Define("test.pet", listens[pet2]), 2,
		actions.From(0, func(p pet0) (pet1, error) { return pet1{p.Name, 4}, nil }),
		actions.From(1, func(p pet1) (pet2, error) {
			if p.Name == "" {
				return pet2{}, errors.New("it has no name")
			}
			if p.Legs < 0 {
				panic("no such animal")
			}
			return pet2{p.Name, strings.Repeat("|", p.Legs)}, nil
		}))
	pets2only = actions.Versions(actions.Define("test.pet", listens[pet2]), 2)
	fish      = actions.Define("test.pet", func(pet0) actions.Action { return nil })
)

// petImage returns an image of a machine with a pet.
func petImage[S any](t *testing.T, d actions.Definition[S], s S) *image.Image {
	t.Helper()
	m := vm.New(d.Spawn(s).Named("rex"))
	m.Apply(vm.Input{Kind: vm.Start})
	types, err := image.NewTypes(d.Type)
	if err != nil {
		t.Fatal(err)
	}
	im, err := image.Of(m.Snapshot(), types, func(_ actions.Type, state any) ([]byte, error) { return json.Marshal(state) })
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// TestIssue14Versions: a state of an earlier version is brought up to date, step by step. What
// cannot be brought up to date is an error that names the process and the type.
func TestIssue14Versions(t *testing.T) {
	for _, tt := range []struct {
		name string
		im   *image.Image
		into actions.Type
		want any
		says []string
	}{
		{"the same", petImage(t, pets1, pet1{"rex", 3}), pets1.Type, pet1{"rex", 3}, nil},
		{"one step", petImage(t, pets0, pet0{"rex"}), pets1.Type, pet1{"rex", 4}, nil},
		{"two steps", petImage(t, pets0, pet0{"rex"}), pets2.Type, pet2{"rex", "||||"}, nil},
		{"the last step", petImage(t, pets1, pet1{"rex", 2}), pets2.Type, pet2{"rex", "||"}, nil},
		{"back", petImage(t, pets1, pet1{"rex", 3}), pets0.Type, nil, []string{"it is of version 1", "versions up to 0"}},
		{"too old", petImage(t, pets0, pet0{"rex"}), pets2only.Type, nil, []string{"it is of version 0", "from version 2 on", "actions.Versions"}},
		{"refused", petImage(t, pets0, pet0{}), pets2.Type, nil, []string{"it cannot be brought up to version 2: it has no name"}},
		{"panic", petImage(t, pets1, pet1{"rex", -1}), pets2.Type, nil, []string{"panic: no such animal"}},
		{"other endpoints", petImage(t, pets0, pet0{"rex"}), fish.Type, nil, []string{"endpoint"}},
	} {
		types, err := image.NewTypes(tt.into)
		if err != nil {
			t.Fatal(err)
		}
		s, err := tt.im.State(types, func(t actions.Type, data []byte) (any, error) {
			p := reflect.New(t.State)
			err := json.Unmarshal(data, p.Interface())
			return p.Elem().Interface(), err
		})
		if tt.says != nil {
			for _, word := range append(tt.says, "rex", `"test.pet"`) {
				if err == nil || !strings.Contains(err.Error(), word) {
					t.Errorf("%s: the error does not say %q: %v", tt.name, word, err)
				}
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for p := range s.Machine(nil).Processes() {
			if p.Name == "rex" && p.State != tt.want {
				t.Errorf("%s: the state is %+v, and not %+v", tt.name, p.State, tt.want)
			}
		}
		again, err := image.Of(s, types, func(_ actions.Type, state any) ([]byte, error) { return json.Marshal(state) })
		if err != nil || again.Processes[0].Version != tt.into.Version {
			t.Errorf("%s: saved again: %v", tt.name, err)
		}
	}
}
