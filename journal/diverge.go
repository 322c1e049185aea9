package journal

import (
	"fmt"
	"strings"

	"github.com/go-marketplace/marketplace/vm"
)

// A DivergenceError says that a replay did something else than what is in the
// journal: the program is not the same, or it is not deterministic.
type DivergenceError struct {
	// Seq is the number of the input that the difference came of, and Input
	// describes it. If the journal has no trace, then the difference may have
	// come of any input after the one with number Since; otherwise Since is
	// Seq-1.
	Seq, Since uint64
	Input      string

	// Path and Name are those of the process in which the difference shows. They
	// are empty if the journal does not tell.
	Path vm.Path
	Name string

	// Recorded is what the journal says, and Came is what came in the replay.
	Recorded, Came string

	// Program is the program that has written the journal, and This is this one.
	Program, This string
}

// Error says what differs, and what may be the reason.
func (e *DivergenceError) Error() string {
	var b strings.Builder
	b.WriteString("journal: non-determinism: the replay does not do what was recorded\n")
	if e.Since+1 == e.Seq {
		fmt.Fprintf(&b, "\tat input %d: %s\n", e.Seq, e.Input)
	} else {
		fmt.Fprintf(&b, "\tat one of the inputs %d to %d (record the run with a trace to know at which, and where)\n", e.Since+1, e.Seq)
	}
	if len(e.Path) > 0 {
		fmt.Fprintf(&b, "\tin process %s\n", vm.Label(e.Path, e.Name))
	}
	fmt.Fprintf(&b, "\trecorded: %s\n\tcame:     %s\n", e.Recorded, e.Came)
	if e.Program != e.This {
		fmt.Fprintf(&b, "\tThe journal was written by another build of the program (%s; this is %s): if that was not to change what the program does, look at what changed.\n", e.Program, e.This)
	}
	b.WriteString("\tWas the program started with the same flags and the same configuration as then?\n")
	b.WriteString("\tLikely causes otherwise, in what transition functions do: the time (time.Now), random numbers, the order in which a map is ranged over, a global variable, a goroutine or a channel, a pointer printed or compared, the environment, a state or message that was written to after it was returned. They may depend on nothing but their arguments.")
	return b.String()
}

// nothing is what was recorded, or came, where there is nothing.
const nothing = "nothing"
