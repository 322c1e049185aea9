package journal

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// A Position is a place in a history, behind one of its inputs. The zero Position is before the
// first one. [Follow] goes on from a Position if the history up to there is still the same. If only
// Seq is set, Follow does not check that.
//
// Programs keep a Position as text: see [Position.MarshalText].
type Position struct {
	Journal ID     // of the journal
	Seq     uint64 // number of the input

	hash     wal.Hash // of the record with the input; zero if nobody knows it
	repaired int64    // when the newest known repair was made, in nanoseconds since 1970
}

// String returns the number of the input.
func (p Position) String() string { return fmt.Sprint("input ", p.Seq) }

// MarshalText implements [encoding.TextMarshaler]. The text has no spaces, and at most 120 bytes.
func (p Position) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%v/%d/%v/%d", p.Journal, p.Seq, p.hash, p.repaired), nil
}

// UnmarshalText reads what MarshalText has written. An empty text is the zero Position.
func (p *Position) UnmarshalText(text []byte) error {
	*p = Position{}
	if len(text) == 0 {
		return nil
	}
	parts := strings.Split(string(text), "/")
	if len(parts) == 4 && decodeHex(p.Journal[:], parts[0]) && decodeHex(p.hash[:], parts[2]) {
		var err, err2 error
		p.Seq, err = strconv.ParseUint(parts[1], 10, 64)
		p.repaired, err2 = strconv.ParseInt(parts[3], 10, 64)
		if err == nil && err2 == nil {
			return nil
		}
	}
	*p = Position{}
	return fmt.Errorf("journal: %q is no position in a journal", text)
}

// decodeHex reports whether s is as many bytes as to has, and decodes them.
func decodeHex(to []byte, s string) bool {
	if len(s) != 2*len(to) {
		return false
	}
	_, err := hex.Decode(to, []byte(s))
	return err == nil
}
