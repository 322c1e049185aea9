package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// A Rehearsal is what another build of a program would have done with a part of a history.
type Rehearsal struct {
	First, Last uint64          // inputs that were compared
	Differences uint64          // inputs with other commands
	Types       []RehearsedType // by process type, in the order of their names
}

// RehearsedType says what processes of a type do otherwise.
type RehearsedType struct {
	Type     string
	Commands uint64 // that the build gave which has written the history
	Other    uint64 // inputs with other commands of such processes
	Messages uint64 // inputs with other messages of such processes, and the same commands

	// Changes are those of the first inputs, at most 100.
	Changes []EffectChange
}

// An EffectChange says what the processes of a type do otherwise because of an input.
type EffectChange struct {
	Seq   uint64
	Input string   // describes it
	Gone  []string // what they did, and do not do any more
	Come  []string // what they do instead
}

// maxChanges is how many changes a Rehearsal lists for each type.
const maxChanges = 100

// Rehearse lives through a part of a history with a build of a program that has not written it,
// and compares what it does with the effects of the build that has: those that [History.Effects]
// has given there, from the same input on. It carries out nothing, and the history stays as it is.
// It begins as Effects does, with a snapshot, whose states it brings up to date, or with the first
// input. The inputs find their devices by name, as with [Config].Adopt.
//
// The two do otherwise if their commands differ. The Rehearsal also has the messages that differ:
// they show which processes are the cause. Effects are compared by their types and digests, and
// not by PIDs.
//
// If recorded is nil, Rehearse compares the digests in the journal instead, and returns a
// [*DivergenceError] for the first difference.
func (h *History) Rehearse(ctx context.Context, program Program, from uint64, recorded iter.Seq2[Effect, error]) (Rehearsal, error) {
	if len(h.parts) == 0 {
		return Rehearsal{}, errors.New("journal: there are no inputs")
	}
	s := h.current()
	var result Rehearsal
	begin := func(first, last uint64) error {
		result.First, result.Last = first, last
		return nil
	}
	if recorded == nil {
		err := h.effects(ctx, &s, program, from, replayOptions{}, begin, func(*Effect) error { return nil })
		return result, err
	}
	next, stop := iter.Pull2(recorded)
	defer stop()
	r := rehearsing{next: next, types: map[string]*RehearsedType{}}
	o := replayOptions{
		unchecked: true,
		before: func(e *recordedInput) {
			r.finish()
			r.seq, r.input, r.own = e.Seq, e.Input, r.own[:0]
		},
	}
	err := h.effects(ctx, &s, program, from, o, begin, func(e *Effect) error {
		r.own = append(r.own, *e)
		return r.err
	})
	r.finish()
	if err = cmp.Or(err, r.err); err != nil {
		return Rehearsal{}, err
	}
	r.result(&result)
	return result, nil
}

// rehearsing compares effects, input by input.
type rehearsing struct {
	next        func() (Effect, error, bool)
	ahead       *Effect // the recorded effect that comes next, if it was read
	seq         uint64  // of the current input
	input       Input
	own         []Effect // of the current input
	differences uint64
	types       map[string]*RehearsedType
	err         error
}

// finish compares the effects of the current input.
func (r *rehearsing) finish() {
	was := r.recorded()
	if r.err != nil || r.seq == 0 {
		return
	}
	gone, come := missing(was, r.own), missing(r.own, was)
	isCommand := func(e Effect) bool { return e.Command }
	for _, e := range was {
		if e.Command {
			r.typeOf(e.Type).Commands++
		}
	}
	if slices.ContainsFunc(gone, isCommand) || slices.ContainsFunc(come, isCommand) {
		r.differences++
	}
	changes := map[string]*EffectChange{}
	other := map[string]bool{} // types with other commands
	add := func(effects []Effect, list func(*EffectChange) *[]string) {
		for _, e := range effects {
			c := changes[e.Type]
			if c == nil {
				c = &EffectChange{Seq: r.seq, Input: r.input.String()}
				changes[e.Type] = c
			}
			*list(c) = append(*list(c), e.Text)
			other[e.Type] = other[e.Type] || e.Command
		}
	}
	add(gone, func(c *EffectChange) *[]string { return &c.Gone })
	add(come, func(c *EffectChange) *[]string { return &c.Come })
	for name, c := range changes {
		t := r.typeOf(name)
		if other[name] {
			t.Other++
		} else {
			t.Messages++
		}
		if len(t.Changes) < maxChanges {
			t.Changes = append(t.Changes, *c)
		}
	}
}

func (r *rehearsing) typeOf(name string) *RehearsedType {
	if r.types[name] == nil {
		r.types[name] = &RehearsedType{Type: name}
	}
	return r.types[name]
}

// recorded returns the recorded effects of the current input. It leaves out those of inputs
// before it, which the rehearsal has not lived through.
func (r *rehearsing) recorded() (all []Effect) {
	for r.err == nil {
		if r.ahead == nil {
			e, err, ok := r.next()
			if r.err = err; !ok || err != nil {
				return all
			}
			r.ahead = &e
		}
		switch {
		case r.ahead.Seq > r.seq:
			return all
		case r.ahead.Seq == r.seq:
			all = append(all, *r.ahead)
		}
		r.ahead = nil
	}
	return all
}

// result completes a Rehearsal.
func (r *rehearsing) result(result *Rehearsal) {
	result.Differences = r.differences
	for _, t := range r.types {
		result.Types = append(result.Types, *t)
	}
	slices.SortFunc(result.Types, func(a, b RehearsedType) int { return strings.Compare(a.Type, b.Type) })
}

// missing returns the effects of a that b does not have, or does not have as often.
func missing(a, b []Effect) (rest []Effect) {
	type key struct {
		name    string
		command bool
		digest  uint64
	}
	keyOf := func(e *Effect) key { return key{e.Type, e.Command, uint64(e.Digest)} }
	count := map[key]int{}
	for i := range b {
		count[keyOf(&b[i])]++
	}
	for i := range a {
		if count[keyOf(&a[i])]--; count[keyOf(&a[i])] < 0 {
			rest = append(rest, a[i])
		}
	}
	return rest
}

// Write writes the rehearsal for people: what processes of each type do otherwise.
func (r *Rehearsal) Write(w io.Writer) error {
	var b strings.Builder
	for _, t := range r.Types {
		b.WriteString(t.Type + ": ")
		switch {
		case t.Other == 0 && t.Messages == 0:
			fmt.Fprintf(&b, "no difference in %d commands\n", t.Commands)
		case t.Other == 0:
			fmt.Fprintf(&b, "other messages after %d inputs\n", t.Messages)
		case t.Messages == 0:
			fmt.Fprintf(&b, "other commands after %d inputs\n", t.Other)
		default:
			fmt.Fprintf(&b, "other commands after %d inputs, other messages after %d\n", t.Other, t.Messages)
		}
		for _, c := range t.Changes {
			fmt.Fprintf(&b, "  input %d: %s\n", c.Seq, c.Input)
			for _, s := range c.Gone {
				fmt.Fprintf(&b, "    - %s\n", s)
			}
			for _, s := range c.Come {
				fmt.Fprintf(&b, "    + %s\n", s)
			}
		}
		if more := t.Other + t.Messages - uint64(len(t.Changes)); more > 0 {
			fmt.Fprintf(&b, "  and %d more\n", more)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
