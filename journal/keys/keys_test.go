package keys_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace/journal/keys"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// TestIssue14XAES: the test vectors of the specification.
func TestIssue14XAES(t *testing.T) {
	nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
	for _, tt := range []struct {
		key         byte
		bound, want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		k := keys.Key(bytes.Repeat([]byte{tt.key}, 32))
		box := keys.SealXAES(k, nonce, []byte("XAES-256-GCM"), []byte(tt.bound))
		if got := hex.EncodeToString(box); got != tt.want {
			t.Errorf("key %d: %s, want %s", tt.key, got, tt.want)
		}
	}
}

// TestIssue14KeyTexts: a key does not show in its texts.
func TestIssue14KeyTexts(t *testing.T) {
	k := keys.Key(bytes.Repeat([]byte("K"), 32))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if s := fmt.Sprintf(verb, k); strings.Contains(s, "KK") || strings.Contains(s, "4b4b") || strings.Contains(s, "75 75") {
			t.Errorf("%s: %s", verb, s)
		}
	}
}

// TestIssue14Sealer: what was sealed opens with the same subject, key and bound bytes alone,
// and each bit counts.
func TestIssue14Sealer(t *testing.T) {
	store := keys.InStore(wal.NewMemory(), nil)
	s := keys.NewSealer(store)
	box, id, erased, err := s.Seal([]byte("x"), "ann", []byte("content"), []byte("bound"))
	if err != nil || erased || box[0] != 'x' {
		t.Fatal(erased, err)
	}
	box = box[1:]
	if bytes.Contains(box, []byte("content")) {
		t.Fatalf("%x", box)
	}
	if got, erased, err := s.Open("ann", id, box, []byte("bound")); string(got) != "content" || erased || err != nil {
		t.Fatalf("%s, %v, %v", got, erased, err)
	}
	for i := range 8 * len(box) {
		bad := bytes.Clone(box)
		bad[i/8] ^= 1 << (i % 8)
		if _, _, err := s.Open("ann", id, bad, []byte("bound")); err == nil {
			t.Fatalf("bit %d was changed, and it opens", i)
		}
	}
	for n := range box {
		if _, _, err := s.Open("ann", id, box[:n], []byte("bound")); err == nil {
			t.Fatalf("the first %d bytes open", n)
		}
	}
	if _, _, err := s.Open("ann", id, box, []byte("bounds")); err == nil {
		t.Error("it opens with other bound bytes")
	}
	if _, _, err := s.Open("ann", id+1, box, []byte("bound")); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("with another key: %v", err)
	}
	if _, _, err := s.Open("bob", id, box, []byte("bound")); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("for somebody without a key: %v", err)
	}
	other, _, _, _ := s.Seal(nil, "ann", []byte("content"), []byte("bound"))
	if bytes.Equal(box, other) {
		t.Error("two values are sealed alike")
	}
	if err := store.Erase("ann"); err != nil {
		t.Fatal(err)
	}
	if _, erased, err := s.Open("ann", id, box, []byte("bound")); !erased || err != nil {
		t.Errorf("after the erasure: %v, %v", erased, err)
	}
	if b, _, erased, err := s.Seal([]byte("x"), "ann", []byte("content"), nil); !erased || err != nil || string(b) != "x" {
		t.Errorf("sealed after the erasure: %q, %v, %v", b, erased, err)
	}
}

// TestIssue14KeyFolder: keys are in files for their owner alone, whose names do not have the
// subjects, and what is erased is gone and stays so.
func TestIssue14KeyFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	store := keys.Dir(dir, nil)
	if _, err := store.Find("ann", 1); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("%v", err)
	}
	if err := store.Erase("ann"); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("looking for keys has made the folder: %v", err)
	}
	ann, err := store.Current("ann")
	bob, err2 := store.Current("bob")
	if err := errors.Join(err, err2); err != nil || ann == bob {
		t.Fatal(err)
	}
	for _, s := range []*keys.Folder{store, keys.Dir(dir, nil)} {
		if k, err := s.Current("ann"); k != ann || err != nil {
			t.Errorf("%v, %v", k, err)
		}
		if k, err := s.Find("ann", ann.ID()); k != ann || err != nil {
			t.Errorf("%v, %v", k, err)
		}
		if _, err := s.Find("ann", bob.ID()); !errors.Is(err, keys.ErrNoKey) {
			t.Errorf("%v", err)
		}
	}
	files := contents(t, dir)
	if !strings.Contains(files, string(ann[:])) || strings.Contains(files, "ann") {
		t.Errorf("the folder has %q", files)
	}
	if runtime.GOOS != "windows" {
		filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			if err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: %v, %v", path, info.Mode(), err)
			}
			return nil
		})
	}
	held, err := os.OpenFile(filepath.Join(dir, keys.FileOf("ann")), os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	// Another program erases it.
	if err := keys.Dir(dir, nil).Erase("ann"); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		was := make([]byte, 1<<10)
		n, _ := held.ReadAt(was, 0)
		if n == 0 || bytes.Contains(was[:n], ann[:]) {
			t.Errorf("the file of the key was not overwritten: %q", was[:n])
		}
	}
	if strings.Contains(contents(t, dir), string(ann[:])) {
		t.Error("the key is still there")
	}
	for _, s := range []*keys.Folder{store, keys.Dir(dir, nil)} {
		if _, err := s.Current("ann"); !errors.Is(err, keys.ErrErased) {
			t.Errorf("%v", err)
		}
		if _, err := s.Find("ann", ann.ID()); !errors.Is(err, keys.ErrErased) {
			t.Errorf("%v", err)
		}
		if err := s.Erase("ann"); err != nil {
			t.Errorf("again: %v", err)
		}
		if k, err := s.Current("bob"); k != bob || err != nil {
			t.Errorf("%v, %v", k, err)
		}
	}
}

func contents(t *testing.T, dir string) (all string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all += f.Name() + "\n" + string(data) + "\n"
	}
	return all
}

// TestIssue14MasterKey: with a master key, the folder alone has no keys.
func TestIssue14MasterKey(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "master")
	if err := os.WriteFile(file, []byte(strings.Repeat("0f", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	master, err := keys.ReadKey(file)
	if err != nil || master[0] != 15 || master[31] != 15 {
		t.Fatal(master, err)
	}
	for _, bad := range []string{"", "0f", strings.Repeat("zz", 32), strings.Repeat("0f", 33)} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.ReadKey(file); err == nil {
			t.Errorf("%q is a key", bad)
		}
	}
	folder := filepath.Join(dir, "keys")
	k, err := keys.Dir(folder, &master).Current("ann")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(contents(t, folder), string(k[:])) {
		t.Error("the key is in the folder")
	}
	if got, err := keys.Dir(folder, &master).Find("ann", k.ID()); got != k || err != nil {
		t.Error(got, err)
	}
	wrong := keys.Key{1}
	for _, master := range []*keys.Key{nil, &wrong} {
		if _, err := keys.Dir(folder, master).Current("ann"); err == nil || errors.Is(err, keys.ErrNoKey) {
			t.Errorf("with master key %v: %v", master, err)
		}
	}
	// A file of one subject is no key of another.
	from, to := filepath.Join(folder, keys.FileOf("ann")), filepath.Join(folder, keys.FileOf("bob"))
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Dir(folder, &master).Current("bob"); err == nil {
		t.Error("the key of ann is one of bob")
	}
}

// TestIssue14DamagedKey: a damaged key is an error, and is never made anew.
func TestIssue14DamagedKey(t *testing.T) {
	store := wal.NewMemory()
	k, err := keys.InStore(store, nil).Current("ann")
	if err != nil {
		t.Fatal(err)
	}
	whole := store.ReadFile(keys.FileOf("ann"))
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 1
		for _, data := range [][]byte{bad, whole[:i]} {
			store.WriteFile(keys.FileOf("ann"), data)
			f := keys.InStore(store, nil)
			_, err := f.Current("ann")
			_, err2 := f.Find("ann", k.ID())
			if err == nil || err2 == nil {
				t.Fatalf("%q: %v, %v", data, err, err2)
			}
		}
	}
}

// TestIssue14KeysOfTwoPrograms: programs that make and erase keys at once have the same ones.
func TestIssue14KeysOfTwoPrograms(t *testing.T) {
	dir := t.TempDir()
	const subjects, programs = 8, 4
	var got [programs][subjects]keys.Key
	var wait sync.WaitGroup
	for p := range programs {
		wait.Go(func() {
			f := keys.Dir(dir, nil)
			for s := range subjects {
				k, err := f.Current(fmt.Sprint(s))
				if err != nil {
					t.Error(err)
				}
				got[p][s] = k
			}
		})
	}
	wait.Wait()
	for p := range programs {
		if got[p] != got[0] {
			t.Fatalf("program %d has other keys", p)
		}
	}
}

// TestIssue14KeysSurvive: whatever fails or crashes while keys are made and erased, a key that
// was given out is there afterwards, and one whose erasure was told is not. DR-10.
func TestIssue14KeysSurvive(t *testing.T) {
	for _, crash := range []bool{false, true} {
		for n := 1; ; n++ {
			disk := waltest.NewDisk()
			disk.Plan(func(op waltest.Op) waltest.Fault {
				if op.N != n {
					return waltest.Fault{}
				}
				if crash {
					return waltest.Fault{Crash: true, Written: len(op.Bytes) / 2}
				}
				return waltest.Fault{Err: waltest.ErrFault, Written: len(op.Bytes) / 2}
			})
			given, erased := map[string]keys.Key{}, map[string]bool{}
			tried := map[string]bool{}
			f := keys.InStore(disk, nil)
			use := func() {
				for _, s := range []string{"ann", "bob", "ann", "carl"} {
					if k, err := f.Current(s); err == nil {
						if was, ok := given[s]; ok && was != k {
							t.Fatalf("operation %d: %s has another key", n, s)
						}
						if erased[s] {
							t.Fatalf("operation %d: %s has a key again", n, s)
						}
						if disk.Synced(keys.FileOf(s)) == nil {
							t.Fatalf("operation %d: the key of %s was given out before it was on disk", n, s)
						}
						given[s] = k
					}
				}
				tried["bob"] = true
				if f.Erase("bob") == nil {
					erased["bob"] = true
				}
			}
			use()
			ops := disk.Ops()
			if crash {
				disk.Restart() // the system goes on
			}
			f = keys.InStore(disk, nil) // another program
			use()
			for _, choose := range []func(int) int{waltest.LoseAll, waltest.KeepAll, func(n int) int { return n / 2 }} {
				after := disk.Crash(choose)
				f := keys.InStore(after, nil)
				for s, k := range given {
					got, err := f.Find(s, k.ID())
					switch {
					case erased[s]:
						if !errors.Is(err, keys.ErrErased) {
							t.Fatalf("operation %d: %s was erased, and then: %v", n, s, err)
						}
					case tried[s] && errors.Is(err, keys.ErrErased):
					case err != nil || got != k:
						t.Fatalf("operation %d: the key of %s is lost: %v", n, s, err)
					}
				}
				// The next change removes what a crash has left.
				if _, err := f.Current("dora"); err != nil {
					t.Fatalf("operation %d: %v", n, err)
				}
				names, _ := after.List()
				for _, name := range names {
					if strings.HasSuffix(name, ".part") || erased["bob"] && name == keys.FileOf("bob") {
						t.Fatalf("operation %d: %s is still there", n, name)
					}
				}
			}
			if ops < n {
				if n < 20 {
					t.Fatalf("there were only %d operations", n)
				}
				break
			}
		}
	}
}
