package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

func flag(b bool, bit byte) byte {
	if b {
		return bit
	}
	return 0
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendPath(dst []byte, p vm.Path) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(p)))
	for _, pid := range p {
		dst = binary.AppendUvarint(dst, uint64(pid))
	}
	return dst
}

// A scanner reads the parts of an entry. After the first error it returns only zeros.
type scanner struct {
	data []byte
	err  error
}

var errShort = errors.New("it ends too early")

func (s *scanner) fail(reason string) {
	if s.err == nil {
		s.err = errors.New(reason)
	}
	s.data = nil
}

func (s *scanner) byte() byte {
	if len(s.data) == 0 {
		s.short()
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return b
}

func (s *scanner) short() {
	if s.err == nil {
		s.err = errShort
	}
	s.data = nil
}

func (s *scanner) uint() uint64 {
	v, n := binary.Uvarint(s.data)
	if n <= 0 {
		s.short()
		return 0
	}
	s.data = s.data[n:]
	return v
}

func (s *scanner) int() int64 {
	v, n := binary.Varint(s.data)
	if n <= 0 {
		s.short()
		return 0
	}
	s.data = s.data[n:]
	return v
}

// limit reads one of vm.Limits.
func (s *scanner) limit() int {
	n := s.uint()
	if n > math.MaxInt32 {
		s.fail(fmt.Sprintf("a limit of %d", n))
		return 0
	}
	return int(n)
}

// length reads how many parts follow, each of which has at least least bytes.
func (s *scanner) length(least int) int {
	n := s.uint()
	if n > uint64(len(s.data)/least) {
		s.short()
		return 0
	}
	return int(n)
}

func (s *scanner) text() string { return string(s.bytes()) }

// bytes reads the bytes of a text.
func (s *scanner) bytes() []byte {
	n := s.length(1)
	b := s.data[:n]
	s.data = s.data[n:]
	return b
}

func (s *scanner) path() vm.Path {
	n := s.length(1)
	if n == 0 {
		return nil
	}
	p := make(vm.Path, n)
	for i := range p {
		p[i] = actions.PID(s.uint())
	}
	return p
}

// end fails if anything is left.
func (s *scanner) end() {
	if len(s.data) > 0 && s.err == nil {
		s.fail(fmt.Sprintf("%d bytes are left over", len(s.data)))
	}
}

// take reads n bytes.
func (s *scanner) take(n int) []byte {
	if len(s.data) < n {
		s.short()
		return nil
	}
	b := s.data[:n]
	s.data = s.data[n:]
	return b
}

// fixed reads eight bytes.
func (s *scanner) fixed() uint64 {
	if len(s.data) < 8 {
		s.short()
		return 0
	}
	v := binary.LittleEndian.Uint64(s.data)
	s.data = s.data[8:]
	return v
}
