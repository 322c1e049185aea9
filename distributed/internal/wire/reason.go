package wire

import (
	"strings"

	"github.com/go-marketplace/marketplace/world"
)

// maxReason is how many bytes each part of a reason has at most. Longer ones are cut.
const maxReason = 1 << 10

// appendReason appends the form of an error that [world.Reduce] makes, or of nil.
func appendReason(dst []byte, err error) []byte {
	e, ok := world.Reduce(err).(*world.Error)
	if !ok {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	for _, s := range []string{e.Kind, e.Op, e.Addr, e.Text} {
		if len(s) > maxReason {
			s = strings.ToValidUTF8(s[:maxReason], "")
		}
		dst = appendText(dst, s)
	}
	return dst
}

// reason reads a reason: nil, or a [*world.Error].
func (r *reader) reason() error {
	switch b := r.octet("a reason"); b {
	case 0:
		return nil
	case 1:
		var e world.Error
		for _, s := range []*string{&e.Kind, &e.Op, &e.Addr, &e.Text} {
			*s = r.text("a reason", maxReason)
		}
		if r.err != nil {
			return nil
		}
		return &e
	default:
		r.fail("a reason begins with %d", b)
		return nil
	}
}
