package console

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// A rig is a driver whose devices a test plays. Its limit is 800 bytes: 200 are
// too many for it to be Writable, and 100 are few enough again.
type rig struct {
	*vmtest.Machine
	d        driver
	writable *vmtest.Probe[Writable]
}

func newRig(t *testing.T) *rig {
	c := Config{Name: "test", In: strings.NewReader(""), Out: new(strings.Builder), Limit: 800}
	d := c.driver()
	r := &rig{vmtest.Config{Types: d.types()}.Run(t, actions.Spawn(actions.Next(d, d.listen(), d.writable()))), d, nil}
	r.writable = vmtest.ObservePublishers(r, topic.All[Writable]())
	r.writable.ExpectPresence(Writable{"test"})
	return r
}

func (r *rig) print(texts ...string) {
	var all actions.Tree
	for _, t := range texts {
		all = append(all, actions.Send(Text{t}))
	}
	r.Perform(all)
}

// out returns the last opening of the output.
func (r *rig) out() *vmtest.Device {
	var last *vmtest.Device
	for _, d := range r.Devices() {
		if d.Device() == r.d.out {
			last = d
		}
	}
	return last
}

// command is the command to write so many texts.
func command(bytes string, texts int) write { return write{[]byte(bytes), amount{texts, len(bytes)}} }

// piece is a text of 84 bytes, which counts for 100.
func piece(c string) string { return strings.Repeat(c, 83) + "\n" }

// Issue 9.2: the output has one command at a time. Texts that come meanwhile
// wait, and are then written together, in order. The output stays open until
// nothing waits.
func TestOneAtATime(t *testing.T) {
	r := newRig(t)
	r.print("a\n")
	r.out().ExpectNothing() // it is being opened
	r.out().Value(opened{})
	a := command("a\n", 1)
	r.out().ExpectCommands(a)
	r.print("b\n")
	r.print("c\n", "d\n")
	r.out().ExpectNothing()
	out := r.out()
	out.Done(a)
	rest := command("b\nc\nd\n", 3)
	out.ExpectCommands(rest)
	if !out.IsOpen() {
		t.Error("the output has been closed")
	}
	out.Done(rest)
	out.ExpectNothing()
	if out.IsOpen() {
		t.Error("the output is open, though there is nothing to print")
	}
	r.writable.ExpectNothing()
}

// Issue 9.2: printers are told when to pause, and when to go on; the input is
// not read meanwhile.
func TestBackPressure(t *testing.T) {
	r := newRig(t)
	reader := vmtest.Subscriber(r, topic.All[Line]())
	reader.ExpectPresence(Line{})
	in := r.Device(r.d.in)
	in.Value(opened{}, Line{"x"})
	reader.ExpectMessages(Line{"x"})
	r.print(piece("a"), piece("b"))
	r.writable.ExpectNothing()
	if in.IsPaused() {
		t.Error("the input is paused too early")
	}
	r.print("c\n")
	r.writable.ExpectAbsence(Writable{"test"}, nil)
	if !in.IsPaused() {
		t.Error("the input is not paused")
	}
	reader.Close(nil) // a later reader finds it paused
	again := vmtest.Subscriber(r, topic.All[Line]())
	again.ExpectPresence(Line{})
	in = r.Device(r.d.in)
	if !in.IsPaused() {
		t.Error("the input has been opened, and is not paused")
	}
	r.out().Value(opened{})
	r.writable.ExpectPresence(Writable{"test"})
	if in.IsPaused() {
		t.Error("the input is still paused")
	}
	r.out().Done(vmtest.Commands[write](r.out())[0])
}

// Issue 9.2: texts over the limit are left out and counted. The console says so
// where they are missing, and the operator hears of it.
func TestOverTheLimit(t *testing.T) {
	r := newRig(t)
	r.print("first\n")
	r.out().Value(opened{})
	first := vmtest.Commands[write](r.out())
	for i := range 12 {
		r.print(piece(string(rune('a' + i))))
	}
	r.print("short, but behind what is left out\n")
	if n := strings.Count(r.Trace(), "console output: ended: "+ErrFull.Error()); n != 1 {
		t.Errorf("the operator hears of it %d times:\n%s", n, r.Trace())
	}
	r.out().Done(first[0]) // all that waits is written at once
	r.print("late\n")
	var got strings.Builder
	for i := 0; i < 2; i++ {
		for _, w := range vmtest.Commands[write](r.out()) {
			got.Write(w.Bytes)
			r.out().Done(w)
		}
	}
	var want strings.Builder
	for i := range 8 {
		want.WriteString(piece(string(rune('a' + i))))
	}
	want.WriteString("console: 5 texts have been left out here, 371 bytes in all\nlate\n")
	if got.String() != want.String() {
		t.Errorf("written is\n%s, not\n%s", got.String(), want.String())
	}
	r.print("and on\n")
	r.out().Value(opened{})
	r.out().ExpectCommands(command("and on\n", 1))
}

// The console reports lost texts also if no text follows. A text of any length
// is written, if none waits.
func TestLostAtTheEnd(t *testing.T) {
	r := newRig(t)
	r.print(strings.Repeat("x", 10000), strings.Repeat("y", 10000))
	r.out().Value(opened{})
	w := vmtest.Commands[write](r.out())
	if len(w) != 1 || len(w[0].Bytes) != 10000 {
		t.Fatalf("written is %v", w)
	}
	r.out().Done(w[0])
	r.out().ExpectCommands(write{[]byte("console: 1 text has been left out here, 10000 bytes in all\n"), amount{1, 10000}})
}

// Issue 9.2: texts that the output refuses are counted, the operator hears the
// reason, and the next text tries again.
func TestRefused(t *testing.T) {
	r := newRig(t)
	errFull := errors.New("no space left on device")
	r.print("a\n", "b\n")
	for range 2 {
		r.out().Value(opened{})
		out := r.out()
		out.Fail(vmtest.Commands[write](out)[0], errFull)
		if out.IsOpen() {
			t.Error("the output is open, though nothing waits")
		}
		r.print("c\n")
	}
	if n := strings.Count(r.Trace(), "console output: ended: no space left"); n != 1 {
		t.Errorf("the operator hears of it %d times:\n%s", n, r.Trace())
	}
	r.out().Value(opened{})
	r.out().ExpectCommands(write{[]byte("console: 3 texts have been left out here, 6 bytes in all\nc\n"), amount{4, 8}})
}

// Issue 9.2: at a stop, the output gets all texts that wait, and those that
// come later.
func TestStop(t *testing.T) {
	r := newRig(t)
	r.Perform(endpoint.Subscriber(topic.All[Line](), endpoint.OnAbsence(func(Line, error) actions.Action {
		return actions.Send(Text{"bye\n"})
	})))
	r.Device(r.d.in).Value(opened{})
	r.print("a\n")
	out := r.out()
	out.Value(opened{})
	r.print("b\n", "c\n")
	r.Stop()
	var got strings.Builder
	for _, w := range vmtest.Commands[write](out) {
		got.Write(w.Bytes)
	}
	if got.String() != "a\nb\nc\nbye\n" {
		t.Errorf("written is %q", got.String())
	}
}

// Issue 9.2: after a crash, the write that was under way is not repeated, and
// texts that waited are written, whether the output had been open or not.
func TestRestart(t *testing.T) {
	for _, open := range []bool{true, false} {
		r := newRig(t)
		r.print("a\n")
		if open {
			r.out().Value(opened{})
			r.out().ExpectCommands(command("a\n", 1))
		}
		r.print("b\n")
		r.Apply(vm.Input{Kind: vm.Start, Incarnation: 2})
		r.out().Value(opened{})
		want := command("b\n", 1)
		if !open {
			want = command("a\nb\n", 2)
		}
		r.out().ExpectCommands(want)
		out := r.out()
		out.Done(want)
		if out.IsOpen() {
			t.Error("the output is still open")
		}
	}
}

// If the output ends, the texts that wait are lost, and that is reported.
func TestEnded(t *testing.T) {
	r := newRig(t)
	r.print("a\n", "b\n")
	r.out().End(world.ErrSlowConsumer)
	r.print("c\n")
	r.out().Value(opened{})
	r.out().ExpectCommands(write{[]byte("console: 2 texts have been left out here, 4 bytes in all\nc\n"), amount{3, 6}})
	if !strings.Contains(r.Trace(), world.ErrSlowConsumer.Error()) {
		t.Error("the operator does not hear of it")
	}
}

// A negative limit is refused.
func TestNegativeLimit(t *testing.T) {
	defer func() {
		if p, ok := recover().(string); !ok || !strings.Contains(p, "Config.Limit is -1") {
			t.Errorf("%v", p)
		}
	}()
	Config{Limit: -1}.Driver()
}

// A queue gives back what was put into it, in order. Old queues stay as they were.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			queue
			texts []string
		}
		all := []version{{}}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				v := rapid.SampledFrom(all).Draw(t, "version")
				text := rapid.SampledFrom([]string{"", "a", "bc", "def"}).Draw(t, "text")
				all = append(all, version{v.push(text), append(slices.Clone(v.texts), text)})
			},
			"take": func(t *rapid.T) {
				v := rapid.SampledFrom(all).Draw(t, "version")
				most := rapid.IntRange(0, 5).Draw(t, "most")
				w, rest := v.take(most)
				n := w.Of.Texts
				if n > len(v.texts) || n == 0 && len(v.texts) > 0 ||
					string(w.Bytes) != strings.Join(v.texts[:n], "") || n > 1 && len(w.Bytes) > most ||
					n < len(v.texts) && len(w.Bytes)+len(v.texts[n]) <= most {
					t.Fatalf("of %q, with %d at most, it takes %d, %q", v.texts, most, n, w.Bytes)
				}
				all = append(all, version{rest, v.texts[n:]})
			},
			"": func(t *rapid.T) {
				for _, v := range all {
					size := 0
					for _, text := range v.texts {
						size += len(text) + overhead
					}
					var got []string
					for _, t := range v.queue.texts() {
						got = append(got, t.text)
					}
					if !slices.Equal(got, v.texts) || v.size != size {
						t.Fatalf("it has %q, and a size of %d, not %q, and %d", got, v.size, v.texts, size)
					}
				}
			},
		})
	})
}
