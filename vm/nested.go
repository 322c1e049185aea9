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
// Processes of the nested machine converse among themselves. With
// [actions.AtMeta] they act one level up, on behalf of the nested machine. It
// ends when the last of its processes has ended, or when it is ended like any
// other process, from inside with AtMeta(Quit()).
func Nested(boot ...actions.Action) actions.Process {
	return NestedFunc(func(actions.PID) actions.Process { return actions.Stateless(boot...) })
}

// NestedFunc returns a virtual machine as a process, whose first process is
// the one that boot returns. Boot runs as part of that first process and gets
// its PID.
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
