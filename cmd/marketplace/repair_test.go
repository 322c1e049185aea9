package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
)

// TestIssue14B1SalvageCommand: salvage writes the inputs before the damage and behind it,
// and says how much cannot be read.
func TestIssue14B1SalvageCommand(t *testing.T) {
	numbers := func(command, dir string) (all []float64, report string) {
		var out, report2 bytes.Buffer
		if status := run([]string{"journal", command, dir}, &out, &report2); command == "salvage" && status != 0 {
			t.Fatalf("%s: status %d, %s", command, status, &report2)
		}
		for dec := json.NewDecoder(&out); ; {
			var l map[string]any
			if err := dec.Decode(&l); err == io.EOF {
				return all, report2.String()
			} else if err != nil {
				t.Fatal(err)
			}
			if command == "salvage" && (l["file"] == nil || l["offset"] == nil) {
				t.Errorf("an input without its place: %v", l)
			}
			all = append(all, l["seq"].(float64))
		}
	}
	dir := damagedBakery(t)
	before, _ := numbers("export", dir)
	saved, report := numbers("salvage", dir)
	last := saved[len(saved)-1]
	if len(saved) < len(before)+2 || last < before[len(before)-1]+3 {
		t.Errorf("%v were salvaged, %v come before the damage", saved, before)
	}
	if !strings.Contains(report, "cannot be read") {
		t.Errorf("the report is %q", report)
	}
	whole, _ := numbers("salvage", bakery(t, 0, false))
	if float64(len(whole)) != whole[len(whole)-1] {
		t.Errorf("%v of a whole journal", whole)
	}
}

// TestIssue14B5Commands: truncate and skip change the journal, and info and list show it.
func TestIssue14B5Commands(t *testing.T) {
	dir := bakery(t, 0, false)
	for _, tt := range []struct {
		args   []string
		want   string
		status int
	}{
		{[]string{"truncate", dir}, "-after is missing", 2},
		{[]string{"truncate", "-after", "99", dir}, "nothing can be cut off after input 99", 1},
		{[]string{"truncate", "-after", "5", dir}, "inputs 6 to 7: truncated\n", 0},
		{[]string{"skip", dir}, "the number of an input is missing", 2},
		{[]string{"skip", dir, "x"}, "not the number of an input", 2},
		{[]string{"skip", dir, "1"}, "cannot be skipped", 1},
		{[]string{"skip", dir, "5"}, "input 5: skipped\n", 0},
		{[]string{"info", dir}, "repaired    inputs 6 to 7: truncated, at ", 0},
		{[]string{"info", dir}, "repaired    input 5: skipped, at ", 0},
		{[]string{"list", "-from", "5", dir}, ": skipped\n", 0},
		{[]string{"cat", dir, "5"}, "a machine does not get it", 0},
		{[]string{"export", "-from", "5", dir}, `"skipped":true`, 0},
		{[]string{"verify", dir}, "inputs 1 to 5", 0},
	} {
		var out, report bytes.Buffer
		if status := run(append([]string{"journal"}, tt.args...), &out, &report); status != tt.status || !strings.Contains(out.String()+report.String(), tt.want) {
			t.Errorf("%q: status %d\n%s%s", tt.args, status, &out, &report)
		}
	}
}

// TestIssue14B8Escapes: what is in a journal does not control the terminal.
func TestIssue14B8Escapes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "crafted.journal")
	evil := counter{"c\x1b]0;owned\a\u009b\u202e"}
	synctest.Test(t, func(t *testing.T) {
		j, err := journal.Config{Program: "p\x1b[2J", Logger: slog.New(slog.DiscardHandler)}.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&ground.Ground{Journal: j}).Run(t.Context(), actions.Spawn(actions.Stateless(
			endpoint.Device(evil, endpoint.OnEnded(func(err error) actions.Action { return actions.Quit() })),
			endpoint.Publisher(topic.Where(bread.Is("r\x1b[8m"))),
		)).Named("n\x1b[8m")); err != nil {
			t.Fatal(err)
		}
	})
	for _, args := range [][]string{{"info"}, {"list"}, {"cat"}, {"export"}, {"presence"}, {"salvage"}, {"verify"}, {"cat", "99\x1b"}} {
		var out, report bytes.Buffer
		run(append([]string{"journal", args[0], dir}, args[1:]...), &out, &report)
		all := out.String() + report.String()
		if strings.ContainsAny(all, "\x1b\a\u009b\u202e") || len(all) < 20 {
			t.Errorf("%v: %q", args, all)
		}
	}
}

// TestBackupCommand: backup makes a copy that verify finds whole, and says so of a damaged
// one.
func TestBackupCommand(t *testing.T) {
	dir, damaged := bakery(t, 0, false), damagedBakery(t)
	to := filepath.Join(t.TempDir(), "copy")
	for _, tt := range []struct {
		args   []string
		want   string
		status int
	}{
		{[]string{"backup", dir}, "the folder for the copy is missing", 2},
		{[]string{"backup", dir, to}, to + ": inputs 1 to 7\nhash ", 0},
		{[]string{"verify", to}, "inputs 1 to 7\nhash ", 0},
		{[]string{"backup", dir, to}, to + ": file already exists", 1},
		{[]string{"backup", to + "x", to + "y"}, to + "x: wal: there is no journal here", 1},
		{[]string{"backup", damaged, to + "2"}, "is copied to " + to + "2, with its damage: ", 1},
		{[]string{"verify", to + "2"}, "damaged: ", 1},
	} {
		var out, report bytes.Buffer
		if status := run(append([]string{"journal"}, tt.args...), &out, &report); status != tt.status || !strings.Contains(out.String()+report.String(), tt.want) {
			t.Errorf("%q: status %d\n%s%s", tt.args, status, &out, &report)
		}
	}
}
