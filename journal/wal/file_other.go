//go:build !linux

package wal

import "os"

// A file is a file of a folder that is open for writing.
type file struct{ *os.File }
