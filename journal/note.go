package journal

import (
	"crypto/sha256"
	"fmt"
	"unicode/utf8"
)

// maxNote is the limit for a name, a role or a reason in a journal, in bytes. Texts of
// values can be much larger than the values, and a record of the log must have room.
const maxNote = 4 << 10

// noted returns a text as a journal has it. A long one is cut off, and gets a hash, so that
// different texts stay different. The result stays as it is if it is noted again.
func noted(text string) string {
	const mark = 64 // bytes, at most
	if len(text) <= maxNote {
		return text
	}
	end := maxNote - mark
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%s… (%d bytes, hash %x)", text[:end], len(text), sum[:8])
}

// maxTrace is how large an entry with a trace becomes, in bytes, before another one begins.
const maxTrace = 4 << 20

// cutTrace returns the steps for the next entry, and the rest.
func cutTrace(steps []step) (next, rest []step) {
	size := 0
	for i := range steps {
		if size += len(steps[i].name) + len(steps[i].text) + 10*len(steps[i].path) + 32; size > maxTrace && i > 0 {
			return steps[:i], steps[i:]
		}
	}
	return steps, nil
}
