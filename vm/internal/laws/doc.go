// Package laws tests package vm against what must hold for every program. Random
// programs run in a machine and in a naive one, which does the same in the simplest
// way that there is, and both must do the same. Machines made anew from their
// images must go on as the originals.
//
// The tests use what package vm exports, and nothing else.
package laws
