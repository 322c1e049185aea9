// Package mutated has a test of a process that writes to its state. It fails, so
// it is run with the tag mistake only.
package mutated
