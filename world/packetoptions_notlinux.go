//go:build unix && !linux

package world

// setOwnGroupOnly has no effect: the system has no such option.
func setOwnGroupOnly(int, bool) error { return nil }
