package applog_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/internal/applog"
)

// Issue 9.8: a stack is readable, a line each, and not one escaped text.
func TestStack(t *testing.T) {
	var b bytes.Buffer
	l := slog.New(applog.NewHandler(&b, slog.LevelWarn)).With("ground", 1)
	l.Info("nothing")
	l.Error("crashed", "path", "2/1", applog.Stack, "main.cut()\n\tmain.go:7\n")
	l.WithGroup("g").Warn("more", "n", 2)
	_, text, _ := strings.Cut(b.String(), "level=ERROR")
	text, more, _ := strings.Cut(text, "time=")
	if want := " msg=crashed ground=1 path=2/1\n\tmain.cut()\n\t\tmain.go:7\n"; text != want {
		t.Errorf("got %q, want %q", text, want)
	}
	if !strings.Contains(more, "level=WARN msg=more ground=1 g.n=2\n") {
		t.Errorf("got %q", more)
	}
}

// Issue 9.8: what repeats is said once and then counted.
func TestCounting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		c := applog.Counting(applog.NewHandler(&b, slog.LevelDebug), 1)
		l := slog.New(c).With("ground", 1)
		said := func() string {
			defer b.Reset()
			var lines []string
			for line := range strings.Lines(b.String()) {
				_, rest, _ := strings.Cut(line, "level=")
				lines = append(lines, strings.TrimSpace(rest))
			}
			return strings.Join(lines, "; ")
		}
		expect := func(want string) {
			t.Helper()
			if got := said(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		for i := range 10 {
			l.Warn("refused", "n", i)
			l.WithGroup("g").Warn("refused", "n", i)
		}
		l.Warn("other")
		l.Info("info")
		l.Info("info")
		expect("WARN msg=refused ground=1 n=0; WARN msg=other ground=1; INFO msg=info ground=1; INFO msg=info ground=1")
		time.Sleep(time.Minute)
		l.Warn("refused", "n", 10)
		l.Warn("refused", "n", 11)
		expect("WARN msg=refused ground=1 n=10 repeated=19")
		c.Flush()
		c.Flush()
		expect("WARN msg=refused ground=1 n=11 repeated=1")
	})
}

// Issue 9.8: warnings are said by default, and nothing with off. LL-09, B-M29.
func TestFromEnvironment(t *testing.T) {
	for text, want := range map[string]slog.Level{"": slog.LevelWarn, "WARN": slog.LevelWarn, "debug": slog.LevelDebug, "info": slog.LevelInfo, "error": slog.LevelError} {
		t.Setenv(applog.Variable, text)
		l, level, _, err := applog.FromEnvironment()
		if err != nil || level != want || !l.Enabled(t.Context(), want) || l.Enabled(t.Context(), want-1) {
			t.Errorf("%q: %v, %v", text, level, err)
		}
	}
	t.Setenv(applog.Variable, "off")
	if l, _, _, err := applog.FromEnvironment(); l != nil || err != nil {
		t.Error(l, err)
	}
	t.Setenv(applog.Variable, "loud")
	if _, _, _, err := applog.FromEnvironment(); err == nil || !strings.Contains(err.Error(), `"loud"`) {
		t.Error(err)
	}
}
