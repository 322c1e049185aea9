package main

import "unicode"

// visible drops what would do something to the terminals of others: control
// characters, and those that turn the direction of a text. Bytes that are not
// UTF-8 come as U+FFFD.
func visible(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case ' ' <= r && r <= '~': // most are
		return r
	case unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp):
		return -1
	}
	return r
}
