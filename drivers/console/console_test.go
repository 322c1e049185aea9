package console_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upper prints what is typed, in capitals, and then why there is no more.
func upper() actions.Action {
	return endpoint.Subscriber(topic.All[console.Line](),
		endpoint.OnMessage(func(l console.Line) actions.Action { return console.Printf("%s", strings.ToUpper(l.Text)) }),
		endpoint.OnAbsence(func(_ console.Line, reason error) actions.Action { return console.Printf("over: %v", reason) }),
	)
}

// Lines are read for as long as somebody wants them, and printed in order; a
// machine that has nothing else to do ends with the input. LL-15.
func TestConsole(t *testing.T) {
	for depth := range 3 {
		var typed, want strings.Builder
		for i := range 100 {
			fmt.Fprintf(&typed, "line %d\n", i)
			fmt.Fprintf(&want, "LINE %d\n", i)
		}
		want.WriteString("over: <nil>\n")
		var out bytes.Buffer
		boot := actions.Group(console.Config{In: strings.NewReader(typed.String()), Out: &out}.Driver(), upper())
		for range depth {
			boot = actions.Spawn(vm.Nested(boot))
		}
		if err := ground.Run(t.Context(), boot); err != nil || out.String() != want.String() {
			t.Errorf("depth %d: %v, printed %q", depth, err, out.String())
		}
	}
}

// An input that fails says why.
func TestInputFails(t *testing.T) {
	var out bytes.Buffer
	broken := io.MultiReader(strings.NewReader("hello\n"), iotest.ErrReader(errors.New("chewed cable")))
	err := ground.Run(t.Context(), console.Config{In: &struct{ io.Reader }{broken}, Out: &out}.Driver(), upper())
	if err != nil || out.String() != "HELLO\nover: chewed cable\n" {
		t.Errorf("%v, printed %q", err, out.String())
	}
}

// A demand that goes before the driver has noticed it leaves nothing open: the
// machine ends, although nothing has been typed.
func TestInterestThatVanishes(t *testing.T) {
	in, typing := io.Pipe()
	defer typing.Close()
	err := ground.Run(t.Context(), console.Config{In: in, Out: io.Discard.(interface {
		io.Writer
		io.StringWriter
	})}.Driver(),
		actions.Spawn(actions.Stateless(actions.Yield(func(struct{}) actions.Transition[struct{}] {
			return actions.Stateless(upper(), actions.Quit())
		}))))
	if err != nil {
		t.Error(err)
	}
}

// The texts of one process are printed in the order in which it sent them.
func TestTextsInOrder(t *testing.T) {
	var out bytes.Buffer
	var all actions.Tree
	var want []string
	for i := range 50 {
		all = append(all, console.Printf("%d", i))
		want = append(want, fmt.Sprint(i))
	}
	err := ground.Run(t.Context(), console.Config{In: strings.NewReader(""), Out: &out}.Driver(),
		actions.Yield(func(struct{}) actions.Transition[struct{}] {
			return actions.Stateless(actions.Yield(func(struct{}) actions.Transition[struct{}] { return actions.Stateless(all) }))
		}))
	if got := strings.Fields(out.String()); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, printed %v", err, got)
	}
}
