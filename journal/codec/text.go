package codec

import (
	"encoding/hex"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// The limits of Text, in bytes: for the whole, and for a string.
const (
	mostText   = 240
	mostString = 64
)

// Text returns a short text for people that describes the value at the beginning of data,
// which [Append] has encoded:
//
//	tcp.received{Bytes: "hello\n"}
//
// A text that is too long is cut and ends with an ellipsis. The fields are in the order of
// the encoding. If the data is invalid, the text says so.
func Text(data []byte) string {
	p := printer{reader: reader{data: data}, most: mostText}
	if p.null() {
		return "nil"
	}
	name, err := readName(&p.reader)
	if err != nil {
		return "unreadable (" + err.Error() + ")"
	}
	p.out = append(p.out, name...)
	isMap := p.peek()&0xe0 == mapping
	if !isMap {
		p.out = append(p.out, '(')
	}
	if ok := p.item(1); !ok {
		return string(append(p.out, "…"...))
	}
	if !isMap {
		p.out = append(p.out, ')')
	}
	return string(p.out)
}

// A printer describes the data that it reads.
type printer struct {
	reader
	out  []byte
	most int // about how many bytes it writes at most
}

// item writes the next item, and reports whether it did and was not too long.
func (p *printer) item(depth int) bool {
	if len(p.out) > p.most || depth > maxDepth {
		return false
	}
	if first := p.peek(); first >= float16 && first <= float64_ {
		bits, err := p.float()
		p.out = strconv.AppendFloat(p.out, math.Float64frombits(bits), 'g', -1, 64)
		return err == nil
	}
	start := p.at
	major, n, err := p.head()
	if err != nil {
		return false
	}
	switch major {
	case positive:
		p.out = strconv.AppendUint(p.out, n, 10)
	case negative:
		p.out = append(p.out, '-')
		if n == math.MaxUint64 {
			p.out = append(p.out, "18446744073709551616"...)
		} else {
			p.out = strconv.AppendUint(p.out, n+1, 10)
		}
	case bytes_, text:
		p.at = start
		b, err := p.chunk(major)
		p.quote(b)
		return err == nil
	case array:
		return p.parts('[', n, ']', func() bool { return p.item(depth + 1) })
	case mapping:
		return p.parts('{', n, '}', func() bool {
			if !p.key(depth + 1) {
				return false
			}
			p.out = append(p.out, ": "...)
			return p.item(depth + 1)
		})
	case tagged:
		if n == sealedTag {
			p.at = start
			return p.sealed(depth)
		}
		return p.item(depth + 1)
	default:
		return p.simple(major | byte(n))
	}
	return true
}

func (p *printer) simple(b byte) bool {
	switch b {
	case false_:
		p.out = append(p.out, "false"...)
	case true_:
		p.out = append(p.out, "true"...)
	case null:
		p.out = append(p.out, "nil"...)
	default:
		return false
	}
	return true
}

func (p *printer) parts(open byte, n uint64, end byte, part func() bool) bool {
	p.out = append(p.out, open)
	for i := range n {
		if i > 0 {
			p.out = append(p.out, ", "...)
		}
		if !part() {
			return false
		}
	}
	p.out = append(p.out, end)
	return true
}

// key writes a key: without quotes, if it is the name of a field.
func (p *printer) key(depth int) bool {
	start := p.at
	if b, err := p.string(); err == nil && isName(b) {
		p.out = append(p.out, b...)
		return true
	}
	p.at = start
	return p.item(depth)
}

func isName(b []byte) bool {
	if len(b) == 0 || len(b) > mostString {
		return false
	}
	for i, c := range string(b) {
		if c == utf8.RuneError || c != '_' && !unicode.IsLetter(c) && (i == 0 || !unicode.IsDigit(c)) {
			return false
		}
	}
	return true
}

// quote writes a string in quotes, or in hexadecimal digits if it is not printable.
func (p *printer) quote(b []byte) {
	more := p.most != math.MaxInt && len(b) > mostString
	if more {
		b = b[:mostString]
		// Not in the middle of a character.
		for i := 0; i < utf8.UTFMax && len(b) > 0 && !utf8.Valid(b); i++ {
			b = b[:len(b)-1]
		}
	}
	if printable(b) {
		p.out = strconv.AppendQuote(p.out, string(b))
	} else {
		p.out = hex.AppendEncode(append(p.out, "0x"...), b)
	}
	if more {
		p.out = append(p.out, "…"...)
	}
}
