package vmtest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// The flag is there before the flags of the package under test, which is
// initialised later.
func init() {
	if flag.Lookup("update") == nil {
		flag.Bool("update", false, "vmtest: write golden files instead of comparing with them")
	}
}

// Golden compares a text, such as a [Machine.Trace], with that in a file, and
// has the test fail if they differ. When the test is run with the flag -update,
// it writes the file instead, and the directory if need be:
//
//	go test -run TestRoom -update
//
// Look at what has changed before you keep it. A file that was checked out with
// carriage returns is compared without them.
//
// The flag is this package's, unless a package that was initialised before has
// one of that name. A test that wants it for its own use looks it up, with
// flag.Lookup("update"), because to define it twice is a panic.
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
