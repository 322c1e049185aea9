package wal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// salvaged returns what can be salvaged from a log, with the bytes in between.
func salvaged(t *testing.T, s wal.Store) string {
	t.Helper()
	var b strings.Builder
	for r, err := range wal.Salvage(s) {
		ok(t, err)
		if r.Skipped > 0 {
			fmt.Fprintf(&b, "(%d) ", r.Skipped)
		}
		if r.Payload != nil {
			fmt.Fprintf(&b, "%s ", r.Payload)
		}
	}
	return strings.TrimSpace(b.String())
}

// TestIssue14B1Aside: what is cut off from a log, torn or damaged, is in files from which
// it can be salvaged, whatever is written and cut off later.
func TestIssue14B1Aside(t *testing.T) {
	s := write(t, "one", "two", "three", "four", "rotate", "five", "six", "sync", "seven", "flush")
	sp := spans(t, s)
	harm := func(file string, at int64) {
		b := s.ReadFile(file)
		b[at] ^= 1
		s.WriteFile(file, b)
	}
	harm(firstSegment, sp[1].start+5)
	if got := salvaged(t, s); got != "one (24) three four five six seven" {
		t.Errorf("salvaged %q", got)
	}
	l, r, err := wal.Open(s, wal.Options{Cut: 2})
	ok(t, err)
	if r.Last != 1 || len(r.Cut.Aside) != 2 {
		t.Fatalf("recovery %+v, cut %+v", r, r.Cut)
	}
	appendAll(t, l, "2")
	ok(t, l.Sync())
	l.Abandon()
	for _, word := range []string{"one", "four", "five", "six", "seven", " 2"} {
		if got := salvaged(t, s); !strings.Contains(" "+got+" ", word) {
			t.Errorf("%q is not in what was salvaged: %q", word, got)
		}
	}
	for range 3 { // a torn end is cut off at the same place again and again
		f := must[wal.File](t)(s.OpenAppend(firstSegment))
		must[int](t)(f.Write([]byte("torn")))
		_, r, err := open(t, s)
		ok(t, err)
		if r.Cut == nil || r.Cut.Permitted || len(r.Cut.Aside) != 1 || !strings.HasSuffix(string(s.ReadFile(r.Cut.Aside[0])), "torn") {
			t.Errorf("cut %+v", r.Cut)
		}
	}
	wantContents(t, s, "1:one 2:2 ")
}

func open(t *testing.T, s wal.Store) (*wal.Log, wal.Recovery, error) {
	l, r, err := wal.Open(s, wal.Options{})
	if err == nil {
		l.Abandon()
	}
	return l, r, err
}

// TestIssue14B1SalvageNext: whatever has changed in a record, its length, its body or its
// hash, the next one is salvaged.
func TestIssue14B1SalvageNext(t *testing.T) {
	s := write(t, "one", "two", "three", "four", "sync")
	sp := spans(t, s)
	for at, want := range map[int64]string{
		sp[1].start:     "one (24) three four", // the length
		sp[1].start + 6: "one (24) three four",
		sp[1].end - 1:   "one (24) three four",
	} {
		c := copyOf(t, s)
		b := c.ReadFile(firstSegment)
		b[at] ^= 1
		c.WriteFile(firstSegment, b)
		if got := salvaged(t, c); got != want {
			t.Errorf("byte %d: %q, want %q", at, got, want)
		}
	}
	if err := func() (err error) {
		for _, err = range wal.Salvage(wal.NewMemory()) {
		}
		return err
	}(); !errors.Is(err, wal.ErrNoLog) {
		t.Errorf("an empty store: %v", err)
	}
}

// TestIssue14B1CrashWhileRebuilding: a crash while a header is rebuilt leaves the log whole.
func TestIssue14B1CrashWhileRebuilding(t *testing.T) {
	s := write(t, "one", "rotate", "two", "sync", "three", "sync")
	b := s.ReadFile(segmentFile(2))
	b[20] ^= 1
	s.WriteFile(segmentFile(2), b)
	for n := 1; ; n++ {
		d := diskOf(t, s)
		d.CrashAt(d.Ops()+n, n%60)
		if l, _, err := wal.Open(d, wal.Options{}); err == nil {
			l.Abandon()
			if n < 6 {
				t.Errorf("only %d operations", n)
			}
			return
		}
		for _, fate := range fates(uint64(n)) {
			after := d.Crash(fate)
			mustOpen(t, after)
			wantContents(t, after, "1:one 2:two 3:three ")
			d = after.Crash(waltest.KeepAll)
		}
	}
}
