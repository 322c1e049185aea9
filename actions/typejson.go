package actions

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// CodedAs is [Coded] for states that are written as values of another type, in
// JSON. W is plain data, made for that purpose: exported fields only, and lists
// in an order that follows from the state. Its strings are UTF-8, or the state
// cannot be written; what may be any bytes is a []byte. Field names are written,
// too, so they must never change, and what is written with a field that W does
// not have is refused.
//
// The function write makes a W of a state, and read makes the state again. Read
// is given what was found in a file, so it checks what it relies on.
func CodedAs[S, W any](d Definition[S], write func(S) W, read func(W) (S, error)) Definition[S] {
	encode := func(s S) ([]byte, error) {
		data, err := json.Marshal(write(s))
		switch {
		case err != nil:
			return nil, fmt.Errorf("actions: a state of type %q cannot be written: %w", d.Name, err)
		case replaces(data):
			return nil, fmt.Errorf("actions: a state of type %q cannot be written: it has a string that is not UTF-8", d.Name)
		}
		return data, nil
	}
	decode := func(data []byte) (S, error) {
		var w W
		err := unmarshal(data, &w)
		if err == nil {
			var s S
			if s, err = read(w); err == nil {
				return s, nil
			}
		}
		var none S
		return none, fmt.Errorf("actions: this is no state of type %q: %w", d.Name, err)
	}
	return Coded(d, encode, decode)
}

// unmarshal is that of package json, but for a field that is not there.
func unmarshal(data []byte, to any) error {
	if !json.Valid(data) {
		return json.Unmarshal(data, to) // which says why
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(to)
}

// replaces reports whether something stands in JSON for bytes that could not be
// written. It is an escape, which the same character in a string is not.
func replaces(data []byte) bool {
	return bytes.Contains(bytes.ReplaceAll(data, []byte(`\\`), nil), []byte(`\ufffd`))
}
