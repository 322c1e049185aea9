package actions_test

import (
	"errors"
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

func counterKind() actions.Kind {
	return actions.CodedAs(
		actions.KindOf("test.counter", func(actions.PID, counter) actions.Action { return nil }),
		func(c counter) writtenCounter { return writtenCounter{c.name, c.n} },
		func(w writtenCounter) (counter, error) {
			if w.N < 0 {
				return counter{}, errors.New("it has counted backwards")
			}
			return counter{w.Name, w.N}, nil
		})
}

func TestCodedAs(t *testing.T) {
	k := counterKind()
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
	k := counterKind()
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
