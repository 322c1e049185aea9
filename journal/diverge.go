package journal

import (
	"fmt"
	"strings"

	"github.com/go-marketplace/marketplace/vm"
)

// A DivergenceError says that a replay has another result than the journal: the program
// is not the same, or it is not deterministic.
type DivergenceError struct {
	// Seq is the number of the input with the other result, and Input describes it.
	// If the journal has no trace, the cause may be any input after the one with
	// number Since; otherwise Since is Seq-1.
	Seq, Since uint64
	Input      string

	// Path and Name are those of the process in which the difference shows. They are
	// empty if the journal does not say.
	Path vm.Path
	Name string

	// Recorded is the result in the journal, and Replayed that of the replay.
	Recorded, Replayed string

	// Program is the fingerprint of the program that has written the journal, and
	// ThisProgram that of the program that replays it.
	Program, ThisProgram string
}

// Error says what differs, and what the cause may be.
func (e *DivergenceError) Error() string {
	var b strings.Builder
	b.WriteString("journal: non-determinism: the replay does not do what was recorded\n")
	e.describe(&b)
	if e.Program != e.ThisProgram {
		fmt.Fprintf(&b, "\tThe journal was written by another build of the program (%s; this is %s): if both should do the same, check what has changed in the program.\n", e.Program, e.ThisProgram)
	}
	b.WriteString("\tCheck that the program has the same flags and the same configuration as then.\n")
	b.WriteString("\tOtherwise a transition function depends on something other than its arguments. Likely causes: the time (time.Now), random numbers, the order in which a map is ranged over, a global variable, a goroutine or a channel, a pointer printed or compared, the environment, a state or message that was written to after it was returned.")
	return b.String()
}

// describe writes what differs, in lines.
func (e *DivergenceError) describe(b *strings.Builder) {
	if e.Since+1 == e.Seq {
		fmt.Fprintf(b, "\tat input %d: %s\n", e.Seq, e.Input)
	} else {
		fmt.Fprintf(b, "\tat one of the inputs %d to %d (record the run with a trace to know at which, and where)\n", e.Since+1, e.Seq)
	}
	if len(e.Path) > 0 {
		fmt.Fprintf(b, "\tin process %s\n", vm.Label(e.Path, e.Name))
	}
	fmt.Fprintf(b, "\trecorded: %s\n\treplayed: %s\n", e.Recorded, e.Replayed)
}

// nothing is the text of a result that is missing.
const nothing = "nothing"
