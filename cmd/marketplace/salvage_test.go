package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
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
