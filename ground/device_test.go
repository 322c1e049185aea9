package ground_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A device is open as long as a process holds it, at any depth. It gets commands in
// order, and carries them out before it is closed.
func TestDeviceLife(t *testing.T) {
	for depth := range 4 {
		t.Run(fmt.Sprintf("depth=%d", depth), func(t *testing.T) {
			s := newStage()
			d := puppet{"p", s}
			var heard []string
			go func() { s.values <- say{"one"}; s.values <- say{"two"} }()
			err := ground.Run(t.Context(), nested(depth, endpoint.Device(d,
				endpoint.OnValue(func(hello) actions.Action {
					return actions.Tree{actions.Tell(d, "a"), actions.Tell(d, "b")}
				}),
				endpoint.OnValue(func(v say) actions.Action {
					heard = append(heard, v.Text)
					return actions.When(v.Text == "two", actions.Tell(d, "c"), actions.Close(d), actions.Tell(d, "never"))
				}),
				endpoint.OnEnded(func(error) actions.Action { t.Error("told of an end that it has brought about"); return nil }),
			)))
			if err != nil {
				t.Fatal(err)
			}
			if want := []string{"one", "two"}; !slices.Equal(heard, want) {
				t.Errorf("heard %v", heard)
			}
			want := []string{"p: open 1", "p: try a", "p: try b", "p: try c", "p: close"}
			if diff := cmp.Diff(want, s.notes()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// If a device ends, or cannot be opened, the holder gets the reason, and does not
// hold it any more.
func TestDeviceEnds(t *testing.T) {
	refused := &world.Error{Op: "open", Text: "no"}
	for _, tt := range []struct {
		name string
		play func(*stage)
		want error
	}{
		{"end", func(s *stage) { close(s.values) }, nil},
		{"failure", func(s *stage) { go func() { s.values <- io.ErrUnexpectedEOF }() }, io.ErrUnexpectedEOF},
		{"cannot be opened", func(s *stage) { s.fails = refused }, refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage()
			tt.play(s)
			ends := 0
			var got error
			err := ground.Run(t.Context(), endpoint.Device(puppet{"p", s}, endpoint.OnEnded(func(reason error) actions.Action {
				ends++
				got = reason
				return actions.Tell(puppet{"p", s}, "nobody hears it")
			})))
			if err != nil || ends != 1 || !errors.Is(got, tt.want) {
				t.Errorf("%v; %d ends, the last because of %v", err, ends, got)
			}
			if s.live != 0 {
				t.Errorf("%d are open", s.live)
			}
		})
	}
}

// The ground receives only the first value of a paused device. A value that was on
// its way when the device was paused arrives after it is resumed.
func TestDevicePaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		valve, tap := newStage(), newStage()
		d, control := puppet{"tap", tap}, puppet{"valve", valve}
		var heard []string
		note := func(s string) { heard = append(heard, s) }
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			err = ground.Run(t.Context(),
				endpoint.Device(d,
					endpoint.OnValue(func(hello) actions.Action { note("hello"); return nil }),
					endpoint.OnValue(func(v say) actions.Action { note(v.Text); return nil }),
				).StartPaused(),
				endpoint.Device(control, endpoint.OnValue(func(v say) actions.Action {
					note(v.Text)
					switch v.Text {
					case "open":
						return actions.Resume(d)
					case "shut":
						return actions.Pause(d)
					}
					return actions.Tree{actions.Close(d), actions.Close(control)}
				})))
		}()
		turn := func(to string) {
			valve.values <- say{to}
			synctest.Wait()
		}
		offer := func(text string) bool {
			defer synctest.Wait()
			select {
			case tap.values <- say{text}:
				return true
			default:
				return false
			}
		}
		synctest.Wait()
		if offer("too early") {
			t.Error("received while paused from the beginning")
		}
		turn("open")
		offer("one")
		turn("shut")
		offer("two") // at most this one, which Recv was waiting for
		if offer("three") {
			t.Error("received while paused")
		}
		if len(heard) != 4 {
			t.Errorf("heard %v while paused", heard)
		}
		turn("open")
		offer("four")
		turn("end")
		<-done
		want := []string{"hello", "open", "one", "shut", "open", "two", "four", "end"}
		if err != nil || !slices.Equal(heard, want) {
			t.Errorf("%v, heard %v", err, heard)
		}
	})
}

// A device that is opened again opens after the former one has been closed.
func TestDeviceReopens(t *testing.T) {
	s := newStage()
	d := puppet{"p", s}
	n := 0
	open := endpoint.Device(d, endpoint.OnValue(func(hello) actions.Action {
		n++
		if n == 20 {
			return actions.Close(d)
		}
		return actions.Tree{actions.Tell(d, n), actions.Close(d), actions.Send(job{n})}
	}))
	err := ground.Run(t.Context(), open, endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(job) actions.Action { return open })))
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range s.notes() {
		if want := []string{"p: open 1", fmt.Sprintf("p: try %d", i/3+1), "p: close"}[i%3]; l != want && i < 57 {
			t.Fatalf("step %d is %q, want %q: %v", i, l, want, s.notes())
		}
	}
}

// The holder hears of a command that fails; later commands are carried out.
func TestDeviceRefuses(t *testing.T) {
	for _, stuck := range []bool{false, true} {
		s := newStage()
		s.stuck, s.refuse = stuck, "bad"
		d := puppet{"p", s}
		var got []string
		err := ground.Run(t.Context(), endpoint.Device(d,
			endpoint.OnValue(func(hello) actions.Action {
				return actions.Tree{actions.Tell(d, "good"), actions.Tell(d, "bad"), actions.Tell(d, "better")}
			}),
			endpoint.OnFailed(func(command any, reason error) actions.Action {
				got = append(got, fmt.Sprint(command, errors.Is(reason, io.ErrShortWrite) || reason != nil))
				return actions.Close(d)
			})))
		if err != nil || !slices.Equal(got, []string{"badtrue"}) && !slices.Equal(got, []string{"bad true"}) {
			t.Errorf("stuck %v: %v, %v", stuck, err, got)
		}
		if n := s.notes(); len(n) != 4 {
			t.Errorf("stuck %v: %v", stuck, n)
		}
	}
}

// A device that does not take its commands ends, and nobody waits for it.
func TestSlowConsumer(t *testing.T) {
	s, source := newStage(), newStage()
	s.stuck, s.release = true, make(chan func())
	d, from := puppet{"p", s}, puppet{"source", source}
	over := make(chan struct{})
	go source.flood(over)
	var got error
	g := ground.Ground{DeviceQueue: 64 * 100}
	err := g.Run(t.Context(),
		endpoint.Device(d, endpoint.OnEnded(func(reason error) actions.Action {
			got = reason
			close(over)
			return actions.Close(from)
		})),
		endpoint.Device(from, endpoint.OnValue(func(say) actions.Action { return actions.Tell(d, "more") })))
	if err != nil || !errors.Is(got, world.ErrSlowConsumer) {
		t.Errorf("%v, %v", err, got)
	}
	if s.live != 0 {
		t.Error("it is open")
	}
}

// Issue 9.1: a process may tell a device any amount because of one event. The device
// is too slow only if it gets more commands while these wait.
func TestOneTurnMayTellAnyAmount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, source := newStage(), newStage()
		s.stuck, s.release = true, make(chan func())
		d, from := puppet{"p", s}, puppet{"source", source}
		const n = 10_000
		flood := make(actions.Tree, n)
		for i := range flood {
			flood[i] = actions.Tell(d, i)
		}
		go func() {
			synctest.Wait()
			for range n {
				s.release <- func() {}
			}
			source.values <- say{"once more"}
			s.release <- func() {}
		}()
		ended := errors.New("not ended")
		g := ground.Ground{DeviceQueue: 64 * 100}
		err := g.Run(t.Context(),
			endpoint.Device(d,
				endpoint.OnValue(func(hello) actions.Action { return flood }),
				endpoint.OnEnded(func(reason error) actions.Action { ended = reason; return nil })),
			endpoint.Device(from, endpoint.OnValue(func(say) actions.Action {
				return actions.Group(actions.Tell(d, n), actions.Close(d), actions.Close(from))
			})))
		if err != nil || ended.Error() != "not ended" {
			t.Errorf("%v, %v", err, ended)
		}
		if l := s.notes(); len(l) != n+3 || l[n+1] != fmt.Sprintf("p: do %d", n) {
			t.Errorf("%d notes, the last are %q", len(l), l[max(0, len(l)-3):])
		}
	})
}

// Issue 9.1: the same holds before the device is open. Only the commands of later
// events must fit.
func TestOneTurnMayTellAnyAmountBeforeItIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, source := newStage(), newStage()
		s.opening = make(chan struct{})
		d, from := puppet{"p", s}, puppet{"source", source}
		const n = 10_000
		flood := make(actions.Tree, n)
		for i := range flood {
			flood[i] = actions.Tell(d, i)
		}
		go func() {
			synctest.Wait()
			source.values <- say{"once more"}
			synctest.Wait()
			close(s.opening)
			synctest.Wait()
			source.values <- say{"enough"}
		}()
		g := ground.Ground{DeviceQueue: 64 * 100}
		err := g.Run(t.Context(),
			endpoint.Device(d, endpoint.OnEnded(func(reason error) actions.Action { t.Error(reason); return nil })),
			flood,
			endpoint.Device(from, endpoint.OnValue(func(v say) actions.Action {
				if v.Text == "enough" {
					return actions.Group(actions.Close(d), actions.Close(from))
				}
				return actions.Tell(d, v.Text)
			})))
		if l := s.notes(); err != nil || len(l) != n+3 {
			t.Errorf("%v; %d notes, the last are %q", err, len(l), l[max(0, len(l)-3):])
		}
	})
}

// flood offers values until it is over.
func (s *stage) flood(over chan struct{}) {
	for {
		select {
		case s.values <- say{"more"}:
		case <-over:
			return
		}
	}
}

// Commands from before the close are carried out within a time limit.
func TestCloseLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.stuck, s.release = true, make(chan func())
		d := puppet{"p", s}
		begun := time.Now()
		g := ground.Ground{CloseLimit: time.Minute}
		err := g.Run(t.Context(), endpoint.Device(d, endpoint.OnValue(func(hello) actions.Action {
			return actions.Tree{actions.Tell(d, "stuck"), actions.Close(d)}
		})))
		if err != nil || time.Since(begun) != time.Minute || s.live != 0 {
			t.Errorf("%v after %v, %d open", err, time.Since(begun), s.live)
		}
	})
}

// A slow Open is cancelled when no process holds the device any more.
func TestOpeningCancelled(t *testing.T) {
	s := newStage()
	s.opening = make(chan struct{})
	d := puppet{"p", s}
	if err := ground.Run(t.Context(), endpoint.Device(d), actions.Close(d)); err != nil {
		t.Fatal(err)
	}
	if n := s.notes(); !slices.Equal(n, []string{"p: opening cancelled"}) && len(n) != 0 {
		t.Error(n)
	}
}

// A transition function that ends its goroutine does not end the device to which the
// goroutine belongs.
func TestGoexitLeavesDevicesAlone(t *testing.T) {
	s := newStage()
	go func() {
		for i := range 3 {
			s.values <- say{fmt.Sprint(i)}
		}
		close(s.values)
	}()
	var heard []string
	ended := false
	err := ground.Run(t.Context(),
		endpoint.Device(puppet{"p", s},
			endpoint.OnValue(func(v say) actions.Action {
				heard = append(heard, v.Text)
				return actions.Spawn(actions.Stateless(actions.Yield(func(struct{}) actions.Transition[struct{}] {
					runtime.Goexit()
					return actions.Stateless()
				})))
			}),
			endpoint.OnEnded(func(error) actions.Action { ended = true; return nil })))
	if err != nil || !ended || !slices.Equal(heard, []string{"0", "1", "2"}) {
		t.Errorf("%v, %v, ended %v", err, heard, ended)
	}
}

// A kept resource stays open until a device takes it, or KeepLimit is over.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		taken, left := thing{make(chan struct{})}, thing{make(chan struct{})}
		g := ground.Ground{KeepLimit: time.Minute}
		begun := time.Now()
		err := g.Run(t.Context(), endpoint.Device(puppet{"p", s},
			endpoint.OnValue(func(h hello) actions.Action {
				ref := h.Env.Keep(taken)
				h.Env.Keep(left)
				if got, err := h.Env.Take(ref); err != nil || got != taken {
					t.Error(got, err)
				}
				if _, err := h.Env.Take(ref); !errors.Is(err, world.ErrNotKept) {
					t.Error(err)
				}
				go func() { <-left.closed; close(s.values) }()
				return nil
			})))
		if err != nil || time.Since(begun) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		select {
		case <-taken.closed:
			t.Error("what was taken has been closed")
		default:
		}
	})
}

// A kept resource is closed at once if the machine closes the device before it hears
// of the resource.
func TestKeptForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, more := newStage(), newStage()
		d := puppet{"p", s}
		heard, unheard := thing{make(chan struct{})}, thing{make(chan struct{})}
		go func() {
			<-unheard.closed
			select {
			case <-heard.closed:
				t.Error("what the machine has heard of has been closed")
			default:
			}
			close(more.values)
		}()
		var env world.Env
		begun := time.Now()
		err := ground.Run(t.Context(), endpoint.Device(puppet{"more", more}), endpoint.Device(d,
			endpoint.OnValue(func(h hello) actions.Action {
				env = h.Env
				env.Keep(heard)
				go func() { s.values <- say{"one"} }()
				return nil
			}),
			endpoint.OnValue(func(say) actions.Action {
				env.Keep(unheard)
				return actions.Close(d)
			})))
		if err != nil || time.Since(begun) != 0 {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

type thing struct{ closed chan struct{} }

func (t thing) Close() error { close(t.closed); return nil }

// task is a command whose completion is reported if it is loud.
type task struct {
	Name string
	Loud bool
}

func (t task) Reports() bool { return t.Loud }

// A holder hears of completed commands that report, in order, also while the device
// is paused.
func TestDeviceReports(t *testing.T) {
	for _, stuck := range []bool{false, true} {
		for depth := range 3 {
			s := newStage()
			s.stuck, s.refuse = stuck, task{"bad", true}
			d := puppet{"p", s}
			var got []string
			err := ground.Run(t.Context(), nested(depth, endpoint.Device(d,
				endpoint.OnValue(func(hello) actions.Action {
					return actions.Tree{
						actions.Pause(d), actions.Tell(d, task{"a", true}), actions.Tell(d, task{"quiet", false}),
						actions.Tell(d, task{"bad", true}), actions.Tell(d, "plain"), actions.Tell(d, task{"b", true}),
					}
				}),
				endpoint.OnFailed(func(command any, reason error) actions.Action {
					got = append(got, "failed "+command.(task).Name)
					return nil
				}),
				endpoint.OnDone(func(command any) actions.Action {
					got = append(got, command.(task).Name)
					return actions.When(command.(task).Name == "b", actions.Close(d))
				}))))
			if want := []string{"a", "failed bad", "b"}; err != nil || !slices.Equal(got, want) {
				t.Errorf("stuck %v, depth %d: %v, %v", stuck, depth, err, got)
			}
		}
	}
}
