package cli_test

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A pin is a secret: nobody may read it.
type pin string

func (pin) String() string { return "***" }

type card struct {
	Owner string
	Pin   pin
}

// A till gives one card.
type till struct{}

type openTill struct{ given, closed chan struct{} }

func init() { world.Register[card]("till.card") }

func (till) DeviceName() string { return "till" }

func (till) Open(context.Context, world.Env) (world.Handle, error) {
	return &openTill{make(chan struct{}, 1), make(chan struct{})}, nil
}

func (o *openTill) Recv() (any, error) {
	select {
	case o.given <- struct{}{}:
		return card{"tony", "4711"}, nil
	case <-o.closed:
		return nil, world.ErrClosed
	default:
		return nil, io.EOF
	}
}

func (o *openTill) Do(any) error { return nil }

func (o *openTill) Try(commands []any) (int, error) { return len(commands), nil }

func (o *openTill) Close() error {
	close(o.closed)
	return nil
}

// A purse is a state with a secret in a field that is not exported.
type purse struct{ pin pin }

// Nothing that a program shows of its journal has what its types hide: inputs,
// steps, states, topics and differences (Issue 9.12).
func TestNothingHiddenIsShown(t *testing.T) {
	pinOf := topic.FieldOf(func(c *card) *pin { return &c.Pin })
	p := journal.Booting(actions.Spawn(actions.Next(purse{},
		endpoint.Device(till{}, endpoint.OnValueState(func(p purse, c card) actions.Transition[purse] {
			p.pin = c.Pin
			return actions.Next(p, actions.Send(c), endpoint.Subscriber(topic.Where(pinOf.Is(c.Pin))).As(c.Pin), actions.Tell(till{}, c))
		})),
		endpoint.Subscriber(topic.All[card]()))))
	for _, flags := range [][]string{nil, {"-trace"}} {
		dir := filepath.Join(t.TempDir(), "till.journal")
		synctest.Test(t, func(t *testing.T) { call(t, p, "", append([]string{"-journal", dir}, flags...)...) })
		_, out, e := call(t, p, "n\nn\nall\nw\ns 2\nd\ni\npresence\nn\n", "-replay", dir, "-step")
		if strings.Contains(out+e, "4711") || strings.Count(out, "***") < 10 {
			t.Errorf("%q:\n%s%s", flags, out, e)
		}
		if _, out, e = call(t, p, "", "-replay", dir, "-diff", "1,2"); strings.Contains(out+e, "4711") || !strings.Contains(out, "***") {
			t.Errorf("%q:\n%s%s", flags, out, e)
		}
		_, out, e = call(t, journal.Booting(), "", "-replay", dir)
		if strings.Contains(out+e, "4711") || !strings.Contains(e, "non-determinism") {
			t.Errorf("%q:\n%s%s", flags, out, e)
		}
	}
}
