package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrMalformed says that what was read is not what a machine of this version writes.
var ErrMalformed = errors.New("distributed: the other side does not keep to the protocol")

// malformed returns an [ErrMalformed] that says what is wrong.
func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...))
}

// A reader reads what [appendText] and the like have appended. After an error, which it
// keeps, it returns zero values.
type reader struct {
	data []byte
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = malformed(format, args...)
	}
	r.data = nil
}

// octet reads a byte.
func (r *reader) octet(what string) byte {
	if len(r.data) == 0 {
		r.fail("it ends before %s", what)
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

// number reads a varint.
func (r *reader) number(what string) uint64 {
	n, size := binary.Uvarint(r.data)
	switch {
	case size <= 0:
		r.fail("%s is no number", what)
		return 0
	case size > 1 && r.data[size-1] == 0:
		r.fail("%s is written longer than it has to be", what)
		return 0
	}
	r.data = r.data[size:]
	return n
}

// word reads 8 bytes.
func (r *reader) word(what string) uint64 {
	if len(r.data) < 8 {
		r.fail("it ends in %s", what)
		return 0
	}
	n := binary.LittleEndian.Uint64(r.data)
	r.data = r.data[8:]
	return n
}

// chunk reads bytes with their length before them. They share memory with the data.
func (r *reader) chunk(what string, most int) []byte {
	n := r.number(what)
	switch {
	case r.err != nil:
		return nil
	case n > uint64(most):
		r.fail("%s has %d bytes, and at most %d are allowed", what, n, most)
		return nil
	case n > uint64(len(r.data)):
		r.fail("it ends in %s", what)
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

// text reads a string that is UTF-8.
func (r *reader) text(what string, most int) string {
	b := r.chunk(what, most)
	if !utf8.Valid(b) {
		r.fail("%s is not UTF-8", what)
		return ""
	}
	return string(b)
}

// end returns the error, or one if there is more to read.
func (r *reader) end() error {
	if r.err == nil && len(r.data) > 0 {
		r.fail("%d bytes more than there should be", len(r.data))
	}
	return r.err
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// withLength puts their length before the bytes that were appended since start.
func withLength(dst []byte, start int) []byte {
	var head [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(len(dst)-start))
	dst = append(dst, head[:n]...)
	copy(dst[start+n:], dst[start:len(dst)-n])
	copy(dst[start:], head[:n])
	return dst
}
