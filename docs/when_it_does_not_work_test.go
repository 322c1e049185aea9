package docs_test

import (
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

const mistakes = "when-it-does-not-work"

// TestMistakes: the page on mistakes shows lines of programs, and exactly what
// these programs print, to standard output and standard error, and with which
// status they end (Issue 9.14). What differs between two runs is reduced: see
// stable. A line "…" on the page stands for any number of lines, and a "…" in a
// line for any text.
func TestMistakes(t *testing.T) {
	page := mistakes + ".md"
	all := blocks(t, read(t, page))
	bin := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-o", bin+string(filepath.Separator), "./"+mistakes+"/...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	shown := map[string]bool{}
	for i, b := range all {
		switch {
		case b.language == "go":
			if err := b.check(read(t, b.file)); err != nil {
				t.Errorf("%s:%d: %v", page, b.at, err)
			}
			if i+1 == len(all) || all[i+1].language != "text" || all[i+1].file != b.file {
				t.Errorf("%s:%d: what this prints does not follow", page, b.at)
			}
		case b.language == "text":
			name := path.Base(path.Dir(b.file))
			shown[name] = true
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				got := stable(printed(t, b.file, filepath.Join(bin, name)))
				if !fits(b.lines, got) {
					t.Errorf("%s:%d: %s prints\n%s", page, b.at, b.file, strings.Join(got, "\n"))
				}
			})
		}
	}
	dirs, err := filepath.Glob(mistakes + "/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("%d programs: %v", len(dirs), err)
	}
	for _, dir := range dirs {
		if !shown[filepath.Base(dir)] {
			t.Errorf("%s does not show what %s prints", page, dir)
		}
	}
}

// printed returns all that a program prints. A mistake that a test finds is in a
// test.
func printed(t *testing.T, file, binary string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	c := exec.CommandContext(t.Context(), binary)
	if strings.HasSuffix(file, "_test.go") {
		c = exec.CommandContext(t.Context(), "go", "test", "-count=1", "-tags=mistake", "./"+path.Dir(file))
	}
	for _, v := range c.Environ() {
		if !strings.HasPrefix(v, "MARKETPLACE_LOG=") && !strings.HasPrefix(v, "GOTRACEBACK=") {
			c.Env = append(c.Env, v)
		}
	}
	out, err := c.CombinedOutput()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		t.Fatal(err)
	}
	if status := c.ProcessState.ExitCode(); status != 0 {
		out = fmt.Appendf(out, "exit status %d\n", status)
	}
	return string(out)
}

// reductions are what is done to each line of what a program prints.
var reductions = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`^time=\S+ `), "time=… "},
	{regexp.MustCompile(`^\d+/\d\d/\d\d \d\d:\d\d:\d\d `), "… "},
	{regexp.MustCompile(`\b(for|after)=\S+`), "$1=…"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:5999"},
	{regexp.MustCompile(`^(\s*[\w./*()]+)\((?:\{|0x).*\)$`), "$1(…)"},
	{regexp.MustCompile(`^(\s+)\S*/(?:` + mistakes + `|tutorial)/(\S+) \+0x[0-9a-f]+$`), "$1…/$2"},
	{regexp.MustCompile(`\(\d+\.\d+s\)$`), "(…)"},
}

// stable returns lines that are the same on every run.
func stable(out string) (lines []string) {
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		for _, r := range reductions {
			line = r.from.ReplaceAllString(line, r.to)
		}
		lines = append(lines, line)
	}
	return lines
}

// fits reports whether lines are those of the page.
func fits(page, lines []string) bool {
	switch {
	case len(page) == 0:
		return len(lines) == 0
	case page[0] == "…":
		return fits(page[1:], lines) || len(lines) > 0 && fits(page, lines[1:])
	}
	return len(lines) > 0 && fitsLine(page[0], lines[0]) && fits(page[1:], lines[1:])
}

// fitsLine reports whether a line is that of the page.
func fitsLine(page, line string) bool {
	parts := strings.Split(page, "…")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(line)
}

// TestMistakesVet: the command of the page finds the value that is thrown away
// (Issue 9.14).
func TestMistakesVet(t *testing.T) {
	found := 0
	for _, b := range blocks(t, read(t, mistakes+".md")) {
		if b.language != "sh" || !strings.HasPrefix(b.lines[0], "go vet ") {
			continue
		}
		found++
		words := strings.Fields(strings.Replace(b.lines[0], "./...", "./"+mistakes+"/dropped", 1))
		out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "dropped/main.go:24:4: result of") {
			t.Errorf("%s: %v\n%s", b.lines[0], err, out)
		}
	}
	if found != 1 {
		t.Errorf("%d commands", found)
	}
}

// TestMistakesLinks: what the page on mistakes links to is there.
func TestMistakesLinks(t *testing.T) {
	prose := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`").ReplaceAllString(read(t, mistakes+".md"), "")
	for _, m := range regexp.MustCompile(`\]\(([^):#]+)[)#]`).FindAllStringSubmatch(prose, -1) {
		exists(t, m[1])
	}
}
