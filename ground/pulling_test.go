package ground_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// While the machine is at rest, a goroutine that brings a value runs the machine, and has
// the answer when Pull returns.
func TestCallerRunsTheMachine(t *testing.T) {
	b := newBell()
	inBelfry(t, ground.Ground{}, func(t *testing.T, _ func()) {
		for i := range 3 {
			b.ring(fmt.Sprint(i))
			if heard := b.answers(); len(heard) != i+1 || !byCaller(heard[i].(string)) || !byCaller(b.writers[i]) {
				t.Fatalf("value %d was not worked on, and answered, by the goroutine that has brought it: %v", i, heard)
			}
		}
	}, echo(b, func(say) {}))
}

// Ready makes a goroutine of the ground take the values, also those that came before the
// device was open.
func TestReadyLeavesTheMachineToTheGround(t *testing.T) {
	b := newBell()
	b.push("early")
	inBelfry(t, ground.Ground{}, func(t *testing.T, _ func()) {
		b.push("late")
		b.puller.Ready()
		synctest.Wait()
		heard := b.answers()
		if len(heard) != 2 || byCaller(heard[0].(string)) || byCaller(heard[1].(string)) {
			t.Errorf("the ground has worked on %v", heard)
		}
	}, echo(b, func(say) {}))
}

// A caller that finds another one in the machine returns at once. When the first one has
// its answer, it returns too, and goroutines of the ground work on what others have
// brought meanwhile.
func TestCallerHandsOver(t *testing.T) {
	b, other, order := newBell(), newBell(), []string(nil)
	var gate chan bool
	inBelfry(t, ground.Ground{}, func(t *testing.T, _ func()) {
		gate = make(chan bool) // in the bubble
		first := make(chan bool)
		go func() {
			b.ring("0")
			close(first)
		}()
		synctest.Wait()
		for i := range 5 {
			b.ring(fmt.Sprint(i + 1))
		}
		if n := len(b.answers()); n != 0 || b.asked != 2 { // once for the goroutine of the device
			t.Fatalf("%d answers, and TryRecv was called %d times, while a caller is in the machine", n, b.asked)
		}
		other.ring("0")
		gate <- true
		<-first
		for range 5 {
			gate <- true
		}
		synctest.Wait()
		for i, stack := range b.answers() {
			if byCaller(stack.(string)) != (i == 0) {
				t.Errorf("a caller has worked on value %d: %v", i, i != 0)
			}
		}
		if heard := other.answers(); len(heard) != 1 || byCaller(heard[0].(string)) {
			t.Errorf("a caller has worked on the value of another device, after its own: %v", heard)
		}
		if want := []string{"0", "1", "2", "3", "4", "5"}; !slices.Equal(order, want) {
			t.Errorf("the order is %v", order)
		}
	}, echo(b, func(v say) {
		<-gate
		order = append(order, v.Text)
	}), actions.Spawn(actions.Stateless(echo(other, func(say) {}))))
}

// A caller leaves a machine that never comes to rest, and others keep it running.
func TestCallerLeavesABusyMachine(t *testing.T) {
	b := newBell()
	forever := endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(j job) actions.Action { return actions.Send(j) }))
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	opened, rung, busy := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		g := ground.Ground{Limits: vm.Limits{Steps: 1 << 10, Drain: 1 << 12}}
		over <- g.Run(ctx, actions.Spawn(actions.Stateless(forever)), endpoint.Device(b, endpoint.OnValue(func(v say) actions.Action {
			switch v.Text {
			case "open":
				close(opened)
			case "go":
				close(busy)
				return actions.Send(job{1})
			}
			return nil
		})))
	}()
	<-opened
	go func() {
		defer close(rung)
		b.ring("go")
		for range 100 {
			b.ring("more")
		}
	}()
	<-rung
	<-busy
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// A transition function, or Ground.Watch, that calls Pull does not wait for itself: the
// value enters the machine later.
func TestPullFromWithinTheMachine(t *testing.T) {
	b := newBell()
	watched := false
	g := ground.Ground{Watch: func(r *vm.Record) {
		if r.Kind == vm.Told && !watched && b.puller != nil {
			watched = true
			b.ring("watched")
		}
	}}
	var order []string
	inBelfry(t, g, func(t *testing.T, _ func()) {
		b.ring("first")
		synctest.Wait()
		if !slices.Contains(order, "inner") || !slices.Contains(order, "watched") || len(order) != 3 {
			t.Errorf("the machine has heard %v", order)
		}
	}, echo(b, func(v say) {
		order = append(order, v.Text)
		if v.Text == "first" {
			b.ring("inner")
		}
	}))
}

// A transition function that ends the goroutine of a caller does not affect others: the
// answer comes, and the next caller runs the machine.
func TestGoexitInACaller(t *testing.T) {
	b := newBell()
	quits := func(struct{}) actions.Transition[struct{}] { runtime.Goexit(); return actions.Stateless() }
	inBelfry(t, ground.Ground{}, func(t *testing.T, _ func()) {
		ended := make(chan bool)
		returned := false
		go func() {
			defer close(ended)
			b.ring("rash")
			returned = true
		}()
		<-ended
		synctest.Wait()
		if returned || len(b.answers()) != 1 {
			t.Fatalf("Pull has returned: %v; the answers are %v", returned, b.answers())
		}
		b.ring("calm")
		if heard := b.answers(); len(heard) != 2 || heard[1] != any(say{"calm"}) || !byCaller(b.writers[1]) {
			t.Errorf("the answers are %v", heard)
		}
	}, endpoint.Device(b, endpoint.OnValue(func(v say) actions.Action {
		switch v.Text {
		case "rash":
			return actions.Tree{actions.Tell(b, v), actions.Spawn(actions.Stateless(actions.Yield(quits)))}
		case "calm":
			return actions.Tell(b, v)
		}
		return nil
	})))
}

// The same when the opening value has come.
func TestGoexitBeforeTheFirstCaller(t *testing.T) {
	b := newBell()
	quits := func(struct{}) actions.Transition[struct{}] { runtime.Goexit(); return actions.Stateless() }
	inBelfry(t, ground.Ground{}, func(t *testing.T, _ func()) {
		b.ring("calm")
		if len(b.answers()) != 1 || !byCaller(b.writers[0]) {
			t.Errorf("the answers are %v", b.answers())
		}
	}, endpoint.Device(b, endpoint.OnValue(func(v say) actions.Action {
		if v.Text == "open" {
			return actions.Spawn(actions.Stateless(actions.Yield(quits)))
		}
		return actions.Tell(b, v)
	})))
}

// A caller writes to its own device only, because the handle of another one may wait for
// a lock that the caller holds. A goroutine of the ground writes to the other one, and the
// machine hears that this is done.
func TestCallerWritesToNoOtherDevice(t *testing.T) {
	b, other, done := newBell(), newBell(), 0
	inBelfry(t, ground.Ground{}, func(t *testing.T, _ func()) {
		b.ring("1")
		if len(b.answers()) != 1 || !byCaller(b.writers[0]) {
			t.Errorf("the answer is not there when Pull returns: %v", b.answers())
		}
		synctest.Wait()
		if len(other.answers()) != 1 || byCaller(other.writers[0]) {
			t.Errorf("the caller has written to another device: %v", other.writers)
		}
		if done != 1 {
			t.Errorf("the machine has heard %d times that a command was carried out", done)
		}
	}, endpoint.Device(other, endpoint.OnDone(func(any) actions.Action {
		done++
		return nil
	})), endpoint.Device(b, endpoint.OnValue(func(v say) actions.Action {
		return actions.When(v.Text == "1", actions.Tree{actions.Tell(other, question{"well?"}), actions.Tell(b, v)})
	})))
}

// With a journal that syncs, a caller does not wait for the disk, and does not keep
// others from the machine meanwhile. Its answer comes when its value is safe.
func TestCallerDoesNotWaitForTheDisk(t *testing.T) {
	b := newBell()
	l := &ledger{s: newStage(), wait: true}
	worked := 0
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		g := ground.Ground{Journal: l}
		l.syncing = make(chan struct{})
		go func() { over <- g.Run(ctx, echo(b, func(say) { worked++ })) }()
		l.syncing <- struct{}{} // for the opening
		synctest.Wait()
		b.ring("1")
		b.ring("2")
		if worked != 2 || len(b.answers()) != 0 {
			t.Errorf("the machine has worked on %d values, and answered %d, while the disk is slow", worked, len(b.answers()))
		}
		close(l.syncing)
		synctest.Wait()
		if heard := b.answers(); len(heard) != 2 || !byCaller(heard[1].(string)) {
			t.Errorf("when the disk is done, the answers are %v", heard)
		}
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

// A paused device is not asked for values. When it goes on, a goroutine of the ground
// takes those that wait.
func TestPullOfAPausedDevice(t *testing.T) {
	b, switches := newBell(), newBell()
	inBelfry(t, ground.Ground{}, func(t *testing.T, _ func()) {
		switches.ring("pause")
		before := b.asked
		b.ring("1")
		synctest.Wait()
		if b.asked != before {
			t.Error("TryRecv is called while the device is paused")
		}
		switches.ring("resume")
		synctest.Wait()
		if heard := b.answers(); len(heard) != 1 || byCaller(heard[0].(string)) {
			t.Errorf("the ground has worked on %v", heard)
		}
	}, echo(b, func(say) {}), endpoint.Device(switches, endpoint.OnValue(func(v say) actions.Action {
		switch v.Text {
		case "pause":
			return actions.Pause(b)
		case "resume":
			return actions.Resume(b)
		}
		return nil
	})))
}

// An error of TryRecv ends the device, and Pull after that does nothing.
func TestPullAtTheEnd(t *testing.T) {
	b := newBell()
	ends := 0
	inBelfry(t, ground.Ground{Stay: true}, func(t *testing.T, _ func()) {
		b.mu.Lock()
		b.ended = true
		b.mu.Unlock()
		b.ring("last")
		b.puller.Pull()
		synctest.Wait()
		asked := b.asked
		b.ring("too late")
		b.puller.Ready()
		synctest.Wait()
		if ends != 1 || len(b.answers()) != 1 || b.asked != asked {
			t.Errorf("%d ends, %d answers, and %d calls of TryRecv after the end", ends, len(b.answers()), b.asked-asked)
		}
	}, echo(b, func(say) {}, endpoint.OnEnded(func(error) actions.Action {
		ends++
		return nil
	})))
}

// Run returns when the last caller has left, and nobody runs the machine after that.
func TestRunWaitsForCallers(t *testing.T) {
	b, worked := newBell(), 0
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() { over <- ground.Run(ctx, echo(b, func(say) { worked++ })) }()
		synctest.Wait()
		gate := make(chan bool)
		b.during = func() { <-gate }
		go b.ring("1")
		synctest.Wait()
		cancel()
		synctest.Wait()
		if len(over) > 0 {
			t.Error("Run has returned while a caller is about to run the machine")
		}
		close(gate)
		if err := <-over; err != nil {
			t.Error(err)
		}
		asked := b.asked
		b.ring("2")
		if worked != 0 || b.asked != asked {
			t.Errorf("the machine has worked on %d values, and the handle was asked %d times after the run", worked, b.asked-asked)
		}
	})
}

// A value that comes just after the handle has said that there is none is taken all the
// same.
func TestPullBehindTheLastValue(t *testing.T) {
	b := newBell()
	inBelfry(t, ground.Ground{}, func(t *testing.T, _ func()) {
		for i, pull := range []func(){b.puller.Ready, b.puller.Pull} {
			b.during = func() { b.ring("late") }
			pull()
			synctest.Wait()
			if n := len(b.answers()); n != i+1 {
				t.Fatalf("%d answers, want %d", n, i+1)
			}
		}
	}, echo(b, func(say) {}))
}

// Values of many callers enter the machine once each, in the order in which the handle
// has them.
func TestManyCallers(t *testing.T) {
	const callers, each = 8, 500
	b := newBell()
	var order []string
	done := make(chan bool)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	opened := make(chan bool)
	go func() {
		over <- ground.Run(ctx, endpoint.Device(b, endpoint.OnValue(func(v say) actions.Action {
			if v.Text == "open" {
				close(opened)
				return nil
			}
			if order = append(order, v.Text); len(order) == callers*each {
				close(done)
			}
			return nil
		})))
	}()
	<-opened
	next := 0
	for range callers {
		go func() {
			for range each {
				b.mu.Lock()
				b.queue = append(b.queue, say{fmt.Sprint(next)})
				next++
				b.mu.Unlock()
				b.puller.Pull()
			}
		}()
	}
	<-done
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
	for i, v := range order {
		if v != fmt.Sprint(i) {
			t.Fatalf("value %d is %v", i, v)
		}
	}
}
