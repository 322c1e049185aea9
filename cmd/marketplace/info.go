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

// An infoReport describes a journal.
type infoReport struct {
	Format          uint64          `json:"format"`
	Schema          uint64          `json:"schema"`
	Created         time.Time       `json:"created"`
	Identity        string          `json:"identity,omitempty"`
	Origins         []originReport  `json:"origins,omitempty"`
	Durability      string          `json:"durability,omitempty"`
	CheckEvery      uint64          `json:"check_every"`
	Trace           bool            `json:"trace"`
	Programs        []programReport `json:"programs,omitempty"`
	Bytes           int64           `json:"bytes"`
	Segments        int             `json:"segments"`
	Records         uint64          `json:"records"`
	First           *mark           `json:"first,omitempty"`
	Last            *mark           `json:"last,omitempty"`
	Kinds           []kindReport    `json:"kinds,omitempty"`
	PresenceChanges uint64          `json:"presence_changes"`
	Traces          uint64          `json:"traces"`
	Digests         uint64          `json:"digests"`
	Starts          []startReport   `json:"starts,omitempty"`
	Repairs         []repairReport  `json:"repairs,omitempty"`
	Snapshots       []uint64        `json:"snapshots,omitempty"`
	Synced          uint64          `json:"synced"`
	Stopped         bool            `json:"stopped"`
	faults
}

type originReport struct {
	Of   string `json:"of"`
	Last uint64 `json:"last"`
}

// A programReport says which program, or which settings, a journal has from an input on.
type programReport struct {
	First    uint64          `json:"first"`
	Program  string          `json:"program,omitempty"` // empty if it is the one before
	Base     uint64          `json:"base,omitempty"`
	Adopts   bool            `json:"adopts,omitempty"`
	Settings []settingReport `json:"settings,omitempty"` // empty if they are the ones before
}

type settingReport struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type kindReport struct {
	Kind  string `json:"kind"`
	Count uint64 `json:"count"`
}

type startReport struct {
	mark
	Incarnation uint64 `json:"incarnation"`
}

func info(c *call) error {
	if err := c.only(); err != nil {
		return err
	}
	v, err := journal.VerifyStore(c.store(), c.progress("reading"))
	if err != nil {
		return err
	}
	r := infoOf(&v)
	if err := c.print(r); err != nil && !r.damaged() {
		return err
	}
	if r.damaged() {
		return errDamage
	}
	return nil
}

func infoOf(v *journal.Verification) *infoReport {
	s := &v.Summary
	r := &infoReport{Identity: identity(s.ID()), Bytes: v.Log.Bytes, Segments: v.Log.Segments, Records: v.Log.Records,
		PresenceChanges: s.PresenceChanges, Traces: s.Traces, Digests: s.Checks, Snapshots: s.Snapshots, Synced: v.Synced, Stopped: s.Stopped(), faults: faultsOf(v)}
	for i, h := range s.Heads {
		p := programReport{First: h.Seq + 1}
		if i == 0 || h.Program != s.Heads[i-1].Program || h.Adopts {
			p.Program, p.Base, p.Adopts = h.Program, h.Base, h.Adopts
		}
		if i == 0 || !slices.Equal(h.Settings, s.Heads[i-1].Settings) {
			for _, set := range h.Settings {
				p.Settings = append(p.Settings, settingReport(set))
			}
		}
		if p.Program != "" || len(p.Settings) > 0 {
			r.Programs = append(r.Programs, p)
		}
	}
	if n := len(s.Heads); n > 0 {
		first, last := s.Heads[0], s.Heads[n-1]
		r.Format, r.Schema, r.Created = first.Format, first.Schema, first.Time
		r.Durability, r.CheckEvery, r.Trace = last.Durability.String(), last.Every, last.Trace
		for _, o := range s.Origins() {
			r.Origins = append(r.Origins, originReport{o.Of.String(), o.Last})
		}
		for _, e := range last.Repairs {
			r.Repairs = append(r.Repairs, repairOf(e))
		}
	}
	if s.Last.Seq > 0 {
		r.First, r.Last = &mark{s.First.Seq, s.First.Time}, &mark{s.Last.Seq, s.Last.Time}
	}
	for _, k := range s.Kinds {
		r.Kinds = append(r.Kinds, kindReport{k.Kind.String(), k.Count})
	}
	for _, in := range s.Starts {
		r.Starts = append(r.Starts, startReport{mark{in.Seq, in.Time}, in.Incarnation})
	}
	return r
}

func (r *infoReport) text(w io.Writer) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	if r.Format > 0 {
		row("format", "%d, schema %d", r.Format, r.Schema)
		row("created", "%s", clock(r.Created))
		if r.Identity != "" {
			row("identity", "%s", r.Identity)
		}
		for _, o := range r.Origins {
			row("branch", "of %s, after input %d", o.Of, o.Last)
		}
		row("durability", "%s", r.Durability)
		row("checks", "a digest for every %s%s", plural(r.CheckEvery, "input"), map[bool]string{true: ", and a trace of each"}[r.Trace])
	}
	for _, p := range r.Programs {
		if p.Program != "" {
			row("program", "%s, from input %d%s", p.Program, p.First, p.takeover())
		}
		if len(p.Settings) > 0 {
			row("settings", "from input %d: %s", p.First, settings(p.Settings))
		}
	}
	row("size", "%d bytes, %s, %s", r.Bytes, plural(uint64(r.Segments), "segment"), plural(r.Records, "record"))
	if r.Last != nil {
		row("inputs", "%d to %d: %s", r.First.Seq, r.Last.Seq, counts(r.Kinds))
		row("first", "%s", clock(r.First.Time))
		row("last", "%s", clock(r.Last.Time))
	} else {
		row("inputs", "none")
	}
	row("notes", "%s, %s, %s", plural(r.PresenceChanges, "presence change"), plural(r.Traces, "trace"), plural(r.Digests, "digest"))
	for _, in := range r.Starts {
		row("start", "input %d at %s, incarnation %d", in.Seq, clock(in.Time), in.Incarnation)
	}
	for _, e := range r.Repairs {
		row("repaired", "%s, at %s", e, clock(e.Time))
	}
	if len(r.Snapshots) == 0 {
		row("snapshots", "none")
	} else {
		row("snapshots", "after input %s", strings.Trim(fmt.Sprint(r.Snapshots), "[]"))
	}
	for _, b := range r.BadSnapshots {
		row("", "DAMAGED: the one after input %d: %s", b.Seq, b.Reason)
	}
	for _, b := range r.Unnoted {
		row("", "not used: the one after input %d: %s", b.Seq, b.Reason)
	}
	for _, h := range r.Headers {
		row("", "DAMAGED: %v", headerDamage(h))
	}
	row("on disk", "provably up to input %d", r.Synced)
	row("end", "%s", r.ending())
}

// ending says how a journal ends.
func (r *infoReport) ending() string {
	switch {
	case r.Damage != nil && r.Damage.Ambiguous:
		return "torn: " + r.Damage.said
	case r.Damage != nil:
		return "DAMAGED: " + r.Damage.said
	case r.Stopped:
		return "intact; the program was stopped"
	}
	return "intact; no stop: the program still runs, has crashed, or had nothing left to do"
}

// clock formats a time.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000 UTC") }

func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func counts(kinds []kindReport) string {
	var all []string
	for _, k := range kinds {
		all = append(all, fmt.Sprintf("%d %s", k.Count, k.Kind))
	}
	return strings.Join(all, ", ")
}

// progress returns a function that reports the progress of work that takes long: in
// place in a terminal, and otherwise in lines.
func (c *call) progress(what string) func(done, total int64) {
	if c.json {
		return nil
	}
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
func (p *programReport) takeover() string {
	var s string
	if p.Base > 0 && p.First > 1 {
		s = fmt.Sprintf(", on the snapshot after input %d", p.Base)
	}
	if p.Adopts {
		s += ", and has adopted the inputs before"
	}
	return s
}

func settings(all []settingReport) string {
	var words []string
	for _, s := range all {
		words = append(words, fmt.Sprintf("%s=%q", s.Name, s.Value))
	}
	return strings.Join(words, " ")
}
