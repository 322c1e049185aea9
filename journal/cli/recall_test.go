package cli_test

import (
	"bytes"
	"flag"
	"io"
	"log/slog"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/cli"
)

// TestIssue14RecallsNoFlagOfItsOwn: Recall sets flags of the program, and none that says what
// to do with a journal, whatever the journal has.
func TestIssue14RecallsNoFlagOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	settings := []journal.Setting{{Name: "step", Value: "true"}, {Name: "journal", Value: dir}, {Name: "fee", Value: "10"}, {Name: "gone", Value: "1"}}
	j, err := journal.Config{Program: "p", Settings: settings, Logger: slog.New(slog.DiscardHandler)}.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&ground.Ground{Journal: j}).RunFunc(t.Context(), func(actions.PID) actions.Process { return actions.Stateless() }); err != nil {
		t.Fatal(err)
	}
	set := flag.NewFlagSet("p", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	var stderr bytes.Buffer
	f := cli.Flags{Config: journal.Config{Program: "p"}, Err: &stderr}
	f.Register(set)
	fee := set.Int("fee", 0, "a fee")
	if err := set.Parse([]string{"-replay", dir}); err != nil {
		t.Fatal(err)
	}
	if err := f.Recall(); err != nil || *fee != 10 || stderr.String() != "with the flags of the recorded run: -fee=10\n" {
		t.Errorf("fee %d, %v, %q", *fee, err, stderr.String())
	}
	for _, name := range []string{"step", "journal"} {
		if g := set.Lookup(name); g.Value.String() != g.DefValue {
			t.Errorf("-%s is %s", name, g.Value)
		}
	}
}
