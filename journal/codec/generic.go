package codec

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// This file decodes values in a program that need not have their types.

// Name returns the name of the type of the value at the beginning of data, which [Append]
// has encoded. It is empty if the value is nil.
func Name(data []byte) (string, error) {
	r := reader{data: data}
	if r.null() {
		return "", nil
	}
	name, err := readName(&r)
	return string(name), err
}

// Generic returns the value at the beginning of data, which [Append] has encoded, as
// package encoding/json would decode it, with the name of its type:
//
//	a struct, a map   map[string]any; a key that is not a string is its [Text]
//	a slice, an array []any
//	a number          int64, uint64 if it is too large for that, or float64
//	infinity, NaN     the string "+Inf", "-Inf" or "NaN"
//	bytes             a string, if they are printable UTF-8, with tabs and ends of
//	                  lines; and otherwise {"base64": "…"}
//	a string, a bool  as such; a string that is not UTF-8 like bytes
//	a time            a string, as in 2006-01-02T15:04:05.999999999Z
//	an interface      the []any of the name of the type, and the value
//	a sealed value    {"sealed": subject}, or {"erased": subject}; nil for the zero value
//
// Like [Decode], it is safe for untrusted data. The name is empty if the value is nil.
func Generic(data []byte) (name string, v any, err error) {
	r := reader{data: data}
	if r.null() {
		return "", nil, nil
	}
	b, err := readName(&r)
	if err != nil {
		return "", nil, err
	}
	v, err = r.generic(1)
	return string(b), v, err
}

// generic reads an item of any kind.
func (r *reader) generic(depth int) (any, error) {
	if depth > maxDepth {
		return nil, tooDeep()
	}
	if first := r.peek(); first >= float16 && first <= float64_ {
		bits, err := r.float()
		f := math.Float64frombits(bits)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'g', -1, 64), err
		}
		return f, err
	}
	start := r.at
	major, n, err := r.head()
	if err != nil {
		return nil, err
	}
	switch major {
	case positive:
		if n > math.MaxInt64 {
			return n, nil
		}
		return int64(n), nil
	case negative:
		if n > math.MaxInt64 {
			return -1 - float64(n), nil // no integer type of Go has such values
		}
		return ^int64(n), nil
	case bytes_, text:
		r.at = start
		return r.genericString(major)
	case array:
		if n > uint64(len(r.data)-r.at) {
			return nil, r.truncated()
		}
		all := make([]any, 0, min(n, initialCap))
		for range n {
			e, err := r.generic(depth + 1)
			if err != nil {
				return nil, err
			}
			all = append(all, e)
		}
		return all, nil
	case mapping:
		if n > uint64(len(r.data)-r.at)/2 {
			return nil, r.truncated()
		}
		all := make(map[string]any, min(n, initialCap))
		for range n {
			k, err := r.genericKey(depth + 1)
			if err != nil {
				return nil, err
			}
			if all[k], err = r.generic(depth + 1); err != nil {
				return nil, err
			}
		}
		return all, nil
	case tagged:
		if n == sealedTag {
			r.at = start
			return r.genericSealed(depth)
		}
		return r.generic(depth + 1)
	}
	switch major | byte(n) {
	case false_, true_:
		return n == 21, nil
	case null:
		return nil, nil
	}
	return nil, refuse("the simple value at byte ", strconv.Itoa(start), " is not one that this package writes")
}

func (r *reader) genericString(major byte) (any, error) {
	start := r.at
	b, err := r.chunk(major)
	switch {
	case err != nil:
		return nil, err
	case major == text && !utf8.Valid(b):
		return nil, refuse("the text at byte ", strconv.Itoa(start), " is not UTF-8")
	case major == text || printable(b):
		return string(b), nil
	}
	return map[string]any{"base64": base64.StdEncoding.EncodeToString(b)}, nil
}

// genericKey reads a key. It returns the key itself if it is a text, and otherwise a text
// for it as Text has it.
func (r *reader) genericKey(depth int) (string, error) {
	if r.peek()&0xe0 == text {
		b, err := r.chunk(text)
		return string(b), err
	}
	start := r.at
	if err := r.skip(depth); err != nil {
		return "", err
	}
	p := printer{reader: reader{data: r.data[start:r.at]}, most: math.MaxInt}
	p.item(0)
	return string(p.out), nil
}

// printable reports whether bytes are a text that can be shown to people.
func printable(b []byte) bool {
	for i := 0; i < len(b); {
		c, n := utf8.DecodeRune(b[i:])
		if c == utf8.RuneError && n == 1 || !unicode.IsPrint(c) && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
		i += n
	}
	return true
}
