package vm

import (
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
)

// Nested returns a virtual machine as a process: a machine inside the one that
// it is spawned in, with a first process that performs boot.
//
//	actions.Spawn(vm.Nested(boot...)).Named("room")
//
// Messages and presence of a nested machine stay inside. With [actions.AtMeta] its
// processes act one level up, where they are the nested machine.
//
// The nested machine ends like any other process by Kill, or from inside by
// AtMeta(Quit()). It is removed, with its processes, when nothing can happen in it any
// more: it has no action to perform, no endpoint at a meta-level and no device.
func Nested(boot ...actions.Action) actions.Process {
	return NestedFunc(func(actions.PID) actions.Process { return actions.Stateless(boot...) })
}

// NestedFunc returns a virtual machine as a process, whose first process is
// the one that boot returns. Boot runs as part of that first process, and gets its PID
// in the nested machine. NestedFunc panics if boot is nil.
func NestedFunc(boot func(self actions.PID) actions.Process) actions.Process {
	if boot == nil {
		panic("vm: NestedFunc of a nil function")
	}
	return actions.Next(nested{boot})
}

// nested is the state of a process that is a virtual machine, as far as the
// process knows. The kernel keeps the machine itself.
type nested struct {
	boot func(self actions.PID) actions.Process
}

// nestedType is the type of the states of virtual machines.
var nestedType = reflect.TypeFor[nested]()
