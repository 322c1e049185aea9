package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vmtest"
)

var (
	now    = regexp.MustCompile(`"20[2-9][0-9]-[0-9T:.-]+Z"`)
	random = regexp.MustCompile(`("identity"|"hash"):"[0-9a-f]{32}"`)
)

// jsonResult is result with -json. It checks that all of the output is JSON objects, one a line.
func jsonResult(t *testing.T, dir string, args ...string) string {
	t.Helper()
	var out, report bytes.Buffer
	args = append(args, "--json")
	status := run(append([]string{"journal"}, args...), &out, &report)
	for line := range strings.Lines(out.String() + report.String()) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil || !strings.HasSuffix(line, "}\n") {
			t.Errorf("%q: %q is not an object: %v", args, line, err)
		}
	}
	var last failure
	lines := strings.Split(strings.TrimSpace(report.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); status != 0 && err != nil || last.Status != status {
		t.Errorf("%q: status %d, and standard error says %s", args, status, &report)
	}
	return now.ReplaceAllString(shown(dir, args, &out, &report, status), `"NOW"`)
}

// TestIssue14JSON: what each command prints with -json, and its exit status.
func TestIssue14JSON(t *testing.T) {
	var all strings.Builder
	add := func(dir string, args ...string) {
		t.Helper()
		all.WriteString(jsonResult(t, dir, args...))
	}
	whole := bakery(t, 0, false)
	for _, args := range [][]string{
		{"info"}, {"verify"}, {"list", "-kind", "value,end", "-from", "4"}, {"tail", "-n", "2"}, {"cat", "5", "7"}, {"export", "-from", "6"}, {"salvage"},
		{"presence"}, {"presence", "-timeline", "-topic", "*spelt*"},
	} {
		add(whole, append([]string{args[0], whole}, args[1:]...)...)
	}
	traced := bakery(t, 0, true)
	add(traced, "cat", traced, "7")
	changed := bakeryWith(t, 3*time.Second, journal.Config{Types: types, Settings: []journal.Setting{{Name: "addr", Value: ":8080"}, {Name: "name", Value: ""}}})
	add(changed, "info", changed)
	old := bakeryWith(t, 0, journal.Config{Types: types, SnapshotEvery: 2, SegmentSize: 200, DropOld: true})
	add(old, "presence", old)
	add(old, "list", old)
	snapshots, err := filepath.Glob(filepath.Join(old, "*.snapshot"))
	if err != nil || len(snapshots) == 0 {
		t.Fatal(snapshots, err)
	}
	change(t, snapshots[0], func(b []byte) []byte { b[len(b)-1]++; return b })
	add(old, "verify", old)
	damaged := damagedBakery(t)
	for _, command := range []string{"info", "verify", "list"} {
		add(damaged, command, damaged)
	}
	// These make copies, and change the journal.
	golden, err := filepath.Abs("testdata/json.golden")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	add(whole, "backup", whole, "copy")
	add(whole, "backup", damaged, "damaged")
	restored := jsonResult(t, whole, "restore", "-to", "5", whole, "branch")
	all.WriteString(random.ReplaceAllString(restored, `$1:"RANDOM"`))
	all.WriteString(random.ReplaceAllString(jsonResult(t, whole, "info", "branch"), `$1:"RANDOM"`))
	add(whole, "skip", whole, "6")
	add(whole, "truncate", whole, "-after", "6")
	add(whole, "info", whole)
	// These are wrong.
	for _, args := range [][]string{
		{"info", "none"}, {"cat", whole, "99"}, {"cat", whole, "5-3"}, {"list", whole, "-kind", "valve"}, {"list", "-x", whole}, {"list"},
		{"info", whole, "another"}, {"truncate", whole}, {"truncate", whole, "-after", "99"}, {"restore", whole, "copy"}, {"restore", whole, "-to", "99", "none"},
	} {
		add(whole, args...)
	}
	vmtest.Golden(t, golden, strings.ReplaceAll(all.String(), damaged, "DAMAGED"))
}

// TestIssue14JSONHelp: -h is the same with -json, and the flag can have a value.
func TestIssue14JSONHelp(t *testing.T) {
	for _, c := range commands {
		if got, want := result("", c.name, "-json", "-h"), result("", c.name, "-h"); got[strings.Index(got, "\n"):] != want[strings.Index(want, "\n"):] {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	dir := bakery(t, 0, false)
	if got := result(dir, "verify", "-json=false", dir); !strings.Contains(got, "\nok: ") {
		t.Error(got)
	}
	if got := result(dir, "verify", "-json=true", dir); !strings.Contains(got, `{"ok":true,`) {
		t.Error(got)
	}
}
