//go:build !unix

package realm

import "io/fs"

// private returns nil: files have no modes on this system.
func private(fs.FileInfo) error { return nil }
