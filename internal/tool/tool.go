// Package tool finds the programs of others that tests talk to.
package tool

import (
	"os"
	"os/exec"
	"testing"
)

// Path returns where the program of that name is. If it is not installed, the
// test is skipped; or fails, if the environment variable
// MARKETPLACE_NEED_PROGRAMS is set.
func Path(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name) // where servers are, and not everybody looks
	}
	if err == nil {
		return path
	}
	if os.Getenv("MARKETPLACE_NEED_PROGRAMS") != "" {
		t.Fatalf("%s is not installed, and MARKETPLACE_NEED_PROGRAMS is set", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}
