package cli_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/keys"
	"github.com/go-marketplace/marketplace/sealed"
	"github.com/go-marketplace/marketplace/world"
)

// A booking is a value of the book, which has two.
type booking struct {
	Table int
	Name  sealed.Value[string]
}

func init() { world.Register[booking]("kitchen.booking") }

type book struct{}

func (book) DeviceName() string { return "book" }

func (book) Open(context.Context, world.Env) (world.Handle, error) {
	return &openBook{bookings: []booking{{1, sealed.For("g1", "ann the guest")}, {2, sealed.For("g2", "bob the guest")}}}, nil
}

type openBook struct{ bookings []booking }

func (o *openBook) Recv() (any, error) {
	if len(o.bookings) == 0 {
		return nil, io.EOF
	}
	b := o.bookings[0]
	o.bookings = o.bookings[1:]
	return b, nil
}

func (o *openBook) Do(any) error                    { return nil }
func (o *openBook) Try(commands []any) (int, error) { return len(commands), nil }
func (o *openBook) Close() error                    { return nil }

func restaurant() journal.Program {
	return journal.Booting(actions.Spawn(actions.Next(sealed.Value[string]{},
		endpoint.Device(book{}, endpoint.OnValueState(func(s sealed.Value[string], b booking) actions.Transition[sealed.Value[string]] {
			return actions.Next(b.Name)
		})))).Named("host"))
}

// TestIssue14KeysOfFlags: -journal-keys seals values, with keys that -journal-master encrypts; a
// replay needs them, and says what it could not compare after an erasure.
func TestIssue14KeysOfFlags(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("master"), []byte(strings.Repeat("a0", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	withKeys := []string{"-journal-keys", in("keys"), "-journal-master", in("master")}
	for _, tt := range []struct {
		args   []string
		status int
		says   string
	}{
		{withKeys[:2], 2, "-journal-keys needs -journal, -replay or -rehearse"},
		{[]string{"-journal", in("j"), "-journal-master", in("master")}, 2, "-journal-master needs -journal-keys"},
		{[]string{"-journal", in("j"), "-journal-keys", ""}, 2, "-journal-keys needs a folder"},
		{[]string{"-journal", in("j"), "-journal-keys", in("keys"), "-journal-master", in("none")}, 1, "none"},
		{append([]string{"-journal", in("j")}, withKeys...), 1, "ended without a stop"},
		{append([]string{"-replay", in("j")}, withKeys...), 0, "no difference in what was compared, checks: 4"},
		{[]string{"-replay", in("j")}, 1, `sealed for "g1"`},
		{[]string{"-replay", in("j"), "-journal-keys", in("keys")}, 1, "no master key"},
		{append([]string{"-replay", in("j"), "-diff", "1,3"}, withKeys...), 0, "sealed(g2)"},
	} {
		status, out, e := call(t, restaurant(), "", tt.args...)
		if status != tt.status || !strings.Contains(out+e, tt.says) || strings.Contains(out+e, "the guest") {
			t.Errorf("%v: status %d\n%s%s", tt.args, status, out, e)
		}
	}
	if err := keys.Dir(in("keys"), nil).Erase("g2"); err != nil {
		t.Fatal(err)
	}
	status, out, e := call(t, restaurant(), "", append([]string{"-replay", in("j")}, withKeys...)...)
	want := "  not comparable: 2 inputs from input 3 on, because a value there, or before it, was erased\n"
	if status != 0 || !strings.Contains(out, want) {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
}

// TestIssue14EncryptedByFlags: with -journal-encrypt, no file of a journal has anything that can
// be read, and opening it needs the key.
func TestIssue14EncryptedByFlags(t *testing.T) {
	dir := t.TempDir()
	j, key := filepath.Join(dir, "j"), filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("a1", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"-journal-encrypt", key}, 2, "-journal-encrypt needs -journal, -replay or -rehearse"},
		{[]string{"-journal", j, "-journal-encrypt", j}, 1, "keys: "},
		{[]string{"-replay", j, "-journal-encrypt", key}, 1, "journal: " + j + ": wal: there is no journal here"},
		{[]string{"-journal", j, "-journal-encrypt", key}, 1, "ended without a stop"},
		{[]string{"-journal", j, "-journal-encrypt", key}, 1, "ended without a stop"},
		{[]string{"-journal", j, "-settle", "-journal-encrypt", key}, 0, "there is a snapshot after input"},
		{[]string{"-replay", j, "-journal-encrypt", key}, 0, "no difference in what was compared"},
		{[]string{"-replay", j}, 1, "is encrypted, and is opened without its key"},
		{[]string{"-journal", j}, 1, "is encrypted, and is opened without its key"},
	} {
		status, out, e := call(t, cabinet(), "", tt.args...)
		if status != tt.status || !strings.Contains(out+e, tt.says) {
			t.Errorf("%v: status %d\n%s%s", tt.args, status, out, e)
		}
	}
	files, err := os.ReadDir(j)
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(j, f.Name()))
		if err != nil || strings.Contains(string(data), "drawer") || strings.Contains(string(data), "cabinet") {
			t.Errorf("%s: %q, %v", f.Name(), data, err)
		}
	}
}

// A cabinet ends at once, and is saved.
type drawer struct{ N int }

var drawers = actions.Define("cabinet.drawer", func(drawer) actions.Action { return nil })

func cabinet() journal.Program {
	p := journal.Booting(drawers.Spawn(drawer{1}).Named("drawer"))
	p.Types = []actions.Type{drawers.Type}
	return p
}
