package main

import (
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// built is the folder with the programs.
var built struct {
	sync.Once
	folder string
	err    error
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if built.folder != "" {
			_ = os.RemoveAll(built.folder)
		}
		os.Exit(status)
	}))
}

// programs builds the programs, once.
func programs(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		if built.folder, built.err = os.MkdirTemp("", "attack-test-"); built.err == nil {
			built.err = build(t.Context(), built.folder)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.folder
}

// TestAttacks: the programs withstand attacks, small ones (Issue 9.1, 9.2, 9.3,
// 9.6, 9.7, 9.8, 9.9). What is slow or large does not fail; what hangs, is lost,
// or is not said does.
func TestAttacks(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			if reason := a.missing(); reason != "" {
				t.Skip(reason)
			}
			folder := programs(t)
			t.Parallel()
			r := a.carryOut(t.Context(), folder, true)
			var text strings.Builder
			r.print(&text, a)
			t.Log(text.String())
			if len(r.failures) > 0 {
				t.Fail()
			}
		})
	}
}

// TestRun: the command prints a report and a row of the table for each attack, and
// notices when one fails.
func TestRun(t *testing.T) {
	folder := programs(t)
	good := attack{name: "good", does: "nothing", run: func(s *scene) error { s.answer("fine"); return nil }}
	bad := attack{name: "bad", does: "nothing", run: func(s *scene) error { s.fail("lost"); return os.ErrNotExist }}
	if good.missing() != "" {
		t.Skip(good.missing())
	}
	for _, tt := range []struct {
		attacks []attack
		failed  bool
		says    []string
	}{
		{[]attack{good}, false, []string{"good: nothing", "    fine\n", "| good   |", "| passed"}},
		{[]attack{good, bad}, true, []string{"failed: lost", "failed: file does not exist", "| good   |", "| passed", "| bad    |", "| FAILED"}},
	} {
		var out strings.Builder
		failed, err := run(t.Context(), tt.attacks, folder, true, &out)
		if failed != tt.failed || err != nil {
			t.Errorf("failed is %v, %v: %s", failed, err, out.String())
		}
		for _, s := range tt.says {
			if !strings.Contains(out.String(), s) {
				t.Errorf("%q is missing in\n%s", s, out.String())
			}
		}
	}
}

// TestChoose: attacks are chosen by name, and an unknown name is an error.
func TestChoose(t *testing.T) {
	if all, err := choose(""); err != nil || len(all) != len(attacks) {
		t.Error(len(all), err)
	}
	if two, err := choose("large,flood"); err != nil || len(two) != 2 || two[0].name != "large" || two[1].name != "flood" {
		t.Error(two, err)
	}
	if _, err := choose("flood,fludd"); err == nil || !strings.Contains(err.Error(), `"fludd"`) {
		t.Error(err)
	}
}

// TestPage: docs/attacks.md explains every attack, in the words of the command,
// and has a row of results for it.
func TestPage(t *testing.T) {
	b, err := os.ReadFile("../../docs/attacks.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, a := range attacks {
		if s := "- **" + a.name + "**: " + a.does + "."; !strings.Contains(page, s) {
			t.Errorf("the page does not say %q", s)
		}
		if !strings.Contains(page, "\n| "+a.name+" |") {
			t.Errorf("the page has no results of %s", a.name)
		}
	}
}
