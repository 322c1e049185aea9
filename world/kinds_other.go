//go:build !windows

package world

// kindOfNumber returns the kind of an error that only this system has. There
// are none where the numbers in the syscall package are the system's own.
func kindOfNumber(error) string { return "" }
