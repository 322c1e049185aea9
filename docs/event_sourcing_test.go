package docs_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEventSourcing: what the guide links to is there, what it builds can be
// built, and the flags and commands that it shows are known.
func TestEventSourcing(t *testing.T) {
	text := read(t, "event-sourcing.md")
	fences := regexp.MustCompile("(?s)```.*?```")
	prose := regexp.MustCompile("`[^`\n]*`").ReplaceAllString(fences.ReplaceAllString(text, ""), "")
	for _, m := range regexp.MustCompile(`\]\(([^):#]+)\)`).FindAllStringSubmatch(prose, -1) {
		exists(t, m[1])
	}
	help := map[string]string{}
	bin := t.TempDir()
	for _, m := range regexp.MustCompile(`(?m)^go build \./(\S+)$`).FindAllStringSubmatch(text, -1) {
		binary := filepath.Join(bin, filepath.Base(m[1]))
		if out, err := exec.Command("go", "build", "-o", binary, "../"+m[1]).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", m[1], err, out)
		}
		out, _ := exec.Command(binary, "-h").CombinedOutput()
		help["./"+filepath.Base(m[1])] = string(out)
	}
	commands := 0
	for _, m := range regexp.MustCompile(`(?m)^(\./\w+) (.*)$`).FindAllStringSubmatch(text, -1) {
		commands++
		program, args := m[1], strings.Fields(m[2])
		known := help[program]
		if args[0] == "journal" {
			out, err := exec.Command(filepath.Join(bin, "marketplace"), "journal", args[1], "-h").CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v: %s", m[0], err, out)
			}
			known = string(out)
		}
		for _, arg := range args {
			if arg == "|" {
				break
			}
			if strings.HasPrefix(arg, "-") && !strings.Contains(known, "  "+arg) {
				t.Errorf("%s: there is no flag %s", m[0], arg)
			}
		}
	}
	if commands < 5 {
		t.Errorf("%d commands", commands)
	}
}
