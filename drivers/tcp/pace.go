package tcp

import (
	"bytes"
	"fmt"
	"slices"
)

// A pace controls the flow from a peer. It has the mode and the credit of the flow,
// and the bytes that have come and wait. The zero pace holds nothing back. Nobody
// writes to the bytes and parts of a pace, so a copy of a pace is independent of it.
type pace struct {
	mode    Mode
	limited bool // credit counts
	ended   bool // nothing comes after the bytes that wait
	credit  int

	// The bytes that wait, in their order:
	begun *part    // the beginning of a line without its end
	next  []byte   // the bytes after begun
	more  [][]byte // the bytes after next; empty if next is
}

// A part has bytes of a line whose end has not come yet, and the part before it. To
// add a piece costs the same however long the line already is.
type part struct {
	before *part
	bytes  []byte
	size   int // together with what is before
}

// len returns how many bytes there are.
func (b *part) len() int {
	if b == nil {
		return 0
	}
	return b.size
}

// with returns the bytes of b, followed by end, in one piece.
func (b *part) with(end []byte) []byte {
	if b == nil {
		return end
	}
	all := make([]byte, b.size+len(end))
	copy(all[b.size:], end)
	for ; b != nil; b = b.before {
		copy(all[b.size-len(b.bytes):], b.bytes)
	}
	return all
}

// free reports whether p holds nothing back, and nothing waits.
func (p *pace) free() bool { return p.mode == Mode{} && !p.limited && p.empty() && !p.ended }

// empty reports whether nothing waits.
func (p *pace) empty() bool { return p.begun == nil && len(p.next) == 0 }

// same reports whether p and q are equal, with nothing waiting and credit left.
func (p *pace) same(q *pace) bool {
	return p.empty() && q.empty() && !p.ended && !p.spent() &&
		p.mode == q.mode && p.limited == q.limited && p.credit == q.credit
}

// done reports whether the flow has ended, and nothing waits.
func (p *pace) done() bool { return p.ended && p.empty() }

// spent reports whether there is no credit left.
func (p *pace) spent() bool { return p.limited && p.credit == 0 }

// put adds bytes that have come.
func (p *pace) put(b []byte) {
	if len(p.next) == 0 {
		p.next = b
		return
	}
	p.more = append(slices.Clip(p.more), b)
}

// switchTo sets the mode and the credit.
func (p *pace) switchTo(m Mode, credit int) {
	if b := p.begun; b != nil {
		p.begun = nil
		if len(p.next) > 0 {
			p.more = slices.Concat([][]byte{p.next}, p.more)
		}
		p.next = b.with(nil)
	}
	p.mode = m
	p.limited = credit != Unlimited
	p.credit = credit
}

// grant adds to the credit.
func (p *pace) grant(credit int) error {
	switch {
	case !p.limited:
	case credit == Unlimited:
		p.limited = false
	case credit >= Unlimited-p.credit:
		return fmt.Errorf("%w: a Grant of %d overflows the credit of %d that is left; to remove the limit, grant Unlimited",
			ErrControl, credit, p.credit)
	default:
		p.credit += credit
	}
	return nil
}

// cut takes the next piece for which there is credit. It returns nil if there is
// none, and an error if the next line is too long.
func (p *pace) cut() ([]byte, error) {
	switch {
	case p.spent():
		return nil, nil
	case p.mode.MaxLine > 0:
		return p.line()
	case len(p.next) == 0:
		return nil, nil
	}
	n := len(p.next)
	if p.limited {
		n = min(n, p.credit)
	}
	p.spend(n)
	return p.take(n), nil
}

// line is cut in the mode Lines.
func (p *pace) line() ([]byte, error) {
	for len(p.next) > 0 {
		n := bytes.IndexByte(p.next, '\n') + 1
		complete := n > 0
		if !complete {
			n = len(p.next)
		}
		if n > p.mode.MaxLine-p.begun.len() {
			return nil, fmt.Errorf("%w: it has more than %d bytes", ErrLineTooLong, p.mode.MaxLine)
		}
		b := p.take(n)
		if complete {
			return p.end(b), nil
		}
		p.begin(b)
	}
	if p.ended && p.begun != nil {
		return p.end(nil), nil
	}
	return nil, nil
}

// begin keeps bytes of a line whose end has not come.
func (p *pace) begin(b []byte) {
	if p.begun == nil && len(b) <= firstBuffer {
		b = bytes.Clone(b) // does not keep the whole buffer in memory
	}
	p.begun = &part{p.begun, b, p.begun.len() + len(b)}
}

// end returns the line that ends with b.
func (p *pace) end(b []byte) []byte {
	b = p.begun.with(b)
	p.begun = nil
	p.spend(1)
	return b
}

func (p *pace) spend(n int) {
	if p.limited {
		p.credit -= n
	}
}

// take takes n bytes from the front of next.
func (p *pace) take(n int) []byte {
	b := p.next[:n:n]
	p.next = p.next[n:]
	if len(p.next) == 0 {
		p.next = nil
		if len(p.more) > 0 {
			p.next, p.more = p.more[0], p.more[1:]
		}
	}
	return b
}
