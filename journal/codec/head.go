package codec

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
)

// The major types of CBOR.
const (
	positive byte = iota << 5
	negative
	bytes_
	text
	array
	mapping
	tagged
	simple
)

// Items of one byte, and the first bytes of others.
const (
	false_   = simple | 20
	true_    = simple | 21
	null     = simple | 22
	float16  = simple | 25
	float32_ = simple | 26
	float64_ = simple | 27
	date     = tagged
)

// appendHead appends the head of an item: its major type and its argument, in
// the shortest form.
func appendHead(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

func appendInt(dst []byte, n int64) []byte {
	if n < 0 {
		return appendHead(dst, negative, uint64(^n))
	}
	return appendHead(dst, positive, uint64(n))
}

// appendString appends a text, or a byte string if it is not UTF-8.
func appendString(dst []byte, s string) []byte {
	if utf8.ValidString(s) {
		return append(appendHead(dst, text, uint64(len(s))), s...)
	}
	return append(appendHead(dst, bytes_, uint64(len(s))), s...)
}

// appendFloat appends a float in the shortest form that has all its bits.
func appendFloat(dst []byte, bits uint64) []byte {
	short, ok := narrow(bits, 52, 11, 23, 8)
	if !ok {
		return binary.BigEndian.AppendUint64(append(dst, float64_), bits)
	}
	shorter, ok := narrow(short, 23, 8, 10, 5)
	if !ok {
		return binary.BigEndian.AppendUint32(append(dst, float32_), uint32(short))
	}
	return binary.BigEndian.AppendUint16(append(dst, float16), uint16(shorter))
}

// narrow returns the bits of a float in a format with fewer bits for fraction
// and exponent, and whether it is the same number there. A NaN keeps its payload.
func narrow(bits uint64, fraction, exponent, toFraction, toExponent uint) (uint64, bool) {
	f := bits & (1<<fraction - 1)
	e := int(bits >> fraction & (1<<exponent - 1))
	sign := bits >> (fraction + exponent) << (toFraction + toExponent)
	drop := fraction - toFraction
	highest := 1<<toExponent - 1
	switch {
	case e == 1<<exponent-1: // infinite, or not a number
		return sign | uint64(highest)<<toFraction | f>>drop, f&(1<<drop-1) == 0
	case e == 0: // zero, or less than any normal number of the smaller format
		return sign, f == 0
	}
	e += 1<<(toExponent-1) - 1<<(exponent-1)
	switch {
	case e >= highest:
		return 0, false
	case e > 0:
		return sign | uint64(e)<<toFraction | f>>drop, f&(1<<drop-1) == 0
	}
	// The number is subnormal in the smaller format.
	f |= 1 << fraction
	drop += uint(1 - e)
	return sign | f>>min(drop, 63), drop <= fraction && f&(1<<drop-1) == 0
}

// widen returns the bits of a float in a format with more bits: the reverse of
// narrow.
func widen(bits uint64, fraction, exponent, toFraction, toExponent uint) uint64 {
	f := bits & (1<<fraction - 1)
	e := int(bits >> fraction & (1<<exponent - 1))
	sign := bits >> (fraction + exponent) << (toFraction + toExponent)
	add := toFraction - fraction
	bias := 1<<(toExponent-1) - 1<<(exponent-1)
	switch {
	case e == 1<<exponent-1:
		return sign | (1<<toExponent-1)<<toFraction | f<<add
	case e != 0:
		return sign | uint64(e+bias)<<toFraction | f<<add
	case f == 0:
		return sign
	}
	for e = 1; f&(1<<fraction) == 0; e-- {
		f <<= 1
	}
	return sign | uint64(e+bias)<<toFraction | f&(1<<fraction-1)<<add
}

// A reader reads encoded data.
type reader struct {
	data  []byte
	at    int
	codec *Codec // for sealed values
}

// peek returns the next byte. At the end it returns 0xff, with which no item begins.
func (r *reader) peek() byte {
	if r.at < len(r.data) {
		return r.data[r.at]
	}
	return 0xff
}

// null reports whether there is a null, and goes past it.
func (r *reader) null() bool {
	if r.peek() != null {
		return false
	}
	r.at++
	return true
}

// head reads the head of an item.
func (r *reader) head() (major byte, n uint64, err error) {
	if r.at >= len(r.data) {
		return 0, 0, r.truncated()
	}
	first := r.data[r.at]
	major, info := first&0xe0, first&0x1f
	if info < 24 {
		r.at++
		return major, uint64(info), nil
	}
	size := 1 << (info - 24)
	if info > 27 || first == simple|24 {
		return 0, 0, refuse("the byte ", strconv.Itoa(r.at), " does not begin an item of known length")
	}
	if len(r.data)-r.at-1 < size {
		return 0, 0, r.truncated()
	}
	for _, b := range r.data[r.at+1 : r.at+1+size] {
		n = n<<8 | uint64(b)
	}
	if major != simple && (info == 24 && n < 24 || info > 24 && n>>(size*4) == 0) {
		return 0, 0, refuse("the number at byte ", strconv.Itoa(r.at), " is longer than it has to be")
	}
	r.at += 1 + size
	return major, n, nil
}

// length reads the head of an item that has parts, and returns their number. Each part has
// at least each bytes.
func (r *reader) length(want byte, each int) (int, error) {
	start := r.at
	major, n, err := r.head()
	switch {
	case err != nil:
		return 0, err
	case major != want:
		r.at = start
		return 0, r.unexpected(names[want>>5])
	case n > uint64((len(r.data)-r.at)/each):
		r.at = start
		return 0, r.truncated()
	}
	return int(n), nil
}

var names = [...]string{"a number", "a negative number", "a byte string", "a text", "an array", "a map", "a tag", "a simple value"}

// chunk reads a byte string or a text, without copying it.
func (r *reader) chunk(want byte) ([]byte, error) {
	n, err := r.length(want, 1)
	if err != nil {
		return nil, err
	}
	r.at += n
	return r.data[r.at-n : r.at : r.at], nil
}

// string reads what appendString has written, without copying it.
func (r *reader) string() ([]byte, error) {
	start := r.at
	want := text
	if r.peek()&0xe0 == bytes_ {
		want = bytes_
	}
	b, err := r.chunk(want)
	if err == nil && utf8.Valid(b) != (want == text) {
		r.at = start
		return nil, refuse("the string at byte ", strconv.Itoa(start), " should be a text if it is UTF-8, and a byte string if it is not")
	}
	return b, err
}

// int reads what appendInt has written, or what appendHead has of a positive
// number.
func (r *reader) int() (isNegative bool, n uint64, err error) {
	start := r.at
	major, n, err := r.head()
	if err == nil && major != positive && major != negative {
		r.at = start
		err = r.unexpected("a number")
	}
	return major == negative, n, err
}

// float reads what appendFloat has written.
func (r *reader) float() (uint64, error) {
	start := r.at
	first := r.peek()
	if first < float16 || first > float64_ {
		return 0, r.unexpected("a float")
	}
	_, bits, err := r.head()
	if err != nil {
		return 0, err
	}
	if first == float16 {
		bits = widen(bits, 10, 5, 23, 8)
	}
	if first != float64_ {
		bits = widen(bits, 23, 8, 52, 11)
	}
	var shortest [9]byte
	if len(appendFloat(shortest[:0], bits)) != r.at-start {
		return 0, refuse("the float at byte ", strconv.Itoa(start), " is longer than it has to be")
	}
	return bits, nil
}

// skip goes past an item of any kind.
func (r *reader) skip(depth int) error {
	if depth > maxDepth {
		return tooDeep()
	}
	start := r.at
	major, n, err := r.head()
	if err != nil {
		return err
	}
	parts := uint64(0)
	switch major {
	case bytes_, text:
		if n > uint64(len(r.data)-r.at) {
			return r.truncated()
		}
		if major == text && !utf8.Valid(r.data[r.at:r.at+int(n)]) {
			return refuse("the text at byte ", strconv.Itoa(start), " is not UTF-8")
		}
		r.at += int(n)
	case array:
		parts = n
	case mapping:
		if n > uint64(len(r.data)) {
			return r.truncated()
		}
		parts = 2 * n
	case tagged:
		parts = 1
	}
	for ; parts > 0; parts-- {
		if err := r.skip(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) truncated() error {
	return refuse("it ends in the middle, or a length at byte ", strconv.Itoa(r.at), " is wrong")
}

func (r *reader) unexpected(want string) error {
	got := "the end"
	if r.at < len(r.data) {
		got = names[r.data[r.at]>>5]
	}
	return refuse("there is ", got, " at byte ", strconv.Itoa(r.at), " instead of ", want)
}

// maxDepth is how deep arrays, maps and tags may be nested.
const maxDepth = 1000

func tooDeep() error {
	return refuse("it is nested more than ", strconv.Itoa(maxDepth), " deep; is it part of itself?")
}
