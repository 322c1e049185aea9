// Package laws tests rules of package vm that must hold for every program. Random
// programs run in a machine and in a naive one, which is as simple as possible, and
// both must do the same. Machines that are restored from their images must go on as
// the originals do.
//
// The tests use only what package vm exports.
package laws
