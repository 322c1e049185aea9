package main

import (
	"fmt"
	"io"

	"github.com/go-marketplace/marketplace/journal"
)

const verifyHelp = `Verify checks the hashes of a journal and of its snapshots, and that its entries
are valid. If there is damage, it reports the position and the last good input,
and exits with 1.

A write that a crash has torn is at the end of the journal. The program cuts it
off when it starts again. At the end, a torn write and a change cannot be
distinguished; verify says so, and exits with 1, too.
`

// A verifyReport is the result of verifying a journal. Its inputs are those of the intact part.
type verifyReport struct {
	OK       bool   `json:"ok"` // nothing is wrong
	Segments int    `json:"segments"`
	Records  uint64 `json:"records"`
	First    *mark  `json:"first,omitempty"`
	Last     *mark  `json:"last,omitempty"`
	Synced   uint64 `json:"synced"`
	Hash     string `json:"hash"`
	faults
}

func verify(c *call) error {
	if err := c.only(); err != nil {
		return err
	}
	v, err := journal.VerifyStore(c.store(), c.progress("verifying"))
	if err != nil {
		return err
	}
	s := &v.Summary
	r := &verifyReport{Segments: v.Log.Segments, Records: v.Log.Records, Synced: v.Synced, Hash: v.Log.Hash.String(), faults: faultsOf(&v)}
	if s.Last.Seq > 0 {
		r.First, r.Last = &mark{s.First.Seq, s.First.Time}, &mark{s.Last.Seq, s.Last.Time}
	}
	r.OK = r.Damage == nil && !r.damaged()
	if err := c.print(r); err != nil && r.OK {
		return err
	}
	if !r.OK {
		return errDamage
	}
	return nil
}

func (r *verifyReport) text(w io.Writer) {
	if r.Damage == nil {
		switch {
		case len(r.BadSnapshots) > 0:
			fmt.Fprint(w, "except for snapshots ")
		case len(r.Headers) > 0:
			fmt.Fprint(w, "except for headers ")
		}
		var first, last mark
		if r.Last != nil {
			first, last = *r.First, *r.Last
		}
		fmt.Fprintf(w, "ok: %s, %s, inputs %d to %d\nhash %s\n", plural(uint64(r.Segments), "segment"), plural(r.Records, "record"), first.Seq, last.Seq, r.Hash)
	}
	for _, b := range r.Unnoted {
		fmt.Fprintf(w, "not used: the snapshot after input %d, %s: %s\n", b.Seq, b.File, b.Reason)
	}
	for _, h := range r.Headers {
		fmt.Fprintf(w, "damaged: %s\n", headerDamage(h))
	}
	for _, b := range r.BadSnapshots {
		fmt.Fprintf(w, "damaged: the snapshot after input %d, %s: %s\n", b.Seq, b.File, b.Reason)
	}
	if r.Damage == nil {
		return
	}
	fmt.Fprintf(w, "damaged: %s\n  segment %s\n  offset  %d\n  record  %d\n", r.Damage.Reason, r.Damage.Segment, r.Damage.Offset, r.Damage.Record)
	if r.Last != nil {
		fmt.Fprintf(w, "the last good input is %d, at %s; input %d is provably on disk\n", r.Last.Seq, clock(r.Last.Time), r.Synced)
	} else {
		fmt.Fprintln(w, "no input is good")
	}
	if r.Damage.Ambiguous {
		fmt.Fprintln(w, "Nothing behind it proves that it was on disk, so a torn write and a change cannot be\ndistinguished. A program that opens the journal cuts it off there, and goes on.")
	}
}

// headerDamage describes a damaged header of a segment.
func headerDamage(segment string) string {
	return fmt.Sprintf("the header of %s, which a program that opens the journal rebuilds: nothing is lost", segment)
}
