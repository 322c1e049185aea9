package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
)

// A dropper removes the first segments of a journal when the first input is written to it.
type dropper struct {
	bytes.Buffer
	t     *testing.T
	files []string
}

func (d *dropper) Write(b []byte) (int, error) {
	n, err := d.Buffer.Write(b)
	if strings.Contains(d.String(), "incarnation") {
		for _, file := range d.files {
			if err := os.Remove(file); err != nil {
				d.t.Error(err)
			}
		}
		d.files = nil
	}
	return n, err
}

// TestIssue14Dropped: if the program drops inputs while they are listed, the rest is there, and
// standard error and the exit status say that some are missing, and which.
func TestIssue14Dropped(t *testing.T) {
	defer func(size int) { outputBuffer = size }(outputBuffer)
	outputBuffer = 1
	for _, args := range [][]string{{"list"}, {"export"}, {"cat"}, {"list", "-json"}} {
		dir := bakeryWith(t, 0, journal.Config{CheckEvery: 3, SegmentSize: 100})
		files, err := filepath.Glob(filepath.Join(dir, "*.journal"))
		if err != nil || len(files) < 6 {
			t.Fatal(files, err)
		}
		var whole bytes.Buffer
		if status := run(append([]string{"journal"}, append(args, dir)...), &whole, &bytes.Buffer{}); status != 0 {
			t.Fatalf("status %d", status)
		}
		out, report := &dropper{t: t, files: files[:5]}, &bytes.Buffer{}
		status := run(append([]string{"journal"}, append(args, dir)...), out, report)
		if status != 3 || !strings.Contains(report.String(), "are missing: the program has dropped them meanwhile") || !strings.Contains(report.String(), "the output is not complete") {
			t.Errorf("%q: status %d, %s", args, status, report)
		}
		got := out.String()
		if !strings.HasPrefix(whole.String(), got[:20]) || !strings.HasSuffix(whole.String(), got[len(got)-60:]) || len(got) >= whole.Len() || len(got) < whole.Len()/4 {
			t.Errorf("%q: of\n%s\nthere is\n%s", args, &whole, got)
		}
	}
}
