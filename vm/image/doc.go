// Package image saves a machine as plain data, and restores it.
//
// An [Image] is a machine at rest as plain data, with texts for names, roles and
// devices. [Of] makes it from a [vm.State], and [Image.State] makes the state again.
// A machine that goes on from that state does what the original would have done.
//
// Handlers are functions, and cannot be saved. So all processes must be of known
// types: see [actions.Type]. The Open of a type returns the endpoints and devices of
// a process for its state, and the texts in the image say which of these the process
// has. [Types] is a set of types. Of checks that State can read the image, so the
// same program can restore each image that Of returns.
package image
