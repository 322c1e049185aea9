package text

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// Plain returns a writer that passes text on to w, for a terminal: it writes control
// characters other than newlines and tabs, characters that change the direction of
// writing, and bytes that are not text as \u001b, \u202e and \x9b. So what somebody
// else has written cannot control the terminal. In JSON, what it writes for characters is
// an escape sequence for them.
func Plain(w io.Writer) io.Writer { return &plain{w: w} }

type plain struct {
	w    io.Writer
	rest []byte // the beginning of a character
	buf  []byte
}

func (p *plain) Write(b []byte) (int, error) {
	data := b
	if len(p.rest) > 0 {
		data = append(p.rest, b...)
	}
	p.buf = p.buf[:0]
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && n == 1 && !utf8.FullRune(data):
			p.rest = append([]byte(nil), data...)
			return p.flush(len(b))
		case r == utf8.RuneError && n == 1:
			p.buf = fmt.Appendf(p.buf, `\x%02x`, data[0])
		case r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Bidi_Control):
			p.buf = fmt.Appendf(p.buf, `\u%04x`, r)
		default:
			p.buf = append(p.buf, data[:n]...)
		}
		data = data[n:]
	}
	p.rest = nil
	return p.flush(len(b))
}

func (p *plain) flush(n int) (int, error) {
	if _, err := p.w.Write(p.buf); err != nil {
		return 0, err
	}
	return n, nil
}
