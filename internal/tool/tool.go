// Package tool finds installed programs that tests run.
package tool

import (
	"os"
	"os/exec"
	"testing"
)

// Path returns the path of the program with a name. If it is not installed, Path skips
// the test; or, if the environment variable MARKETPLACE_NEED_PROGRAMS is set, the test
// fails.
func Path(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name) // servers are here, which is not in every PATH
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
