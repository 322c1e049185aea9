package journal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/vm/image"
)

// A ChangeError says why another build of a program, or one with other settings, cannot go on
// from a journal, and what the choices are. The journal is as it was.
type ChangeError struct {
	// Was and Is are the fingerprints of the build that has written the journal last, and of
	// this one.
	Was, Is string

	// Settings are the settings that have changed, as texts: see [Config].Settings.
	Settings []string

	// Snapshot is the last input that is in the newest snapshot, or 0 if there is none. Last
	// is the last input of the journal.
	Snapshot, Last uint64

	// Unsaved, if not nil, says why there are no snapshots.
	Unsaved error

	// Err says what the program cannot do: live through the inputs behind the snapshot with
	// the same results, which is a [*DivergenceError], or go on from the snapshot.
	Err error
}

// Unwrap returns e.Err.
func (e *ChangeError) Unwrap() error { return e.Err }

// Error says what the program cannot do, and what the choices are.
func (e *ChangeError) Error() string {
	var b strings.Builder
	other := "Start the other build"
	if e.Is != e.Was {
		fmt.Fprintf(&b, "journal: this build of the program cannot go on from the journal of another one (it is %s, and the other was %s)\n", e.Is, e.Was)
	} else {
		other = "Start the program with the former settings"
		b.WriteString("journal: the program cannot go on from its journal with other settings\n")
	}
	if len(e.Settings) > 0 {
		fmt.Fprintf(&b, "\tSettings have changed: %s\n", strings.Join(e.Settings, "; "))
	}
	d, differs := errors.AsType[*DivergenceError](e.Err)
	if differs {
		d.describe(&b)
	} else {
		fmt.Fprintf(&b, "\t%s\n", strings.ReplaceAll(e.Err.Error(), "\n", "\n\t"))
	}
	switch {
	case !differs:
		fmt.Fprintf(&b, "\tThe newest snapshot, after input %d of %d, is of the other build.\n", e.Snapshot, e.Last)
	case e.Snapshot > 0:
		fmt.Fprintf(&b, "\tThe newest snapshot is after input %d. The program does not do the same with the inputs behind it, %d to %d.\n", e.Snapshot, e.Snapshot+1, e.Last)
	default:
		fmt.Fprintf(&b, "\tThere is no snapshot from which it could go on, and it does not do the same with the inputs 1 to %d.\n", e.Last)
	}
	if e.Unsaved != nil {
		fmt.Fprintf(&b, "\tThere can be none: %s\n", strings.ReplaceAll(e.Unsaved.Error(), "\n", "\n\t"))
	}
	b.WriteString("\tThe choices:\n")
	switch {
	case !differs:
		b.WriteString("\t- Give the process type a version, and a function that brings older states up to date (actions.Versions).\n")
	case e.Unsaved == nil:
		fmt.Fprintf(&b, "\t- %s once with -settle (Config.Settle): it takes a snapshot at the end, from which this one can go on.\n", other)
	}
	if e.Is != e.Was {
		b.WriteString("\t- Go on with the other build.\n")
	}
	b.WriteString("\t- Start this one once with -adopt (Config.Adopt): it lives through the inputs behind the newest snapshot that it can use, as if it had been there from then on; what the other one has told the world since stays said.")
	return b.String()
}

// changed returns an error about a replay as a ChangeError, if the program is another one.
func (j *Journal) changed(h *History, err error) error {
	b, settings := &j.base, j.changedSettings()
	if !b.changed && len(settings) == 0 {
		return err
	}
	e := &ChangeError{Settings: settings, Was: b.stretch.last(), Is: j.config.Program, Snapshot: b.newest, Last: h.Last(), Err: err}
	if b.newest == 0 {
		if len(j.config.Types) == 0 {
			e.Unsaved = errors.New("the program has no process types: see Config.Types")
		} else if _, err := image.Of(j.player.machine.Snapshot(), j.player.types, stateEncoder(codec.Veiled)); errors.As(err, new(*image.UnregisteredError)) {
			e.Unsaved = err
		}
	}
	return e
}

// refused returns an error if another build of the program has taken a snapshot that this one
// cannot use, although it is good.
func (b *base) refused() error {
	if !b.changed || b.newest == b.seq {
		return nil
	}
	return errors.Join(b.faults...)
}
