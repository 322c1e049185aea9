package supervise_test

import (
	"errors"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
)

// An alarm says that a supervisor has given up.
type alarm struct{ Reason string }

// TestOnGiveUp: when a supervisor gives up, and only then, it does what OnGiveUp returns, once,
// with the reason and after the ends of its children. What it spawns so goes on without it. DP-35.
func TestOnGiveUp(t *testing.T) {
	spec := supervise.Spec{Intensity: 1, Period: time.Second, OnGiveUp: func(reason *supervise.Error) actions.Action {
		return actions.Group(actions.Send(alarm{reason.Error()}), workers.Spawn(worker{"spare"}).Named("worker"))
	}}
	r := supervised(t, spec)
	alarms := vmtest.Subscriber(r.m, topic.All[alarm]())
	reasons := r.watch(r.named("sup"))
	r.order("a", "fail")
	r.want("-a: boom", "+a")
	r.advance(time.Second)
	r.order("a", "fail")
	r.want("-a: boom", "+a")
	if heard := alarms.Take(); len(heard) != 0 {
		t.Fatalf("it has not given up, and heard was %v", heard)
	}
	r.order("b", "fail")
	why := "supervise: supervise_test.sup gives up after 2 ends of children in 1s: a: boom; b: boom"
	r.want("-b: boom", "-c: "+why, "-a: "+why)
	heard := alarms.Take()
	if len(heard) != 1 || heard[0].About.Reason != why {
		t.Errorf("heard %v, want one alarm: %s", heard, why)
	}
	if len(*reasons) != 1 || !errors.Is((*reasons)[0], supervise.ErrIntensity) {
		t.Errorf("the supervisor has ended: %v", *reasons)
	}
	if left := r.alive(); len(left) != 1 {
		t.Errorf("there are %q, want the spare worker", left)
	}
	r.order("spare", "quit")
	r.gone()
}

// TestOnGiveUpPanics: a supervisor whose OnGiveUp panics fails with that, and its children end.
// DP-35.
func TestOnGiveUpPanics(t *testing.T) {
	r := supervised(t, supervise.Spec{Intensity: -1, OnGiveUp: func(*supervise.Error) actions.Action { panic("nobody to tell") }})
	reasons := r.watch(r.named("sup"))
	r.order("a", "fail")
	r.gone()
	if len(*reasons) != 1 || !errors.Is((*reasons)[0], vm.ErrPanic) {
		t.Errorf("the supervisor has ended: %v", *reasons)
	}
}
