package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/go-marketplace/marketplace/journal"
)

// ErrDiffers says that a build of the program does otherwise than the one that has written a
// journal.
var ErrDiffers = errors.New("this build of the program does otherwise")

// An effectsHead is the first line of what -effects prints.
type effectsHead struct {
	Journal string `json:"journal"` // its identity
	Program string `json:"program"` // the fingerprint of the build that prints the effects
	First   uint64 `json:"first"`   // input
	Last    uint64 `json:"last"`
}

// printEffects prints what the program has done, a line of JSON each.
func (f *Flags) printEffects(ctx context.Context, p journal.Program) error {
	h, err := f.read(f.replay)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f.stdout())
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	begin := func(first, last uint64) error {
		return lines.Encode(effectsHead{h.Head().ID.String(), programOf(p), first, last})
	}
	err = h.Effects(ctx, p, f.from, begin, func(e *journal.Effect) error { return lines.Encode(e) })
	return errors.Join(err, w.Flush())
}

func programOf(p journal.Program) string {
	if p.Fingerprint != "" {
		return p.Fingerprint
	}
	return journal.Fingerprint()
}

// rehearsal rehearses the program with a journal.
func (f *Flags) rehearsal(ctx context.Context, p journal.Program) error {
	h, err := f.read(f.rehearse)
	if err != nil {
		return err
	}
	if f.against == "" {
		r, err := h.Rehearse(ctx, p, f.from, nil)
		if differs, ok := errors.AsType[*journal.DivergenceError](err); ok {
			return fmt.Errorf("%w: %w\nThe journal has only digests, so what comes behind that was not compared. For all differences, give what the other build prints with -replay and -effects: see -against", ErrDiffers, differs)
		}
		if err == nil {
			_, err = fmt.Fprintf(f.stdout(), "rehearsed inputs %d to %d with %s: no difference in the digests that the journal has\n", r.First, r.Last, programOf(p))
		}
		return err
	}
	file, err := os.Open(f.against)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := json.NewDecoder(bufio.NewReader(file))
	var head effectsHead
	if err := lines.Decode(&head); err != nil || head.Program == "" {
		return fmt.Errorf("%s is not what a build prints with -replay and -effects: %w", f.against, errors.Join(err, errNoHead))
	}
	if id := h.Head().ID.String(); id != head.Journal {
		return fmt.Errorf("%s is of journal %s, and %s has journal %s", f.against, head.Journal, f.rehearse, id)
	}
	if f.from == 0 {
		f.from = head.First
	}
	if f.from < head.First {
		return fmt.Errorf("%w: -from %d: %s begins with input %d", ErrUsage, f.from, f.against, head.First)
	}
	r, err := h.Rehearse(ctx, p, f.from, effectsIn(f.against, lines))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(f.stdout(), "rehearsed inputs %d to %d with %s against %s\n", r.First, r.Last, programOf(p), head.Program); err != nil {
		return err
	}
	if err := r.Write(f.stdout()); err != nil {
		return err
	}
	if r.Differences > 0 {
		return fmt.Errorf("%w after %d of the inputs", ErrDiffers, r.Differences)
	}
	return nil
}

var errNoHead = errors.New("the first line does not say of which build and journal it is")

// effectsIn yields the effects in a file.
func effectsIn(name string, lines *json.Decoder) iter.Seq2[journal.Effect, error] {
	return func(yield func(journal.Effect, error) bool) {
		for {
			var e journal.Effect
			err := lines.Decode(&e)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
