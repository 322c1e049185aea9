// Package docs_test checks that the documentation says what is true: the
// programs that the tutorial shows are the ones that are compiled and run, and
// print what it says that they print.
//
// A block of the tutorial is preceded by a comment that names its source:
//
//	<!-- file: tutorial/01-process/main.go -->
//	```go
//
// A go block is found in that file, line by line, whatever the indentation. A
// text block is the whole output of the example in that file, or, if it is not
// a test, some lines of it. After
//
//	<!-- stderr: tutorial/06-processes/main.go -->
//
// it is what the program prints to standard error.
package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxLines is how long a listing may be.
const maxLines = 34

// TestTutorial shows B-M33.
func TestTutorial(t *testing.T) {
	text := read(t, "tutorial.md")
	shown := map[string]bool{}
	n := 0
	all := blocks(t, text)
	for i, b := range all {
		if b.language == "sh" || b.stderr { // TestTutorialStart sees to these
			continue
		}
		n++
		shown[filepath.Dir(b.file)] = true
		if len(b.lines) > maxLines {
			t.Errorf("tutorial.md:%d: a listing of %d lines: %d are enough", b.at, len(b.lines), maxLines)
		}
		file := read(t, b.file)
		if err := b.check(file); err != nil {
			t.Errorf("tutorial.md:%d: %v", b.at, err)
		}
		// Issue 9.14: the whole program is here, or one click away.
		until := strings.Count(text, "\n")
		if i+1 < len(all) {
			until = all[i+1].at
		}
		below := strings.Join(strings.Split(text, "\n")[b.at+len(b.lines):until], "\n")
		if b.language == "go" && !b.whole(file) && !strings.Contains(below, "]("+b.file+")") {
			t.Errorf("tutorial.md:%d: this is not the whole of %s, and there is no link to it below", b.at, b.file)
		}
	}
	dirs, err := filepath.Glob("tutorial/*")
	if err != nil || len(dirs) == 0 || n == 0 {
		t.Fatalf("%d programs and %d blocks: %v", len(dirs), n, err)
	}
	for _, dir := range dirs {
		if !shown[filepath.ToSlash(dir)] {
			t.Errorf("tutorial.md shows nothing of %s", dir)
		}
	}
}

// TestTutorialLinks: what the tutorial links to, or has the reader run, is
// there.
func TestTutorialLinks(t *testing.T) {
	text := read(t, "tutorial.md")
	checkLinks(t, text)
	for _, m := range regexp.MustCompile(`go (?:run|test) \./(\S+)`).FindAllStringSubmatch(text, -1) {
		exists(t, filepath.Join("..", strings.Trim(m[1], "`.,")))
	}
}

// checkLinks expects that the files exist to which a document links.
func checkLinks(t *testing.T, text string) {
	t.Helper()
	prose := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`").ReplaceAllString(text, "")
	for _, m := range regexp.MustCompile(`\]\(([^):#]+)[#)]`).FindAllStringSubmatch(prose, -1) {
		exists(t, m[1])
	}
}

// A block is what is between two fences.
type block struct {
	language string
	file     string // its source
	stderr   bool   // it is what the program prints to standard error
	at       int    // line of the opening fence
	lines    []string
}

var source = regexp.MustCompile(`^<!-- (file|stderr): (\S+) -->$`)

// blocks returns the blocks of a document.
func blocks(t *testing.T, text string) (all []block) {
	t.Helper()
	var b *block
	before := ""
	for i, line := range strings.Split(text, "\n") {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && b == nil:
			b = &block{language: language, at: i + 1}
			m := source.FindStringSubmatch(before)
			switch {
			case language == "sh":
			case language != "go" && language != "text":
				t.Fatalf("tutorial.md:%d: a block of %q: it must be go, text or sh", i+1, language)
			case m == nil:
				t.Fatalf("tutorial.md:%d: the line before does not say what file this is from", i+1)
			default:
				b.file, b.stderr = m[2], m[1] == "stderr"
			}
		case fence:
			all = append(all, *b)
			b = nil
		case b != nil:
			b.lines = append(b.lines, line)
		}
		before = line
	}
	if b != nil {
		t.Fatalf("tutorial.md:%d: this block has no end", b.at)
	}
	return all
}

// check returns an error if b is not what the file says.
func (b block) check(file string) error {
	lines := strings.Split(file, "\n")
	if b.language == "text" && strings.HasSuffix(b.file, "_test.go") {
		if want := output(lines); !slices.Equal(b.lines, want) {
			return fmt.Errorf("the output of %s is\n%s", b.file, strings.Join(want, "\n"))
		}
		return nil
	}
	want, have := unindent(b.lines), unindent(lines)
	for i := 0; i+len(want) <= len(have); i++ {
		if slices.Equal(have[i:i+len(want)], want) {
			return nil
		}
	}
	return fmt.Errorf("this is not in %s:\n%s", b.file, strings.Join(b.lines, "\n"))
}

// whole reports whether b is all of a file, but for the comment at its head.
func (b block) whole(file string) bool {
	i := strings.Index(file, "\npackage ")
	return i >= 0 && strings.Join(b.lines, "\n")+"\n" == file[i+1:]
}

// output returns the output that the only example of a file says it has.
func output(lines []string) (out []string) {
	lines = unindent(lines)
	for _, line := range lines[slices.Index(lines, "// Output:")+1:] {
		text, ok := strings.CutPrefix(line, "//")
		if !ok {
			break
		}
		out = append(out, strings.TrimPrefix(text, " "))
	}
	return out
}

func unindent(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = strings.TrimLeft(line, "\t ")
	}
	return out
}

func exists(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat(filepath.FromSlash(name)); err != nil {
		t.Errorf("a link: %v", err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}
