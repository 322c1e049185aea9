package image

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// An Image is a machine at rest as plain data. With the types of its processes, it
// determines the machine exactly: PIDs, names and numbers continue where they were.
// Its fields are those of [vm.Parts], with texts for names, roles and devices.
//
// Handlers, roles, names and devices themselves are not in it. [actions.Type].Open
// returns them, and the texts find them and check that they have not changed. In the
// texts of values that contain pointers, the addresses are left out.
type Image struct {
	Limits      vm.Limits
	Stats       vm.Stats
	Digests     bool        // the machine keeps a digest: see vm.Config.Digest
	Digest      vm.Digest   // so far
	Incarnation uint64      // of the last Start
	Generation  uint64      // of the device opened last
	Last        actions.PID // the last PID given out in the outermost machine

	// Processes are those at all depths, in the order of their paths: a virtual
	// machine comes right before what lives in it.
	Processes []Process
}

// A Process is a process of an [Image].
type Process struct {
	Depth   uint32 // how many machines are around the one in which it lives
	PID     actions.PID
	Name    string      // for people
	Type    string      `cbor:"Kind"` // the name of its type; empty for a virtual machine
	Version uint64      // of the states of its type, when it was saved
	State   []byte      // as it was encoded; empty for a virtual machine
	Last    actions.PID // the last PID given out in the virtual machine; zero for another process
	Seq     uint32      // of the endpoint created last
	Fresh   uint32      // how many fresh names it has: see actions.Fresh

	Endpoints []Endpoint // in the order of their creation
	Devices   []Device   // in the order of their opening

	// Monitors are the PIDs of the processes that it monitors, in their order.
	Monitors []actions.PID
	Locals   []Local // in the order of their levels and names
}

// A Local is a local value of a process: see [actions.Local].
type Local struct {
	Name  string // of its type
	Level uint32 // 0 for the machine of the process, 1 for one level up, and so on
	Value []byte // as it was encoded
}

// An Endpoint is an endpoint of an [Image]. See [vm.EndpointParts] for its three
// identities.
type Endpoint struct {
	Seq       uint32      // the number of its creation in the process
	Level     uint32      // 0 for a local endpoint, 1 for one that is one level up, and so on
	ID        string      // the text of its name; "" if it has none
	Anonymous uint32      // zero if it has a name, or is of a process inside
	Inner     actions.PID // zero if it is of the process itself
	InnerSeq  uint32      // the Seq of the endpoint of Inner
	Role      string      // the text of its role
	Counts    bool        // its handler has a Demand
	Tallies   []Tally     // in the order of Conversation and Alike
}

// A Tally is a demand that an endpoint has been told of: see [actions.Demand].
type Tally struct {
	Conversation string // the text of its topic
	Peers        int    // how many have it; at least 1

	// Alike tells conversations with the same text apart. They have numbers from 0,
	// in the order in which the machine would tell the endpoint of them if it came
	// now: first those with its own process, and then by PID and creation. A
	// conversation has a number even if its peers are not counted.
	Alike int
}

// A Device is an open device of an [Image].
type Device struct {
	Device     string // its DeviceName
	Generation uint64 // the number of its opening
	Paused     bool
	Opening    bool // its first value has not come yet, not even in an earlier incarnation
}
