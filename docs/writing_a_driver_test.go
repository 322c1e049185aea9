package docs_test

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const guide = "writing-a-driver.md"

// TestGuide: what the guide to writing a driver shows is what is compiled and
// tested, and of the driver that it builds it shows everything. B-M33.
func TestGuide(t *testing.T) {
	shown := map[string][]bool{} // lines, by file
	for _, b := range blocks(t, read(t, guide)) {
		if b.language == "sh" {
			continue
		}
		if len(b.lines) > maxLines {
			t.Errorf("%s:%d: a listing of %d lines: %d are enough", guide, b.at, len(b.lines), maxLines)
		}
		file := read(t, b.file)
		if err := b.check(file); err != nil {
			t.Errorf("%s:%d: %v", guide, b.at, err)
			continue
		}
		lines := unindent(strings.Split(file, "\n"))
		if shown[b.file] == nil {
			shown[b.file] = make([]bool, len(lines))
		}
		at := find(unindent(b.lines), lines)
		for i := range b.lines {
			shown[b.file][at+i] = true
		}
	}
	files, err := filepath.Glob("writing-a-driver/follow/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no driver: %v", err)
	}
	for _, name := range files {
		name = filepath.ToSlash(name)
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, line := range hidden(read(t, name), shown[name]) {
			t.Errorf("%s does not show this line of %s: %s", guide, path.Base(name), line)
		}
	}
}

// find returns where a listing begins in a file.
func find(listing, file []string) int {
	for i := range file {
		if i+len(listing) <= len(file) && slices.Equal(file[i:i+len(listing)], listing) {
			return i
		}
	}
	return -1
}

// hidden returns the lines of a file that are not shown, but for those up to its
// imports, and blank ones.
func hidden(file string, shown []bool) (lines []string) {
	body := false
	for i, line := range strings.Split(file, "\n") {
		switch {
		case !body:
			body = line == ")"
		case line != "" && (i >= len(shown) || !shown[i]):
			lines = append(lines, line)
		}
	}
	return lines
}

// TestGuideLinks: what the guide links to, or has the reader run, is there.
func TestGuideLinks(t *testing.T) {
	text := read(t, guide)
	prose := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`").ReplaceAllString(text, "")
	for _, m := range regexp.MustCompile(`\]\(([^):#]+)\)`).FindAllStringSubmatch(prose, -1) {
		exists(t, m[1])
	}
	for _, m := range regexp.MustCompile(`go (?:run|test) \./(\S+)`).FindAllStringSubmatch(text, -1) {
		exists(t, filepath.Join("..", strings.Trim(m[1], "`.,")))
	}
}
