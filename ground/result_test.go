package ground_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// Issue 9.9: a program has a result.

// A program whose first process fails is stopped, and Run returns why. The other
// processes hear of the end, and their last commands are carried out.
func TestFirstProcessFails(t *testing.T) {
	reason := errors.New("no more")
	because := func(err error) bool { return errors.Is(err, reason) }
	hear := func(do func() actions.Action) actions.Action {
		return endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(job) actions.Action { return do() }))
	}
	send := actions.Spawn(actions.Stateless(actions.Send(job{})))
	for name, tt := range map[string]struct {
		boot func(self actions.PID) actions.Action
		want func(error) bool
	}{
		"fails": {func(actions.PID) actions.Action { return actions.Fail(reason) }, because},
		"fails later": {func(actions.PID) actions.Action {
			return actions.Group(hear(func() actions.Action { return actions.Fail(reason) }), send)
		}, because},
		"panics": {func(actions.PID) actions.Action {
			return actions.Group(hear(func() actions.Action { panic(reason) }), send)
		}, func(err error) bool {
			p, ok := errors.AsType[*vm.PanicError](err)
			return ok && p.Value == reason && errors.Is(err, reason)
		}},
		"has another state": {func(actions.PID) actions.Action {
			return endpoint.Subscriber(topic.All[job](), endpoint.OnMessageState(func(n int, _ job) actions.Transition[int] { return actions.Next(n) }))
		}, func(err error) bool { return errors.Is(err, vm.ErrStateType) }},
		"is killed": {func(self actions.PID) actions.Action {
			return actions.Group(hear(func() actions.Action { return nil }), actions.Spawn(actions.Stateless(actions.Kill(self, reason))))
		}, because},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage()
			d := puppet{"other", s}
			var told error
			other := actions.Spawn(actions.Stateless(endpoint.Device(d, endpoint.OnEnded(func(err error) actions.Action {
				told = err
				return actions.Tell(d, "goodbye")
			}))))
			err := new(ground.Ground).RunFunc(t.Context(), func(self actions.PID) actions.Process {
				return actions.Stateless(other, tt.boot(self))
			})
			if !tt.want(err) || !errors.Is(told, world.ErrStopped) {
				t.Errorf("Run returns %v; the other one was told %v", err, told)
			}
			if l := s.notes(); len(l) != 3 || l[1] != "other: try goodbye" {
				t.Errorf("the other one did %q", l)
			}
		})
	}
}

// A first process that panics at once has failed.
func TestFirstProcessNeverWas(t *testing.T) {
	reason := errors.New("no more")
	err := new(ground.Ground).RunFunc(t.Context(), func(actions.PID) actions.Process { panic(reason) })
	if !errors.Is(err, reason) {
		t.Errorf("Run returns %v", err)
	}
}

// A program has no result if its first process quits, another one fails, or it is
// stopped.
func TestNoResult(t *testing.T) {
	reason := errors.New("no more")
	for name, boot := range map[string]func(stop func()) actions.Action{
		"quits":         func(func()) actions.Action { return actions.Quit() },
		"another fails": func(func()) actions.Action { return actions.Spawn(actions.Stateless(actions.Fail(reason))) },
		"fails in a machine inside": func(func()) actions.Action {
			return actions.Spawn(vm.Nested(actions.Fail(reason)))
		},
		"is stopped": func(stop func()) actions.Action {
			d := puppet{"p", newStage()}
			return endpoint.Device(d, endpoint.OnValue(func(hello) actions.Action { stop(); return nil }),
				endpoint.OnEnded(func(error) actions.Action { return actions.Fail(reason) }))
		},
	} {
		ctx, stop := context.WithCancel(t.Context())
		if err := ground.Run(ctx, boot(stop)); err != nil {
			t.Errorf("%s: Run returns %v", name, err)
		}
		stop()
	}
}

// A process at any depth can end the program, with an error or without one. The
// first one counts.
func TestExit(t *testing.T) {
	reason := errors.New("no more")
	for depth := range 4 {
		for _, err := range []error{reason, nil} {
			t.Run(fmt.Sprintf("depth %d, %v", depth, err), func(t *testing.T) {
				s := newStage()
				var told error
				got := ground.Run(t.Context(),
					endpoint.Device(puppet{"open", s}, endpoint.OnEnded(func(err error) actions.Action { told = err; return nil })),
					nested(depth, endpoint.Exit(err), actions.Yield(func(struct{}) actions.Transition[struct{}] {
						return actions.Stateless(endpoint.Exit(errors.New("too late")))
					})))
				if err == nil && got != nil || err != nil && (got == nil || got.Error() != err.Error()) {
					t.Errorf("Run returns %v", got)
				}
				if !errors.Is(told, world.ErrStopped) || s.live != 0 {
					t.Errorf("who was there was told %v, and %d are open", told, s.live)
				}
			})
		}
	}
}

// A well-known error is still recognised.
func TestExitKeepsTheKind(t *testing.T) {
	if err := ground.Run(t.Context(), endpoint.Exit(world.ErrSlowConsumer)); !errors.Is(err, world.ErrSlowConsumer) {
		t.Errorf("Run returns %v", err)
	}
}

// An exiting device ends the program several times as it opens.
type exiting struct{ with []error }

func (*exiting) DeviceName() string { return "ground_test.exiting" }

func (e *exiting) Open(_ context.Context, env world.Env) (world.Handle, error) {
	for _, err := range e.with {
		env.(interface{ Exit(error) }).Exit(err)
	}
	return nil, errors.New("it does no more")
}

// Issue 9.9: of several results in quick succession, the first counts.
func TestFirstExitCounts(t *testing.T) {
	first := errors.New("first")
	for range 100 {
		if err := ground.Run(t.Context(), endpoint.Device(&exiting{[]error{first, errors.New("second"), nil}})); !errors.Is(err, first) {
			t.Fatalf("Run returns %v", err)
		}
	}
}
