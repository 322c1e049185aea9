// Package describe has texts for people of what happens in a machine, and of the
// values in it. They are the same on every run and every platform.
package describe
