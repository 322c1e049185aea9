package simnet_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mustPanic checks that f panics with a text that has all the parts.
func mustPanic(t *testing.T, f func(), parts ...string) {
	t.Helper()
	defer func() {
		t.Helper()
		text, ok := recover().(string)
		if !ok {
			t.Errorf("want a panic with a text about %q", parts)
			return
		}
		for _, part := range append(parts, "simnet: ") {
			if !strings.Contains(text, part) {
				t.Errorf("panic %q does not mention %q", text, part)
			}
		}
	}()
	f()
}
