package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/journal/keys"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

var diskKey = keys.Key{1, 2, 3}

// TestIssue14EncryptedCrash is TestCrash for a log in an encrypted store.
func TestIssue14EncryptedCrash(t *testing.T) {
	for n := 1; ; n++ {
		d := waltest.NewDisk()
		d.CrashAt(n, n%250)
		var st story
		err := st.live(keys.Encrypt(d, diskKey))
		if err == nil {
			if n < 35 {
				t.Errorf("only %d operations", n)
			}
			return
		}
		if !errors.Is(err, waltest.ErrCrashed) {
			t.Fatal(n, err)
		}
		all := fates(uint64(n))
		for _, name := range []string{"lost", "kept", "random 0", "random 1"} {
			fate := all[name]
			what := fmt.Sprintf("crash at operation %d, the rest is %s", n, name)
			left := d.Crash(fate)
			// It crashes at each operation of the recovery, too.
			for m := 1; ; m++ {
				d := left.Crash(waltest.KeepAll)
				d.CrashAt(m, m%250)
				s := keys.Encrypt(d, diskKey)
				l, r, err := wal.Open(s, wal.Options{})
				if errors.Is(err, waltest.ErrCrashed) {
					for _, fate := range []func(int) int{waltest.LoseAll, waltest.KeepAll, fates(uint64(m))["random 0"]} {
						again := keys.Encrypt(d.Crash(fate), diskKey)
						l, r, err := wal.Open(again, wal.Options{})
						if err == nil {
							l.Abandon()
							err = st.check(again, r)
						}
						if err != nil {
							t.Errorf("%s, and at operation %d of the recovery: %v", what, m, err)
						}
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", what, err)
					break
				}
				if err := st.check(s, r); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				l.Abandon()
				d.Plan(nil)
				var next story
				if err := next.live(s); err != nil {
					t.Errorf("%s, and then: %v", what, err)
				}
				break
			}
		}
	}
}

// TestIssue14EncryptedFailures is TestFailures for a log in an encrypted store.
func TestIssue14EncryptedFailures(t *testing.T) {
	for n := 1; ; n++ {
		d := waltest.NewDisk()
		d.Plan(func(op waltest.Op) waltest.Fault {
			if op.N == n {
				return waltest.Fault{Err: waltest.ErrFault, Written: n * 7 % 200}
			}
			return waltest.Fault{}
		})
		var st story
		err := st.live(keys.Encrypt(d, diskKey))
		if err == nil {
			return
		}
		if !errors.Is(err, waltest.ErrFault) {
			t.Fatal(n, err)
		}
		after := keys.Encrypt(d.Crash(waltest.LoseAll), diskKey)
		l, r, err := wal.Open(after, wal.Options{})
		if err == nil {
			l.Abandon()
			err = st.check(after, r)
		}
		if err != nil {
			t.Errorf("operation %d fails: %v", n, err)
		}
	}
}

// TestIssue14EncryptedStore: an encrypted store does what the store below does, and nothing that
// is written to it is in the files below.
func TestIssue14EncryptedStore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain, below := wal.NewMemory(), wal.NewMemory()
		stores := [2]wal.Store{plain, keys.Encrypt(below, diskKey)}
		names := rapid.SampledFrom([]string{"a", "b", "c"})
		var open [2]wal.File
		both := func(what string, f func(i int, s wal.Store) error) bool {
			e0, e1 := f(0, stores[0]), f(1, stores[1])
			if (e0 == nil) != (e1 == nil) {
				t.Fatalf("%s: %v, encrypted: %v", what, e0, e1)
			}
			return e0 == nil
		}
		closeAll := func() {
			for i := range open {
				if open[i] != nil {
					_ = open[i].Close()
				}
				open[i] = nil
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"create": func(t *rapid.T) {
				closeAll()
				name := names.Draw(t, "name")
				both("create", func(i int, s wal.Store) (err error) { open[i], err = s.Create(name); return err })
			},
			"append": func(t *rapid.T) {
				closeAll()
				name := names.Draw(t, "name")
				both("open", func(i int, s wal.Store) (err error) { open[i], err = s.OpenAppend(name); return err })
			},
			"write": func(t *rapid.T) {
				if open[0] == nil {
					t.Skip()
				}
				b := bytes.Repeat([]byte("secret"), rapid.IntRange(0, 20).Draw(t, "times"))
				both("write", func(i int, _ wal.Store) error { _, err := open[i].Write(b); return err })
			},
			"truncate": func(t *rapid.T) {
				closeAll()
				name, size := names.Draw(t, "name"), rapid.Int64Range(0, 50).Draw(t, "size")
				both("truncate", func(_ int, s wal.Store) error { return s.Truncate(name, size) })
			},
			"rename": func(t *rapid.T) {
				closeAll()
				from, to := names.Draw(t, "from"), names.Draw(t, "to")
				both("rename", func(_ int, s wal.Store) error { return s.Rename(from, to) })
			},
			"remove": func(t *rapid.T) {
				closeAll()
				name := names.Draw(t, "name")
				both("remove", func(_ int, s wal.Store) error { return s.Remove(name) })
			},
			"lock": func(t *rapid.T) {
				both("lock", func(_ int, s wal.Store) error {
					l, err := s.Lock()
					if err == nil {
						err = l.Close()
					}
					return err
				})
			},
			"": func(t *rapid.T) {
				list, _ := stores[1].List()
				for _, name := range list {
					want := plain.ReadFile(name)
					c, err := stores[1].Open(name)
					if err != nil || want == nil || c.Size() != int64(len(want)) {
						t.Fatalf("%s: %v", name, err)
					}
					from := rapid.IntRange(0, len(want)).Draw(t, "from")
					got := make([]byte, len(want)-from)
					if n, err := c.ReadAt(got, int64(from)); n != len(got) || !bytes.Equal(got, want[from:]) || len(got) > 0 && err != nil {
						t.Fatalf("%s from %d: %q, %v, want %q", name, from, got, err, want[from:])
					}
					if bytes.Contains(below.ReadFile(name), []byte("secret")) {
						t.Fatalf("%s is not encrypted", name)
					}
				}
			},
		})
	})
}

// TestIssue14EncryptedAnew: a file that is cut off or written to once more is encrypted with
// another key stream.
func TestIssue14EncryptedAnew(t *testing.T) {
	below := wal.NewMemory()
	write := func(again bool, b []byte) {
		s := keys.Encrypt(below, diskKey)
		open := s.Create
		if again {
			open = s.OpenAppend
		}
		f, err := open("a")
		ok(t, err)
		_, err = f.Write(b)
		ok(t, err)
		ok(t, f.Close())
	}
	zeros := make([]byte, 100)
	write(false, zeros) // so that the file has the key stream
	one := below.ReadFile("a")
	ok(t, keys.Encrypt(below, diskKey).Truncate("a", 50))
	write(true, zeros[:50])
	two := below.ReadFile("a")
	if len(one) != len(two) || bytes.Equal(one[128+50:], two[128+50:]) || bytes.Equal(one[128:128+50], two[128:128+50]) {
		t.Error("one key stream has two contents")
	}
	// A crash loses the end, and something else is written there.
	below.WriteFile("a", two[:128+50])
	write(true, zeros[:50])
	if three := below.ReadFile("a"); len(three) != len(two) || bytes.Equal(three[128+50:], two[128+50:]) {
		t.Error("after a crash, one key stream has two contents")
	}
}

// TestIssue14EncryptedKey: without the key, or with another one, a log is refused, and not taken
// for a damaged one. One damaged header is no loss.
func TestIssue14EncryptedKey(t *testing.T) {
	below := wal.NewMemory()
	l := mustOpen(t, keys.Encrypt(below, diskKey))
	appendAll(t, l, "secret", "secret")
	ok(t, l.Close())
	names, _ := below.List()
	name := names[0]
	if _, _, err := wal.Open(below, wal.Options{}); !errors.Is(err, wal.ErrVersion) {
		t.Errorf("without the key: %v", err)
	}
	if _, err := wal.Read(below); !errors.Is(err, wal.ErrVersion) {
		t.Errorf("without the key: %v", err)
	}
	if _, _, err := wal.Open(keys.Encrypt(below, keys.Key{1}), wal.Options{}); !errors.Is(err, keys.ErrWrongKey) {
		t.Errorf("with another key: %v", err)
	}
	if got, _ := below.List(); len(got) != 1 {
		t.Errorf("there are now %v", got)
	}
	plain := wal.NewMemory()
	l = mustOpen(t, plain)
	appendAll(t, l, "x")
	ok(t, l.Close())
	if _, _, err := wal.Open(keys.Encrypt(plain, diskKey), wal.Options{}); !errors.Is(err, keys.ErrWrongKey) {
		t.Errorf("a log that is not encrypted: %v", err)
	}
	whole := below.ReadFile(name)
	for i := range 128 {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x10
		below.WriteFile(name, bad)
		r, err := wal.Read(keys.Encrypt(below, diskKey))
		ok(t, err)
		n := 0
		for rec, err := range r.Records(0) {
			ok(t, err)
			if string(rec.Payload) == "secret" {
				n++
			}
		}
		if n != 2 {
			t.Fatalf("byte %d of the header was changed, and %d records are left", i, n)
		}
	}
}
