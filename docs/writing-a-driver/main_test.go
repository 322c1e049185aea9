package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/drivers/console"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The program prints what is appended, and ends when nothing can be followed.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	log, missing := filepath.Join(dir, "log"), filepath.Join(dir, "missing")
	must(t, os.WriteFile(log, []byte("old\n"), 0o600))
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		over := make(chan error)
		go func() { over <- run(t.Context(), console.Config{In: strings.NewReader(""), Out: &out}, log, missing) }()
		<-time.After(1001 * time.Millisecond)                   // between two looks at the files
		must(t, os.WriteFile(log, []byte("old\nnew\n"), 0o600)) // which is written at once, and longer
		<-time.After(1001 * time.Millisecond)                   // between two looks at the files
		must(t, os.Remove(log))
		must(t, os.Mkdir(log, 0o700))
		must(t, <-over)
	})
	got := strings.ReplaceAll(out.String(), dir+string(filepath.Separator), "")
	for _, want := range []string{"log: following\n", "log: new\n", "log: open log: follow: this is not a regular file\n", "missing: stat missing: "} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in the output:\n%s", want, got)
		}
	}
	if strings.Contains(got, "old") {
		t.Errorf("what was there before is in the output:\n%s", got)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
