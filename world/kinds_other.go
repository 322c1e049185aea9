//go:build !windows

package world

// kindOfNumber returns "": on this system, the error numbers of package syscall are
// those of the system, and the table of kinds has them.
func kindOfNumber(error) string { return "" }
