// Package image writes a machine down, and makes it anew.
//
// An [Image] is a machine at rest as plain data, with texts for names, roles and
// devices. [Of] makes it of a [vm.State], and [Image.State] makes the state again.
// The machine that goes on from there does what the original would have done.
//
// Handlers are functions, and cannot be written down. So all processes must be of
// known types, see [actions.Type]: the Open of a type gives the endpoints and
// devices of a process from its state, and the texts in the image say which of
// these the process has. [Types] is a set of types. Of checks that what it has
// written can be read: an image that exists can be restored by the same program.
package image
