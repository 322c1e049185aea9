//go:build unix

package realm

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// private returns an error unless the user of this process owns a file, and nobody else may
// read or write it. The text of the error follows the name of the file.
func private(info fs.FileInfo) error {
	if s, ok := info.Sys().(*syscall.Stat_t); ok && int64(s.Uid) != int64(os.Geteuid()) {
		return fmt.Errorf("belongs to user %d, and this is user %d; give each user a file of his own", s.Uid, os.Geteuid())
	}
	if mode := info.Mode().Perm(); mode&^0o600 != 0 {
		return fmt.Errorf("has mode %#o, so that others may use it; chmod 600 it", mode)
	}
	return nil
}
