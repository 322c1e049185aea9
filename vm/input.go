package vm

import (
	"fmt"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// An Input is what enters a machine from outside. Nothing else does, so the
// inputs of a run, in their order, determine the run.
type Input struct {
	Kind InputKind

	// Address is that of the device, for Value, End, Failed and Done. It is the one
	// in the Command that opened the device. The machine finds the device by its
	// generation.
	Address *Address

	// Value is the value of the device, for Value, or the command, for Failed and
	// Done. A journal can keep it only if its type is registered with package world.
	Value any

	// Err is the reason, for End and Failed. It is nil or a *world.Error.
	Err error

	// Incarnation tells the starts of a machine apart, for Start. Each is
	// larger than the one before.
	Incarnation uint64

	// Limits are those of the machine from now on, for Start. If it is nil, the
	// limits stay as they are. The machine panics if one is negative.
	Limits *Limits
}

// InputKind tells inputs apart.
type InputKind uint8

// The kinds of input.
const (
	Start     InputKind = iota + 1 // the machine starts, or goes on after the program has started again
	Value                          // a value has come from a device
	End                            // a device has ended
	Failed                         // a device has failed to carry out a command
	Continue                       // the machine goes on with its work: see Machine.Busy
	StopAsked                      // the machine stops
	StopDone                       // marks, in the record of a run, that the machine has stopped; nothing happens
	Done                           // a device has carried out a command: see world.Reporter
)

var inputKinds = [...]string{"no input", "start", "value", "end", "failed", "continue", "stop asked", "stop done", "done"}

// String returns the name of the kind, in lower case.
func (k InputKind) String() string {
	if int(k) >= len(inputKinds) {
		return "unknown input"
	}
	return inputKinds[k]
}

// An Address identifies one opening of a device.
type Address struct {
	Path       Path         // of the process that holds the device
	Device     world.Device // what to open
	Generation uint64       // the number of the opening, unique within the machine
}

// String describes a for people.
func (a *Address) String() string {
	if a == nil {
		return "nowhere"
	}
	return a.Path.String() + " " + a.Device.DeviceName()
}

// A Path identifies a process at any depth: the PIDs of the virtual machines around
// it, outermost first, and its own PID.
type Path []actions.PID

// String writes p as 2/7/1.
func (p Path) String() string {
	var b strings.Builder
	for i, pid := range p {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(pid.String())
	}
	return b.String()
}

// Label describes a process for people: its path, and its name if it has one.
func Label(path Path, name string) string {
	if name == "" {
		return path.String()
	}
	return fmt.Sprintf("%s %s", path, name)
}

// A Command says what to do outside the machine. The caller carries out the commands
// to one device in their order.
type Command struct {
	Kind    CommandKind
	Address *Address
	Value   any  // for Tell: the command of the process to the device
	Paused  bool // for Open and Flow: the device is paused
	Again   bool // for Open: the device was open, and had given its first value, in an earlier incarnation
}

// CommandKind tells commands apart.
type CommandKind uint8

// The kinds of command.
const (
	Open  CommandKind = iota + 1 // open the device
	Tell                         // give Value to the device
	Flow                         // pause or resume the values of the device
	Close                        // close the device when it has carried out all earlier commands
)

var commandKinds = [...]string{"no command", "open", "tell", "flow", "close"}

// String returns the name of the kind, in lower case.
func (k CommandKind) String() string {
	if int(k) >= len(commandKinds) {
		return "unknown command"
	}
	return commandKinds[k]
}
