package text_test

import (
	"bytes"
	"testing"

	"github.com/go-marketplace/marketplace/internal/text"
)

// TestIssue14B8Plain: whatever is written, in whichever pieces, a terminal gets only text.
func TestIssue14B8Plain(t *testing.T) {
	const in = "a\x1b[2J\tb\u009bc\u202ed\x9be\r\né世\x00" + "\xe4\xb8"
	const want = `a\u001b[2J` + "\tb" + `\u009bc\u202ed\x9be\u000d` + "\né世" + `\u0000`
	for size := 1; size <= len(in); size++ {
		var out bytes.Buffer
		w := text.Plain(&out)
		for b := []byte(in); len(b) > 0; {
			n := min(size, len(b))
			if got, err := w.Write(b[:n]); got != n || err != nil {
				t.Fatal(got, err)
			}
			b = b[n:]
		}
		if out.String() != want {
			t.Errorf("in pieces of %d: %q, want %q", size, &out, want)
		}
	}
}
