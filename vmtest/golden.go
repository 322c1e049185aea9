package vmtest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// This package defines the flag before the package under test, which is initialised
// later, defines its own.
func init() {
	if flag.Lookup("update") == nil {
		flag.Bool("update", false, "vmtest: write golden files instead of comparing with them")
	}
}

// Golden compares a text, such as a [Machine.Trace], with that in a file. The test
// fails if they differ. With the flag -update, Golden writes the file instead, and
// makes its directory:
//
//	go test -run TestRoom -update
//
// Look at the changes before you keep them. Golden ignores the carriage returns of a
// file that was checked out with line ends of Windows.
//
// This package defines the flag, unless a package that was initialised before has
// done so. A test that needs the flag itself calls flag.Lookup("update"), because
// defining a flag twice panics.
func Golden(t TB, file, got string) {
	t.Helper()
	if updating() {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatalf("vmtest: golden file: %v", err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatalf("vmtest: golden file: %v", err)
		}
		return
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("vmtest: golden file: %v (to write it, run go test -run '^%s$' -update)", err, t.Name())
		return
	}
	want := strings.ReplaceAll(string(data), "\r\n", "\n")
	if want != got {
		t.Errorf("vmtest: %s differs (-want +got):\n%s\nIf that is as it should be, run go test -run '^%s$' -update",
			file, cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")), t.Name())
	}
}

func updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}
