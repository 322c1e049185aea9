package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// A report is what a command has found, or a line of it. With -json it is printed as a JSON
// object, whose fields docs/event-sourcing.md describes, and otherwise as text.
type report interface {
	text(w io.Writer)
}

// print prints a report.
func (c *call) print(r report) error {
	if c.json {
		return c.encode(r)
	}
	r.text(c.out)
	_, err := c.out.Write(nil) // the error of what was written before, if there is one
	return err
}

// encode prints a JSON object, in a line.
func (c *call) encode(v any) error { return encode(c.out, v) }

func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// say says something on standard error about the output.
func (c *call) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if c.json {
		_ = encode(c.stderr, struct {
			Message string `json:"message"`
		}{text})
		return
	}
	fmt.Fprintln(c.stderr, "marketplace:", text)
}

// The exit statuses. They do not change.
const (
	statusDone       = 0 // the command has done what it was asked to
	statusFailed     = 1 // it has not, or the journal is damaged
	statusUsage      = 2 // the command line is invalid
	statusIncomplete = 3 // the output lacks inputs that the program has dropped meanwhile
)

// A failure is what -json prints on standard error if the exit status is not 0.
type failure struct {
	Error  string `json:"error"`
	Kind   string `json:"kind"` // usage, damaged, dropped, no journal, locked, failed
	Status int    `json:"status"`
}

// fail says on standard error why the command has not done what it was asked to, and returns the
// exit status.
func (c *call) fail(err error) int {
	f := failure{Error: err.Error(), Kind: "failed", Status: statusFailed}
	switch {
	case errors.Is(err, errDamage), errors.As(err, new(*wal.DamageError)):
		f.Kind = "damaged"
	case errors.Is(err, errMissing):
		f.Kind, f.Status = "dropped", statusIncomplete
	case errors.Is(err, wal.ErrNoLog):
		f.Kind = "no journal"
	case errors.Is(err, wal.ErrLocked):
		f.Kind = "locked"
	}
	if c.json {
		_ = encode(c.stderr, f)
	} else {
		fmt.Fprintln(c.stderr, "marketplace:", f.Error)
	}
	return f.Status
}

// isJSON reports whether an argument is the flag -json.
func isJSON(arg string) bool {
	name, value, given := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
	return strings.HasPrefix(arg, "-") && name == "json" && (!given || value == "true")
}

// A mark is an input and its time.
type mark struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
}

// A repairReport is a change that a person has made to a history.
type repairReport struct {
	Kind  string    `json:"kind"`
	First uint64    `json:"first"`
	Last  uint64    `json:"last,omitempty"`
	Time  time.Time `json:"time"`
}

func repairOf(r journal.Repair) repairReport {
	return repairReport{r.Kind.String(), r.First, r.Last, r.Time}
}

func (r repairReport) String() string {
	what := fmt.Sprintf("inputs %d to %d", r.First, r.Last)
	switch r.Last {
	case 0:
		what = fmt.Sprintf("input %d and what followed it", r.First)
	case r.First:
		what = fmt.Sprintf("input %d", r.First)
	}
	return fmt.Sprintf("%s: %s", what, r.Kind)
}

func (r repairReport) text(w io.Writer) { fmt.Fprintln(w, r) }

// The faults of a journal.
type faults struct {
	Damage       *damageReport    `json:"damage,omitempty"`
	BadSnapshots []snapshotReport `json:"bad_snapshots,omitempty"`
	Unnoted      []snapshotReport `json:"unnoted_snapshots,omitempty"`
	Headers      []string         `json:"damaged_headers,omitempty"` // segments
}

type damageReport struct {
	Segment   string `json:"segment"`
	Offset    int64  `json:"offset"`
	Record    uint64 `json:"record"`
	Reason    string `json:"reason"`
	Ambiguous bool   `json:"ambiguous,omitempty"`
	said      string
}

type snapshotReport struct {
	Seq    uint64 `json:"seq"`
	File   string `json:"file"`
	Reason string `json:"reason"`
}

func faultsOf(v *journal.Verification) (f faults) {
	if d := v.Damage; d != nil {
		f.Damage = &damageReport{d.Segment, d.Offset, d.Index, d.Reason, v.Ambiguous, d.Error()}
	}
	f.BadSnapshots, f.Unnoted = snapshotsOf(v.BadSnapshots), snapshotsOf(v.Unnoted)
	for _, h := range v.Log.Headers {
		f.Headers = append(f.Headers, h.Segment)
	}
	return f
}

func snapshotsOf(all []journal.BadSnapshot) (s []snapshotReport) {
	for _, b := range all {
		s = append(s, snapshotReport(b))
	}
	return s
}

// damaged reports whether something is damaged, except perhaps by a crash.
func (f *faults) damaged() bool {
	return f.Damage != nil && !f.Damage.Ambiguous || len(f.BadSnapshots) > 0 || len(f.Headers) > 0
}

// A copyReport describes a copy of a journal.
type copyReport struct {
	Dir      string           `json:"dir"`
	Identity string           `json:"identity,omitempty"`
	First    uint64           `json:"first"`
	Last     uint64           `json:"last"`
	Hash     string           `json:"hash"`
	LeftOut  []snapshotReport `json:"left_out,omitempty"` // snapshots
	branch   bool
}

func copyOf(dir string, v *journal.Verification) copyReport {
	return copyReport{Dir: dir, Identity: identity(v.Summary.ID()), First: v.Summary.First.Seq, Last: v.Summary.Last.Seq, Hash: v.Log.Hash.String(), LeftOut: snapshotsOf(v.BadSnapshots)}
}

func (r copyReport) text(w io.Writer) {
	fmt.Fprintf(w, "%s: inputs %d to %d\n", r.Dir, r.First, r.Last)
	if r.branch {
		fmt.Fprintf(w, "identity %s\n", r.Identity)
	}
	fmt.Fprintf(w, "hash %s\n", r.Hash)
}

// identity returns the text of an ID, or "" if there is none.
func identity(id journal.ID) string {
	if id == (journal.ID{}) {
		return ""
	}
	return id.String()
}
