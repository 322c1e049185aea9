package drivertest

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
)

// inBubble runs f in a bubble. Goroutines that are still blocked there when f has
// returned fail the test, and not the whole program.
func inBubble(t *testing.T, f func(testing.TB)) {
	t.Helper()
	defer forgiveDeadlock(t)
	synctest.Test(t, func(t *testing.T) { f(t) })
}

// forgiveDeadlock recovers from the panic of a bubble in which goroutines are
// blocked for ever, and fails the test. The caller defers it.
func forgiveDeadlock(t testing.TB) {
	t.Helper()
	if p := recover(); p != nil {
		if !strings.HasPrefix(fmt.Sprint(p), "deadlock:") {
			panic(p)
		}
		t.Errorf("drivertest: goroutines are blocked for ever (%v)", p)
	}
}

// goroutines returns the stacks of the other goroutines in the bubble of the
// caller, by number.
func goroutines() map[string]string {
	buf := make([]byte, 1<<16)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	stacks := strings.Split(string(buf), "\n\n")
	own := bubbleOf(stacks[0])
	found := map[string]string{}
	for _, s := range stacks[1:] {
		if m := goroutineNumber.FindStringSubmatch(s); m != nil && bubbleOf(s) == own {
			found[m[1]] = s
		}
	}
	return found
}

// The head of a stack is: goroutine 7 [select (durable), synctest bubble 3]:
var (
	goroutineNumber = regexp.MustCompile(`^goroutine (\d+) `)
	bubbleNumber    = regexp.MustCompile(`^goroutine [^\n]*synctest bubble (\d+)`)
)

func bubbleOf(stack string) string {
	if m := bubbleNumber.FindStringSubmatch(stack); m != nil {
		return m[1]
	}
	return ""
}
