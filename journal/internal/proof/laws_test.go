package proof

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// A Word is what the processes of random programs say to each other. Fuel is
// how many more words may result from it.
type Word struct{ Kind, Fuel int }

var wordKind = topic.FieldOf(func(w *Word) *int { return &w.Kind })

const kinds = 4 // of words, and of processes

// A law is a random program: what a process of some kind does when it hears, or
// hears of, a word of some kind.
type law [kinds][kinds][]lawOp

type lawOp struct {
	kind string
	arg  int
}

var lawOps = []string{"send", "send", "send", "spawn", "nest", "open", "observe", "close", "say", "quit", "fail", "crash", "yield", "kill", "up"}

func drawLaw(t *rapid.T) *law {
	var l law
	op := rapid.Custom(func(t *rapid.T) lawOp {
		return lawOp{rapid.SampledFrom(lawOps).Draw(t, "op"), rapid.IntRange(0, kinds-1).Draw(t, "arg")}
	})
	for i := range l {
		for j := range l[i] {
			l[i][j] = rapid.SliceOfN(op, 0, 3).Draw(t, fmt.Sprint("kind ", i, " on ", j))
		}
	}
	return &l
}

// program is a program in which the first process hears a word for each note.
func (l *law) program() func(*outside) journal.Program {
	return booting(func(d desk) []actions.Action {
		return []actions.Action{
			clerk(d),
			actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[Note](), endpoint.OnMessage(func(n Note) actions.Action {
				return actions.Tree{actions.Send(Word{len(n.Key) % kinds, 4}), actions.Send(Ack{Key: n.Key})}
			})))).Named("acker"),
			actions.Spawn(lawState{l, 0, 0}.process()).Named("first"),
		}
	})
}

// lawState is the state of a process.
type lawState struct {
	law  *law
	kind int
	n    int // how often it has done something
}

func (s lawState) process() actions.Process {
	return actions.Next(s, endpoint.Subscriber(topic.All[Word](), endpoint.OnMessageState(lawState.hear)))
}

// hear does what the law says, if there is fuel.
func (s lawState) hear(w Word) actions.Transition[lawState] {
	if s.n == 3 || w.Fuel <= 0 { // or the program might never end
		return actions.Next(s)
	}
	s.n++
	var todo actions.Tree
	for _, op := range s.law[s.kind][w.Kind%kinds] {
		todo = append(todo, s.do(op, w.Fuel-1))
	}
	return actions.Next(s, todo)
}

func (s lawState) do(op lawOp, fuel int) actions.Action {
	word := topic.Where(wordKind.Is(op.arg))
	come := endpoint.OnPresenceState(func(s lawState, w Word) actions.Transition[lawState] { return s.hear(Word{op.arg, fuel}) })
	gone := endpoint.OnAbsenceState(func(s lawState, w Word, _ error) actions.Transition[lawState] { return s.hear(Word{op.arg, fuel - 1}) })
	child := actions.Spawn(lawState{s.law, op.arg, 0}.process()).Named(fmt.Sprint("kind ", op.arg))
	switch op.kind {
	case "send":
		return actions.Send(Word{op.arg, fuel})
	case "spawn":
		return actions.When(op.arg > s.kind, child)
	case "nest":
		return actions.When(op.arg > s.kind, actions.Spawn(vm.Nested(child, actions.Send(Word{op.arg, fuel}))).Named("nest"))
	case "open":
		return endpoint.Publisher(word).As(op.arg)
	case "observe":
		return endpoint.ObservePublishers(word, come, gone).As(op.arg)
	case "close":
		return actions.Delete(op.arg)
	case "say":
		return actions.Send(Ack{"said", s.n, fmt.Sprint(s.kind)})
	case "quit":
		return actions.When(s.n == 2, actions.Quit())
	case "fail":
		return actions.When(s.n == 3, actions.Fail(errors.New("as the law says")))
	case "crash":
		return actions.When(s.n == 1, actions.Yield(func(lawState) actions.Transition[lawState] { panic("as the law says") }))
	case "yield":
		return actions.Yield(func(s lawState) actions.Transition[lawState] { return s.hear(Word{op.arg, fuel - 1}) })
	case "kill":
		return actions.Kill(actions.PID(5+op.arg), errors.New("killed"))
	}
	return actions.When(s.kind > 0, actions.AtMeta(actions.Send(Ack{"from inside", s.n, ""}))) // nobody hears it at the top
}

// TestLaws: whatever the program, its run is replayed as it was; and whichever
// part of its journal survives, a recovery ends where a replay does.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		program := drawLaw(t).program()
		c := journal.Config{Durability: journal.Memory, CheckEvery: 3, Logger: slog.New(slog.DiscardHandler),
			Trace: rapid.Bool().Draw(t, "trace"), SegmentSize: rapid.SampledFrom([]int64{500, 5000, 0}).Draw(t, "segment")}
		var notes []Note
		for range rapid.IntRange(1, 8).Draw(t, "notes") {
			notes = append(notes, Note{strings.Repeat("x", rapid.IntRange(0, 5).Draw(t, "note")), ""})
		}
		store := wal.NewMemory()
		run := live(t, store, c, program, notes...)
		if run.err != nil {
			t.Fatal(run.err)
		}
		again, err := relive(t, store, program)
		if err != nil {
			t.Fatal(err)
		}
		if d := run.differs(&again.tape); d != "" || len(run.inputs) != len(again.inputs) {
			t.Fatal(d)
		}
		h, err := journal.ReadStore(store)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			part, last := cutRecords(t, store)
			want := stateAt(t, h, program, min(last, beforeStop(t, h)))
			if got := recoveredState(t, part, c, program); got != want {
				t.Fatalf("what is recovered from %d inputs is\n%s\nand not\n%s", last, got, want)
			}
		}
	})
}

// cutRecords returns a store with the first records of a log, and the number of
// the last input in it.
func cutRecords(t *rapid.T, s *wal.Memory) (*wal.Memory, uint64) {
	r, err := wal.Read(s)
	if err != nil {
		t.Fatal(err)
	}
	n := rapid.Uint64Range(1, r.Last()).Draw(t, "records")
	part := wal.NewMemory()
	log, _, err := wal.Open(part, wal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	starts := r.Segments()
	for record, err := range r.Records(1) {
		if err != nil {
			t.Fatal(err)
		}
		if record.Index > n {
			break
		}
		if len(starts) > 0 && record.Index == starts[0] {
			if starts = starts[1:]; record.Index > 1 {
				err = log.Rotate()
			}
		}
		if _, e := log.Append(record.Payload); err != nil || e != nil {
			t.Fatal(err, e)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	h, err := journal.ReadStore(part)
	if err != nil {
		t.Fatal(err)
	}
	return part, h.Last()
}

// beforeStop returns the number of the last input before the machine was stopped,
// which is where it goes on.
func beforeStop(t *rapid.T, h *journal.History) uint64 {
	for in, err := range h.Inputs(1) {
		if err != nil {
			t.Fatal(err)
		}
		if in.Kind == vm.StopAsked {
			return in.Seq - 1
		}
	}
	return h.Last()
}

// stateAt replays a history up to an input, and describes the machine.
func stateAt(t *rapid.T, h *journal.History, program func(*outside) journal.Program, seq uint64) string {
	if seq == 0 {
		return ""
	}
	report, err := h.Replay(t.Context(), program(nil), journal.ReplayConfig{Until: seq})
	if err != nil || report.Seq != seq {
		t.Fatal(report.Seq, err)
	}
	return inFull(report.State.Machine(nil))
}

// recoveredState recovers a machine, and describes it.
func recoveredState(t *rapid.T, s wal.Store, c journal.Config, program func(*outside) journal.Program) string {
	j, err := c.OpenStore(s)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := j.Begin(t.Context(), vm.Limits{}, program(nil).Boot)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.End(nil); err != nil {
		t.Fatal(err)
	}
	return inFull(m)
}

// inFull describes a machine in full.
func inFull(m *vm.Machine) string {
	var b strings.Builder
	for info := range m.Processes() {
		fmt.Fprintln(&b, info.Path, info.Name, strings.Join(journal.Portray(info), "\n\t"))
	}
	if m.Busy() {
		b.WriteString("and there is work left over")
	}
	return b.String()
}
