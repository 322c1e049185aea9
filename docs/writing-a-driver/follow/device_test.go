package follow

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/world"
)

// following runs a test on the handle of a file, whose lines it gives to the
// test. The clock is that of the bubble.
func following(t *testing.T, test func(path string, lines <-chan string)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, "this was there before\nas was")
	synctest.Test(t, func(t *testing.T) {
		h, err := Config{Every: time.Second, Clock: world.SystemClock()}.file(path).Open(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		lines, over := make(chan string, 1000), make(chan error, 1)
		go func() {
			for first := true; ; first = false {
				v, err := h.Recv()
				if err != nil {
					over <- err
					return
				}
				if _, ok := v.(opened); ok != first {
					t.Errorf("%v is the first value: %v", v, first)
				}
				if l, ok := v.(Line); ok {
					lines <- l.Text
				}
			}
		}()
		test(path, lines)
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if err := <-over; err == nil {
			t.Error("Recv does not notice that the file is closed")
		}
	})
}

func write(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// expect waits until the file has been looked at, and checks what is new.
func expect(t *testing.T, lines <-chan string, want ...string) {
	t.Helper()
	<-time.After(3 * time.Second) // of the bubble
	var got []string
	for len(lines) > 0 {
		got = append(got, <-lines)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %.60q, want %.60q", got, want)
	}
}

func TestAppend(t *testing.T) {
	following(t, func(path string, lines <-chan string) {
		expect(t, lines)
		write(t, path, " this\none\ntw")
		expect(t, lines, " this", "one")
		write(t, path, "o\n\n")
		expect(t, lines, "two", "")
		long := strings.Repeat("x", 2*longest+1)
		write(t, path, long+"\n")
		expect(t, lines, long[:longest], long[:longest], "x")
	})
}

func TestTruncation(t *testing.T) {
	following(t, func(path string, lines <-chan string) {
		write(t, path, "\none\ntw")
		expect(t, lines, "", "one")
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		write(t, path, "three\n")
		expect(t, lines, "tw", "three")
	})
}

func TestRotation(t *testing.T) {
	following(t, func(path string, lines <-chan string) {
		write(t, path, "\none\n")
		expect(t, lines, "", "one")
		write(t, path, "two\nthr")
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		expect(t, lines, "two") // there may be more to come
		write(t, path+".1", "ee\nfo")
		expect(t, lines, "three")
		write(t, path, "five\n")
		expect(t, lines, "fo", "five")
	})
}

// Whatever is done to a file, the lines come, each once, in order; if only each
// file that takes its place stays for long enough to be looked at.
func TestAllLinesCome(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n, said := 0, []string{}
		following(t, func(path string, lines <-chan string) {
			unseen := false // the file at path
			look := func() {
				expect(t, lines, said...)
				said, unseen = nil, false
			}
			write(t, path, "\n")
			expect(t, lines, "")
			r.Repeat(map[string]func(*rapid.T){
				"write": func(*rapid.T) {
					_, err := os.Stat(path)
					unseen = unseen || errors.Is(err, fs.ErrNotExist)
					n++
					said = append(said, fmt.Sprint("line ", n))
					write(t, path, said[len(said)-1]+"\n")
				},
				"look": func(*rapid.T) { look() },
				"rotate": func(*rapid.T) {
					if unseen {
						look()
					}
					if err := os.Rename(path, fmt.Sprint(path, ".", n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
						t.Fatal(err)
					}
				},
				"truncate": func(*rapid.T) {
					look()
					if err := os.Truncate(path, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
						t.Fatal(err)
					}
					look()
				},
			})
			look()
		})
	})
}

func TestCannotOpen(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]error{filepath.Join(dir, "missing"): fs.ErrNotExist, dir: ErrNotAFile} {
		_, err := Config{}.file(path).Open(t.Context(), nil)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
		if !errors.Is(world.Reduce(err), want) {
			t.Errorf("%v is another error after world.Reduce", err)
		}
	}
}

// A file that is replaced by something else cannot be followed any more.
func TestReplacedByDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, "")
	synctest.Test(t, func(t *testing.T) {
		h, err := Config{Every: time.Second, Clock: world.SystemClock()}.file(path).Open(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if _, err := h.Recv(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
			t.Fatal(err)
		}
		if v, err := h.Recv(); !errors.Is(err, ErrNotAFile) {
			t.Errorf("received %v, %v", v, err)
		}
	})
}

func TestNoCommands(t *testing.T) {
	f := new(follower)
	if n, err := f.Try([]any{1}); n != 0 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
	if f.Do(1) == nil {
		t.Error("a command is carried out")
	}
}

// Names tell files apart.
func TestNames(t *testing.T) {
	clocks := []world.Clock{world.SystemClock(), world.NewManualClock("a", time.Time{}), world.NewManualClock(`a", "b`, time.Time{})}
	file := rapid.Custom(func(t *rapid.T) file {
		return file{
			path:  rapid.StringMatching(`[a",\\ 1s]{0,4}`).Draw(t, "path"),
			every: time.Duration(rapid.IntRange(1, 3).Draw(t, "every")),
			clock: rapid.SampledFrom(clocks).Draw(t, "clock"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := file.Draw(t, "a"), file.Draw(t, "b")
		if (a == b) != (a.DeviceName() == b.DeviceName()) {
			t.Errorf("%v and %v", a.DeviceName(), b.DeviceName())
		}
	})
}
