package wal_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/journal/wal"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(lockEnv); path != "" {
		holdLock(path)
		return
	}
	if path := os.Getenv(killEnv); path != "" {
		appendForEver(path)
		return
	}
	goleak.VerifyTestMain(m)
}

// mustOpen opens a log that is expected to be all right.
func mustOpen(t testing.TB, s wal.Store) *wal.Log {
	t.Helper()
	l, r, err := wal.Open(s, wal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Abandon)
	if r.Cut != nil {
		t.Fatalf("cut at %v: %s", r.Cut.Position, r.Cut.Reason)
	}
	return l
}

// ok fails the test if there is an error.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must returns the value, if there is no error.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

// appendAll appends payloads.
func appendAll(t testing.TB, l *wal.Log, payloads ...string) {
	t.Helper()
	for _, p := range payloads {
		if _, err := l.Append([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
}

// contents returns what a reader reads of a log, record by record, and the
// error at its end.
func contents(t testing.TB, s wal.Store) (string, error) {
	t.Helper()
	r, err := wal.Read(s)
	if errors.Is(err, wal.ErrNoLog) {
		return "", nil
	}
	ok(t, err)
	var b strings.Builder
	for rec, err := range r.Records(0) {
		if err != nil {
			return b.String(), err
		}
		fmt.Fprintf(&b, "%d:%s ", rec.Index, rec.Payload)
	}
	return b.String(), nil
}

// wantContents checks what a reader reads.
func wantContents(t testing.TB, s wal.Store, want string) {
	t.Helper()
	got, err := contents(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("the log has %q, want %q", got, want)
	}
}

// damageOf returns the damage that an error is about.
func damageOf(t testing.TB, err error) *wal.DamageError {
	t.Helper()
	var d *wal.DamageError
	if !errors.As(err, &d) {
		t.Fatalf("got %v, want a DamageError", err)
	}
	return d
}
