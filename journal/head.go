package journal

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"time"
)

// A Head says which program has written the part of a journal that follows it.
type Head struct {
	Format     uint64     // of the journal
	Schema     uint64     // Config.Schema of the program
	Program    string     // a fingerprint of the program: see [Fingerprint]
	Time       time.Time  // when the program began to write this part, in UTC
	Durability Durability // Config.Durability of the program
	Every      uint64     // inputs between two digests
	Trace      bool       // each input has a trace
	States     bool       // traces and samples have the states of processes of Config.Types
	Adopts     bool       // replays do not compare the results of the inputs before it: see Config.Adopt
	Seq        uint64     // of the last input before it; 0 if there is none
	Base       uint64     // the last input in the snapshot from which the program went on when it took over from another one; 0 if there was none
	ID         ID         // of the journal; zero in formats 1 and 2
	Settings   []Setting  // of the program: see Config.Settings
	Repairs    []Repair   // what people have changed in the history before it, the oldest first
}

// An ID is the identity of a journal, which it keeps as long as it goes on. It is random.
type ID [16]byte

// String returns the ID in hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

func newID() (id ID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

const (
	headTraces = 1 << iota
	headAdopts
	headStates
)

func appendHead(dst []byte, h Head) []byte {
	dst = append(dst, byte(headEntry))
	dst = binary.AppendUvarint(dst, h.Format)
	dst = binary.AppendUvarint(dst, h.Seq)
	dst = binary.AppendUvarint(dst, h.Schema)
	dst = appendText(dst, h.Program)
	dst = binary.AppendVarint(dst, h.Time.UnixNano())
	dst = append(dst, byte(h.Durability), flag(h.Trace, headTraces)|flag(h.Adopts, headAdopts)|flag(h.States, headStates))
	dst = binary.AppendUvarint(dst, h.Every)
	if h.Format < 3 {
		return dst
	}
	dst = append(dst, h.ID[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(h.Repairs)))
	for _, e := range h.Repairs {
		dst = append(dst, byte(e.Kind))
		dst = binary.AppendUvarint(dst, e.First)
		dst = binary.AppendUvarint(dst, e.Last)
		dst = binary.AppendVarint(dst, e.Time.UnixNano())
	}
	if h.Format < 4 {
		return dst
	}
	dst = binary.AppendUvarint(dst, h.Base)
	dst = binary.AppendUvarint(dst, uint64(len(h.Settings)))
	for _, s := range h.Settings {
		dst = appendText(appendText(dst, s.Name), s.Value)
	}
	return dst
}

func readHead(s *scanner) (h Head) {
	h.Format = s.uint()
	if h.Format > format {
		s.fail(fmt.Sprintf("the journal has format %d, and this program knows formats up to %d: use a newer program", h.Format, format))
		return h
	}
	if h.Seq = s.uint(); h.Seq > math.MaxInt64 {
		s.fail(fmt.Sprintf("%d inputs before it", h.Seq))
		return h
	}
	h.Schema = s.uint()
	h.Program = s.text()
	h.Time = time.Unix(0, s.int()).UTC()
	h.Durability = Durability(s.byte())
	has := s.byte()
	h.Trace, h.Adopts, h.States = has&headTraces != 0, has&headAdopts != 0, has&headStates != 0
	h.Every = s.uint()
	if h.Format >= 3 {
		copy(h.ID[:], s.take(len(h.ID)))
		h.Repairs = make([]Repair, s.length(4))
		for i := range h.Repairs {
			h.Repairs[i] = Repair{RepairKind(s.byte()), s.uint(), s.uint(), time.Unix(0, s.int()).UTC()}
		}
	}
	if h.Format >= 4 {
		h.Base = s.uint()
		h.Settings = make([]Setting, s.length(2))
		for i := range h.Settings {
			h.Settings[i] = Setting{s.text(), s.text()}
		}
	}
	return h
}
