package codec

import (
	"math"
	"reflect"
	"strconv"
	"time"
)

// This file encodes and decodes values that have no parts.

func writeBool(dst []byte, v reflect.Value, _ int, _ *Codec) ([]byte, error) {
	if v.Bool() {
		return append(dst, true_), nil
	}
	return append(dst, false_), nil
}

func readBool(r *reader, v reflect.Value, _ int) error {
	b := r.peek()
	if b != true_ && b != false_ {
		return r.unexpected("a bool")
	}
	r.at++
	v.SetBool(b == true_)
	return nil
}

func writeInt(dst []byte, v reflect.Value, _ int, _ *Codec) ([]byte, error) {
	return appendInt(dst, v.Int()), nil
}

func readInt(r *reader, v reflect.Value, _ int) error {
	start := r.at
	isNegative, n, err := r.int()
	if err != nil {
		return err
	}
	i := int64(n)
	if isNegative {
		i = ^i
	}
	if n > math.MaxInt64 || v.OverflowInt(i) {
		return tooLarge(start, v.Type())
	}
	v.SetInt(i)
	return nil
}

func writeUint(dst []byte, v reflect.Value, _ int, _ *Codec) ([]byte, error) {
	return appendHead(dst, positive, v.Uint()), nil
}

func readUint(r *reader, v reflect.Value, _ int) error {
	start := r.at
	isNegative, n, err := r.int()
	if err != nil {
		return err
	}
	if isNegative || v.OverflowUint(n) {
		return tooLarge(start, v.Type())
	}
	v.SetUint(n)
	return nil
}

func tooLarge(at int, t reflect.Type) error {
	return refuse("the number at byte ", strconv.Itoa(at), " does not fit in ", t.String())
}

func writeFloat(dst []byte, v reflect.Value, _ int, _ *Codec) ([]byte, error) {
	return appendFloat(dst, floatBits(v)), nil
}

// floatBits returns the bits of a float as a float64. A plain conversion would change the
// payload of a NaN on some processors.
func floatBits(v reflect.Value) uint64 {
	f := v.Float()
	if f != f && v.Kind() == reflect.Float32 {
		return widen(uint64(math.Float32bits(*pointerTo(v).Convert(reflect.TypeFor[*float32]()).Interface().(*float32))), 23, 8, 52, 11)
	}
	return math.Float64bits(f)
}

func readFloat(r *reader, v reflect.Value, _ int) error {
	start := r.at
	bits, err := r.float()
	if err != nil {
		return err
	}
	if v.Kind() == reflect.Float64 {
		v.SetFloat(math.Float64frombits(bits))
		return nil
	}
	short, ok := narrow(bits, 52, 11, 23, 8)
	if !ok {
		return tooLarge(start, v.Type())
	}
	*v.Addr().Convert(reflect.TypeFor[*float32]()).Interface().(*float32) = math.Float32frombits(uint32(short))
	return nil
}

func writeString(dst []byte, v reflect.Value, _ int, _ *Codec) ([]byte, error) {
	return appendString(dst, v.String()), nil
}

func readString(r *reader, v reflect.Value, _ int) error {
	b, err := r.string()
	if err == nil {
		v.SetString(string(b))
	}
	return err
}

func writeBytes(dst []byte, v reflect.Value, _ int, _ *Codec) ([]byte, error) {
	if v.IsNil() {
		return append(dst, null), nil
	}
	b := v.Bytes()
	return append(appendHead(dst, bytes_, uint64(len(b))), b...), nil
}

func readBytes(r *reader, v reflect.Value, _ int) error {
	if r.null() {
		return nil
	}
	b, err := r.chunk(bytes_)
	if err == nil {
		v.SetBytes(append(make([]byte, 0, len(b)), b...))
	}
	return err
}

func writeOctets(dst []byte, v reflect.Value, _ int, _ *Codec) ([]byte, error) {
	dst = appendHead(dst, bytes_, uint64(v.Len()))
	for i := range v.Len() {
		dst = append(dst, byte(v.Index(i).Uint()))
	}
	return dst, nil
}

func readOctets(r *reader, v reflect.Value, _ int) error {
	start := r.at
	b, err := r.chunk(bytes_)
	if err != nil {
		return err
	}
	if len(b) != v.Len() {
		return wrongLength(start, len(b), v.Type())
	}
	for i, b := range b {
		v.Index(i).SetUint(uint64(b))
	}
	return nil
}

func wrongLength(at, n int, t reflect.Type) error {
	return refuse("there are ", strconv.Itoa(n), " elements at byte ", strconv.Itoa(at), ", which is not the length of ", t.String())
}

const dateLayout = time.RFC3339Nano

func writeTime(dst []byte, v reflect.Value, _ int, _ *Codec) ([]byte, error) {
	var t time.Time
	if v.CanAddr() {
		t = *v.Addr().Interface().(*time.Time) // this does not allocate
	} else {
		t = v.Interface().(time.Time)
	}
	// Use ==, which also compares the location and the monotonic reading.
	if t != t.Round(0).UTC() {
		return nil, refuse("the time has a location other than UTC, or a monotonic reading, which cannot be restored; use t.Round(0).UTC()")
	}
	if year := t.Year(); year < 0 || year > 9999 {
		return nil, refuse("the time is in the year ", strconv.Itoa(year), ", which does not have four digits")
	}
	dst = append(dst, date, text|24, 0)
	start := len(dst)
	dst = t.AppendFormat(dst, dateLayout)
	n := len(dst) - start
	if n < 24 {
		copy(dst[start-1:], dst[start:])
		dst = dst[:len(dst)-1]
		dst[start-2] = text | byte(n)
		return dst, nil
	}
	dst[start-1] = byte(n)
	return dst, nil
}

func readTime(r *reader, v reflect.Value, _ int) error {
	start := r.at
	if r.peek() != date {
		return r.unexpected("a time")
	}
	r.at++
	b, err := r.chunk(text)
	if err != nil {
		return err
	}
	t, err := time.Parse(dateLayout, string(b))
	if err != nil || t != t.UTC() || t.Format(dateLayout) != string(b) {
		return refuse("the text at byte ", strconv.Itoa(start), " is not a time in UTC")
	}
	*v.Addr().Interface().(*time.Time) = t
	return nil
}
