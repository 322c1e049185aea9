package image

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// An Image is a machine at rest, written down: plain data from which, with the
// types of its processes, the machine can be made anew. It is exactly what the
// machine was: PIDs, names and numbers go on from where they were.
//
// Handlers, roles, names and devices are not in it. They come from
// [actions.Type].Open; their texts are here, so that they can be found, and
// compared with what they were. In the texts of what contains pointers, the
// addresses are left out.
type Image struct {
	Limits      vm.Limits
	Stats       vm.Stats
	Digests     bool        // there is a digest, see Config.Digest
	Digest      vm.Digest   // of what has happened so far
	Incarnation uint64      // of the last Start
	Generation  uint64      // of the device opened last
	Last        actions.PID // given out last in the outermost machine

	// Processes are those at all depths, in the order of their paths: a virtual
	// machine comes right before what lives in it.
	Processes []Process
}

// A Process is a process of an [Image].
type Process struct {
	Depth uint32 // how many machines are around the one in which it lives
	PID   actions.PID
	Name  string      // for people
	Type  string      `cbor:"Kind"` // the name of its type; empty for a virtual machine
	State []byte      // as it was encoded; empty for a virtual machine
	Last  actions.PID // given out last by a virtual machine inside; zero for others
	Seq   uint32      // of the endpoint created last
	Fresh uint32      // the last fresh name given out

	Endpoints []Endpoint // in the order of their creation
	Devices   []Device   // in the order of their opening
}

// An Endpoint is an endpoint of an [Image]. It has a name, or else a
// number, or else it is one that a virtual machine has for a process inside.
type Endpoint struct {
	Seq       uint32      // in the order of creation, within the process
	Level     uint32      // at which it is: 0 where the process lives
	ID        string      // the text of its name
	Anonymous uint32      // the number by which it goes if it has no name; zero if it has one
	Inner     actions.PID // the process inside whose endpoint it is; zero if it is of the process itself
	InnerSeq  uint32      // and the Seq of the endpoint there
	Role      string      // the text of its role
	Counts    bool        // it counts its demand
	Tallies   []Tally
}

// A Tally is a demand that an endpoint has been told of, see
// [actions.Demand].
type Tally struct {
	Conversation string // the text of its topic
	Peers        int    // more than none

	// Alike tells conversations with one text apart. They have numbers from 0, in
	// the order in which the endpoint would hear of them if it came now: those with
	// its own process first, then by PID and by creation. A conversation has a number
	// even if its peers are not counted.
	Alike int
}

// A Device is an open device of an [Image].
type Device struct {
	Device     string // its DeviceName
	Generation uint64 // the number of its opening
	Paused     bool
	Opening    bool // its opening value has not come yet, not even in an earlier incarnation
}
