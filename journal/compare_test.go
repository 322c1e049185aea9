package journal_test

import (
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vm"
)

// TestContrast: of long states, the text shows where they differ.
func TestContrast(t *testing.T) {
	long := "state journaltest.list{" + strings.Repeat("ä lot, ", 60)
	c := journal.Change{Name: "ann", Path: vm.Path{3}, Kind: journal.Changed, Before: []string{long + "seven}", "a"}, After: []string{long + "eleven}", "b", "c"}}
	want := "3 ann changed\n\t- state journaltest.list{ä lot, ä lot,  … ä lot, ä lot, ä lot, ä lot, ä lot, seven}\n\t- a\n" +
		"\t+ state journaltest.list{ä lot, ä lot,  … ä lot, ä lot, ä lot, ä lot, ä lot, eleven}\n\t+ b\n\t+ c\n"
	if got := c.String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
