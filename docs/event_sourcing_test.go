package docs_test

import (
	"io"
	"os"
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

// TestRehearseWorkflow runs the step Rehearse of the workflow with two builds of a bank.
func TestRehearseWorkflow(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	m := regexp.MustCompile(`(?s)name: Rehearse\n +run: \|\n(.*)`).FindStringSubmatch(read(t, "rehearse.yml"))
	if m == nil {
		t.Fatal("there is no step Rehearse")
	}
	dir := t.TempDir()
	for name, build := range map[string]string{"plain": "plain", "fee": "fee"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), "../journal/cli/testdata/bank/"+build).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	run := exec.Command(filepath.Join(dir, "plain"), "-journal", filepath.Join(dir, "sample.journal"))
	in, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("ann 100\n")); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("ann has 100\n"))
	if _, err := io.ReadFull(out, line); err != nil {
		t.Fatal(err)
	}
	_ = run.Process.Kill()
	_ = run.Wait()
	for build, want := range map[string]int{"plain": 0, "fee": 1} {
		for as, name := range map[string]string{"old": "plain", "new": build} {
			_ = os.Remove(filepath.Join(dir, as))
			if err := os.Link(filepath.Join(dir, name), filepath.Join(dir, as)); err != nil {
				t.Fatal(err)
			}
		}
		summary := filepath.Join(dir, "summary-"+build)
		step := exec.Command(sh, "-e", "-c", m[1])
		step.Dir, step.Env = dir, append(os.Environ(), "GITHUB_STEP_SUMMARY="+summary)
		printed, _ := step.CombinedOutput()
		text, err := os.ReadFile(summary)
		if status := step.ProcessState.ExitCode(); status != want || err != nil || strings.Contains(string(text), `+ send console.Text{Text: "ann has 90\n"}`) != (want == 1) {
			t.Errorf("%s: status %d, want %d; %v\n%s\n%s", build, status, want, err, text, printed)
		}
	}
}
