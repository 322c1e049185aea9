package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/journal"
)

const infoHelp = `Info describes a journal: which program has written it and when, how many inputs
it has, how large it is, when the program was started, and how it ends. It reads
the whole journal.
`

const verifyHelp = `Verify checks the hashes of a journal and of its snapshots, and that its entries
are valid. If there is damage, it reports the position and the last good input,
and exits with 1.

A write that a crash has torn is at the end of the journal. The program cuts it
off when it starts again. At the end, a torn write and a change cannot be
distinguished; verify says so, and exits with 1, too.
`

func info(c *call) error {
	if err := c.only(); err != nil {
		return err
	}
	v, err := journal.Verify(c.dir, c.progress("reading"))
	if err != nil {
		return err
	}
	s := &v.Summary
	row := func(name, format string, args ...any) {
		fmt.Fprintf(c.out, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	if len(s.Heads) > 0 {
		h := s.Heads[0]
		row("format", "%d, schema %d", h.Format, h.Schema)
		row("created", "%s", clock(h.Time))
		if id := s.ID(); id != (journal.ID{}) {
			row("identity", "%v", id)
		}
		for _, b := range s.Origins() {
			row("branch", "of %v, after input %d", b.Of, b.Last)
		}
		h = s.Heads[len(s.Heads)-1]
		row("durability", "%v", h.Durability)
		row("checks", "a digest for every %s%s", plural(h.Every, "input"), map[bool]string{true: ", and a trace of each"}[h.Trace])
	}
	for i, h := range s.Heads {
		if i == 0 || h.Program != s.Heads[i-1].Program || h.Adopts {
			row("program", "%s, from input %d%s", h.Program, h.Seq+1, takeover(&h))
		}
		if len(h.Settings) > 0 && (i == 0 || !slices.Equal(h.Settings, s.Heads[i-1].Settings)) {
			row("settings", "from input %d: %s", h.Seq+1, settings(h.Settings))
		}
	}
	row("size", "%d bytes, %s, %s", v.Log.Bytes, plural(uint64(v.Log.Segments), "segment"), plural(v.Log.Records, "record"))
	if s.Last.Seq > 0 {
		row("inputs", "%d to %d: %s", s.First.Seq, s.Last.Seq, counts(s.Kinds))
		row("first", "%s", clock(s.First.Time))
		row("last", "%s", clock(s.Last.Time))
	} else {
		row("inputs", "none")
	}
	row("notes", "%s, %s, %s", plural(s.PresenceChanges, "presence change"), plural(s.Traces, "trace"), plural(s.Checks, "digest"))
	for _, in := range s.Starts {
		row("start", "input %d at %s, incarnation %d", in.Seq, clock(in.Time), in.Incarnation)
	}
	if len(s.Heads) > 0 {
		for _, r := range s.Heads[len(s.Heads)-1].Repairs {
			row("repaired", "%s, at %s", repairText(r), clock(r.Time))
		}
	}
	if len(s.Snapshots) == 0 {
		row("snapshots", "none")
	} else {
		row("snapshots", "after input %s", strings.Trim(fmt.Sprint(s.Snapshots), "[]"))
	}
	for _, b := range v.BadSnapshots {
		row("", "DAMAGED: the one after input %d: %s", b.Seq, b.Reason)
	}
	for _, b := range v.Unnoted {
		row("", "not used: the one after input %d: %s", b.Seq, b.Reason)
	}
	for _, h := range v.Log.Headers {
		row("", "DAMAGED: %v", headerDamage(h.Segment))
	}
	row("on disk", "provably up to input %d", v.Synced)
	row("end", "%s", ending(&v))
	if v.Damage != nil && !v.Ambiguous || len(v.BadSnapshots) > 0 || len(v.Log.Headers) > 0 {
		return errDamage
	}
	return nil
}

// headerDamage describes a damaged header of a segment.
func headerDamage(segment string) string {
	return fmt.Sprintf("the header of %s, which a program that opens the journal rebuilds: nothing is lost", segment)
}

// ending says how a journal ends.
func ending(v *journal.Verification) string {
	switch {
	case v.Ambiguous:
		return fmt.Sprintf("torn: %v", v.Damage)
	case v.Damage != nil:
		return fmt.Sprintf("DAMAGED: %v", v.Damage)
	case v.Summary.Stopped():
		return "intact; the program was stopped"
	}
	return "intact; no stop: the program still runs, has crashed, or had nothing left to do"
}

func verify(c *call) error {
	if err := c.only(); err != nil {
		return err
	}
	v, err := journal.Verify(c.dir, c.progress("verifying"))
	if err != nil {
		return err
	}
	if v.Damage == nil {
		switch {
		case len(v.BadSnapshots) > 0:
			fmt.Fprint(c.out, "except for snapshots ")
		case len(v.Log.Headers) > 0:
			fmt.Fprint(c.out, "except for headers ")
		}
		fmt.Fprintf(c.out, "ok: %s, %s, inputs %d to %d\nhash %v\n", plural(uint64(v.Log.Segments), "segment"), plural(v.Log.Records, "record"),
			v.Summary.First.Seq, v.Summary.Last.Seq, v.Log.Hash)
	}
	for _, b := range v.Unnoted {
		fmt.Fprintf(c.out, "not used: the snapshot after input %d, %s: %s\n", b.Seq, b.File, b.Reason)
	}
	for _, h := range v.Log.Headers {
		fmt.Fprintf(c.out, "damaged: %s\n", headerDamage(h.Segment))
	}
	for _, b := range v.BadSnapshots {
		fmt.Fprintf(c.out, "damaged: the snapshot after input %d, %s: %s\n", b.Seq, b.File, b.Reason)
	}
	if v.Damage == nil {
		if len(v.BadSnapshots) > 0 || len(v.Log.Headers) > 0 {
			return errDamage
		}
		return nil
	}
	fmt.Fprintf(c.out, "damaged: %s\n  segment %s\n  offset  %d\n  record  %d\n", v.Damage.Reason, v.Damage.Segment, v.Damage.Offset, v.Damage.Index)
	if v.Summary.Last.Seq > 0 {
		fmt.Fprintf(c.out, "the last good input is %d, at %s; input %d is provably on disk\n", v.Summary.Last.Seq, clock(v.Summary.Last.Time), v.Synced)
	} else {
		fmt.Fprintln(c.out, "no input is good")
	}
	if v.Ambiguous {
		fmt.Fprintln(c.out, "Nothing behind it proves that it was on disk, so a torn write and a change cannot be\ndistinguished. A program that opens the journal cuts it off there, and goes on.")
	}
	return errDamage
}

// clock formats a time.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000 UTC") }

func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func counts(kinds []journal.InputKind) string {
	var all []string
	for _, k := range kinds {
		all = append(all, fmt.Sprintf("%d %v", k.Count, k.Kind))
	}
	return strings.Join(all, ", ")
}

// progress returns a function that reports the progress of work that takes long: in
// place in a terminal, and otherwise in lines.
func (c *call) progress(what string) func(done, total int64) {
	begun := time.Now()
	told := begun
	pause, form := time.Second, "marketplace: %s: %d%%\n"
	if terminal(c.terminal) {
		pause, form = time.Second/5, "\r%s: %d%% "
	}
	return func(done, total int64) {
		if now := time.Now(); total > 0 && now.Sub(told) >= pause {
			told = now
			fmt.Fprintf(c.terminal, form, what, 100*done/total)
		}
		if done == total && told != begun && terminal(c.terminal) {
			fmt.Fprint(c.terminal, "\r\x1b[K")
			told = begun
		}
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// takeover says from where a program has gone on.
func takeover(h *journal.Head) string {
	var s string
	if h.Base > 0 && h.Seq > 0 {
		s = fmt.Sprintf(", on the snapshot after input %d", h.Base)
	}
	if h.Adopts {
		s += ", and has adopted the inputs before"
	}
	return s
}

func settings(all []journal.Setting) string {
	var words []string
	for _, s := range all {
		words = append(words, fmt.Sprintf("%s=%q", s.Name, s.Value))
	}
	return strings.Join(words, " ")
}
