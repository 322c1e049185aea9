package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Issue 9.9: the exit status says what kind of end it was, and standard error
// says why.
func TestExits(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "marketplace")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	none := filepath.Join(t.TempDir(), "none")
	for _, tt := range []struct {
		args   string
		status int
		says   string
	}{
		{"-h", 0, ""},
		{"journal list -h", 0, "usage: "},
		{"", 2, "usage: "},
		{"journal", 2, "usage: "},
		{"jornal info x", 2, `no command "jornal"`},
		{"journal inform x", 2, `no command "inform"`},
		{"journal info", 2, "folder of the journal is missing"},
		{"journal info -color red x", 2, "-color"},
		{"journal info x y", 2, `unexpected argument "y"`},
		{"journal list -kind none x", 2, "none"},
		{"journal cat x y", 2, `"y" is not an input`},
		{"journal info " + none, 1, "marketplace: "},
		{"journal cat " + none, 1, "marketplace: "},
		{"journal presence " + none, 1, "marketplace: "},
	} {
		var stderr strings.Builder
		cmd := exec.Command(binary, strings.Fields(tt.args)...)
		cmd.Stderr = &stderr
		cmd.Run()
		if status := cmd.ProcessState.ExitCode(); status != tt.status || !strings.Contains(stderr.String(), tt.says) {
			t.Errorf("%q: status %d, not %d; it says %q, and must say %q", tt.args, status, tt.status, &stderr, tt.says)
		}
	}
}
