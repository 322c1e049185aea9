package actions_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
)

// A counter is a state that is no plain data.
type counter struct {
	name string
	n    int
}

type writtenCounter struct {
	Name string
	N    int
}

func counterType() actions.Type {
	return actions.CodedAs(
		actions.Define("test.counter", func(counter) actions.Action { return nil }),
		func(c counter) writtenCounter { return writtenCounter{c.name, c.n} },
		func(w writtenCounter) (counter, error) {
			if w.N < 0 {
				return counter{}, errors.New("it has counted backwards")
			}
			return counter{w.Name, w.N}, nil
		}).Type
}

func TestCodedAs(t *testing.T) {
	k := counterType()
	for _, c := range []counter{{}, {"a", 1}, {`<"\ufffd">`, 2}, {"\ufffd\\\ufffd", 3}} {
		data, err := k.Encode(c)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if again, err := k.Decode(data); err != nil || again != any(c) {
			t.Errorf("%+v is written as %s, and read as %+v, %v", c, data, again, err)
		}
	}
}

func TestCodedAsRefuses(t *testing.T) {
	k := counterType()
	for _, name := range []string{"\xff", "a\\\xff", "\\\\\xff"} {
		if data, err := k.Encode(counter{name: name}); err == nil || !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("%q is written as %s, %v", name, data, err)
		}
	}
	for data, says := range map[string]string{
		``:                      "unexpected end",
		`{"Name":"a","N":1`:     "unexpected end",
		`{"Name":"a","N":"1"}`:  "cannot unmarshal",
		`{"Name":"a","M":1}`:    `unknown field "M"`,
		`{"Name":"a","N":1} {}`: "after top-level value",
		`{"Name":"a","N":-1}`:   "backwards",
	} {
		state, err := k.Decode([]byte(data))
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "test.counter") {
			t.Errorf("%s is read as %+v, %v; want an error that says %q", data, state, err, says)
		}
	}
}

// A pot is the state of a process.
type pot struct{ Litres int }

// TestDefinitionSpawns: a definition spawns processes that open what the type
// gives, and then do what is asked, under the name of the type.
func TestDefinitionSpawns(t *testing.T) {
	pots := actions.Define("kitchen.pot", func(p pot) actions.Action {
		return actions.Fresh(func(p pot, _ actions.EndpointID) actions.Transition[pot] { return actions.Next(p) })
	})
	s := pots.Spawn(pot{3}, actions.Quit())
	if s.Name != "pot" {
		t.Errorf("its name is %q", s.Name)
	}
	state, as := s.Boot(7).Erase()
	var leaves []string
	for leaf := range actions.Leaves(as) {
		leaves = append(leaves, fmt.Sprintf("%T", leaf))
	}
	if state != (pot{3}) || !slices.Equal(leaves, []string{"actions.FreshName", "actions.QuitProcess"}) {
		t.Errorf("it begins with %v and %v", state, leaves)
	}
}
