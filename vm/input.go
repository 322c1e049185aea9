package vm

import (
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// An Input is what enters a machine from outside. Nothing else does, so the
// inputs of a run, in their order, determine the run.
type Input struct {
	Kind InputKind

	// Address says which device it is, at which opening, and where in the
	// machine its holder is: for Value, End, Failed and
	// Done.
	Address *Address

	// Value is the value of a device, for Value, or the command that was not
	// carried out, for Failed, or was, for Done. Its type is registered with package world.
	Value any

	// Err is the reason of an End, or of a Failed. It is nil or a
	// *world.Error.
	Err error

	// Incarnation tells the starts of a machine apart, for Start. Each is
	// larger than the one before.
	Incarnation uint64

	// Limits are those of the machine from now on, for Start; if it is nil, they
	// stay as they are.
	Limits *Limits
}

// InputKind tells inputs apart.
type InputKind uint8

// The kinds of input.
const (
	Start     InputKind = iota + 1 // the machine begins to run, or goes on after a crash
	Value                          // a device has a value
	End                            // a device has come to its end
	Failed                         // a device has failed to carry out a command
	Continue                       // work that was left over goes on
	StopAsked                      // the machine is to stop
	StopDone                       // the machine has stopped
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

// An Address is that of an open device: the path of its holder, the device,
// and the number of its opening. Addresses are never used again.
type Address struct {
	Path       Path
	Device     world.Device
	Generation uint64
}

// String describes a for people.
func (a *Address) String() string {
	if a == nil {
		return "nowhere"
	}
	return a.Path.String() + " " + a.Device.DeviceName()
}

// A Path leads to a process: the PIDs of the machines around it, outermost
// first, and its own.
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

// A Command is what a machine wants done outside. Commands to one device are
// carried out in their order.
type Command struct {
	Kind    CommandKind
	Address *Address
	Value   any  // what the device is told, for Tell
	Paused  bool // for Open and Flow: no value may come
	Again   bool // for Open: the device was open in an earlier incarnation
}

// CommandKind tells commands apart.
type CommandKind uint8

// The kinds of command.
const (
	Open  CommandKind = iota + 1 // open the device
	Tell                         // carry out Value
	Flow                         // pause or resume the values of the device
	Close                        // close the device, after all that it was told
)

var commandKinds = [...]string{"no command", "open", "tell", "flow", "close"}

// String returns the name of the kind, in lower case.
func (k CommandKind) String() string {
	if int(k) >= len(commandKinds) {
		return "unknown command"
	}
	return commandKinds[k]
}
