//go:build unix && !linux

package world

// setOwnGroupOnly does nothing: the system has no such option.
func setOwnGroupOnly(int, bool) error { return nil }
