package vmtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/vmtest"
)

// fake is a test that is expected to fail.
type fake struct {
	errors   []string
	logs     []string
	cleanups []func()
}

type fatal struct{}

func (f *fake) Helper()                 {}
func (f *fake) Name() string            { return "TestFake" }
func (f *fake) Logf(s string, a ...any) { f.logs = append(f.logs, fmt.Sprintf(s, a...)) }
func (f *fake) Errorf(s string, a ...any) {
	f.errors = append(f.errors, strings.ReplaceAll(fmt.Sprintf(s, a...), "\u00a0", " ")) // cmp is not sure of its blanks
}
func (f *fake) Fatalf(s string, a ...any) { f.Errorf(s, a...); panic(fatal{}) }
func (f *fake) Cleanup(c func())          { f.cleanups = append(f.cleanups, c) }

// run runs a test to its end.
func run(test func(t vmtest.TB)) *fake {
	f := new(fake)
	func() {
		defer func() {
			if r := recover(); r != nil && r != (fatal{}) {
				panic(r)
			}
		}()
		test(f)
	}()
	for _, c := range f.cleanups {
		c()
	}
	return f
}

// mustFail runs a test that has to fail once, with a text that has all of want
// in it.
func mustFail(t *testing.T, test func(t vmtest.TB), want ...string) {
	t.Helper()
	f := run(test)
	if len(f.errors) != 1 {
		t.Fatalf("%d failures, want 1:\n%s", len(f.errors), strings.Join(f.errors, "\n"))
	}
	t.Logf("%s", f.errors[0])
	for _, w := range want {
		if !strings.Contains(f.errors[0], w) {
			t.Errorf("the failure does not say %q:\n%s", w, f.errors[0])
		}
	}
}

func mustPass(t *testing.T, test func(t vmtest.TB)) {
	t.Helper()
	if f := run(test); len(f.errors)+len(f.logs) > 0 {
		t.Errorf("the test fails:\n%s", strings.Join(append(f.errors, f.logs...), "\n"))
	}
}
