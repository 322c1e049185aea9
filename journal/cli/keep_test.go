package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal"
)

// archiverEnv makes the test program an archive command: it copies a file to a folder of the
// archive in that folder, or fails if there is no such folder.
const archiverEnv = "CLI_TEST_ARCHIVE"

func archiveFile(dir string) (status int) {
	path, archive := os.Args[len(os.Args)-2], os.Args[len(os.Args)-1]
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, archive), 0o700)
	}
	if os.IsExist(err) {
		err = nil
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, archive, filepath.Base(path)), b, 0o600)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "trying\nno archive: %v\n", err)
		return 3
	}
	return 0
}

// TestIssue14KeepFlags: what the flags refuse, they refuse with a reason.
func TestIssue14KeepFlags(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for _, tt := range []struct{ args, want string }{
		{"-journal-keep age=1d", "-journal-keep needs -journal"},
		{"-journal-archive cp", "-journal-archive needs -journal"},
		{"-journal " + dir + " -journal-keep inputs=10", "(inputs=10) needs snapshots, and Config.Types is empty"},
		{"-journal " + dir + " -journal-keep unarchived", "there is no Config.Archive"},
	} {
		f := parsed(t, strings.Fields(tt.args)...)
		if _, err := f.Run(t.Context(), kitchen("soup")); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
	if status, _, stderr := call(t, kitchen("soup"), "", "-journal", dir, "-journal-keep", "age=never"); status != 2 || !strings.Contains(stderr, `"age=never" is no limit`) {
		t.Errorf("status %d: %s", status, stderr)
	}
	p := kitchen("soup")
	p.Types = []actions.Type{actions.Define("kitchen.pot", pot.endpoints).Type}
	f := parsed(t, "-journal", dir, "-journal-keep", "inputs=10,age=2d", "-journal-archive", "cp -p")
	if got := f.Config.Retention; got != (journal.Retention{Inputs: 10, Age: 48 * 3600e9}) || f.Config.Archive == nil {
		t.Errorf("%v", got)
	}
}

// TestIssue14ArchiveCommand: an archive command gets the path of a file and the name of the archive,
// behind its own arguments. If it fails, the error has its status and what it has said last.
func TestIssue14ArchiveCommand(t *testing.T) {
	dir := t.TempDir()
	archives := filepath.Join(dir, "archives")
	t.Setenv(archiverEnv, archives)
	path := filepath.Join(dir, "a file.journal")
	if err := os.WriteFile(path, []byte("inputs"), 0o600); err != nil {
		t.Fatal(err)
	}
	archive := parsed(t, "-journal", dir, "-journal-archive", os.Args[0]+"  -x").Config.Archive
	file := journal.File{Archive: "0700", Name: filepath.Base(path), Path: path}
	if err := archive(t.Context(), file); err == nil || !strings.Contains(err.Error(), "exit status 3: no archive: ") || strings.Contains(err.Error(), "trying") {
		t.Errorf("got %v", err)
	}
	if err := os.Mkdir(archives, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it replaces a file
		if err := archive(t.Context(), file); err != nil {
			t.Error(err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(archives, "0700", "a file.journal")); err != nil || string(b) != "inputs" {
		t.Errorf("%q, %v", b, err)
	}
	if err := parsed(t, "-journal", dir, "-journal-archive", filepath.Join(dir, "none")).Config.Archive(t.Context(), file); err == nil {
		t.Error("a command that is not there does not fail")
	}
}
