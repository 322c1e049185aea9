package drivertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/go-marketplace/marketplace/drivers/drivertest.blockForEver"))
}

// A fake is a test that is expected to fail.
type fake struct {
	testing.TB // the real one
	*report
}

type report struct {
	errors  []string
	skipped string
}

// fatal is the panic with which a fake test ends.
type fatal struct{}

func (f fake) Helper()      {}
func (f fake) Failed() bool { return len(f.errors) > 0 }
func (f fake) Logf(format string, args ...any) {
	f.TB.Logf(format, args...)
}
func (f fake) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}
func (f fake) Fatalf(format string, args ...any) { f.Errorf(format, args...); panic(fatal{}) }
func (f fake) Skip(args ...any)                  { f.skipped = fmt.Sprint(args...); panic(fatal{}) }

// untilFatal runs f up to its end, or up to where it ends the test.
func untilFatal(f func()) (ended bool) {
	defer func() {
		if p := recover(); p == (fatal{}) {
			ended = true
		} else if p != nil {
			panic(p)
		}
	}()
	f()
	return false
}

// attempt tries the law of the given name, and returns what it reports.
func attempt(t *testing.T, name string, fresh func(testing.TB) Driver) *report {
	t.Helper()
	i := slices.IndexFunc(laws, func(l law) bool { return l.name == name })
	if i < 0 {
		t.Fatalf("there is no law %q", name)
	}
	f := fake{t, new(report)}
	untilFatal(func() {
		laws[i].try(&trial{TB: f, fresh: fresh, bubble: func(g func(testing.TB)) {
			ended := false
			func() {
				defer forgiveDeadlock(f)
				synctest.Test(t, func(t *testing.T) {
					ended = untilFatal(func() { g(fake{t, f.report}) })
				})
			}()
			if ended || f.Failed() {
				panic(fatal{})
			}
		}})
	})
	return f.report
}

// mustFail tries a law that has to fail, with a text that has all of want in it.
func mustFail(t *testing.T, law string, fresh func(testing.TB) Driver, want ...string) {
	t.Helper()
	r := attempt(t, law, fresh)
	text := strings.Join(r.errors, "\n")
	if text == "" {
		t.Fatalf("the law is kept, or skipped: %s", r.skipped)
	}
	t.Log(text)
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("the failure does not say %q:\n%s", w, text)
		}
	}
}
