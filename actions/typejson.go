package actions

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/internal/unsealed"
)

// CodedAs is [Coded] for states that are written as values of another type W, in
// JSON. W has exported fields only, and its slices have an order that the state
// determines. The names of its fields are written, too, so they must never change.
// Strings in W must be UTF-8, or encoding fails: use []byte for other bytes. Decoding
// fails if the data has a field that W does not have.
//
// The function write converts a state to a W, and read converts it back. The W that
// read gets may come from a damaged file, so read checks what it relies on, and
// returns an error.
//
// CodedAs panics if W has sealed values (package sealed), which JSON cannot have. A state with
// sealed values must be plain data, which a journal encodes.
func CodedAs[S, W any](d Definition[S], write func(S) W, read func(W) (S, error)) Definition[S] {
	if unsealed.In(reflect.TypeFor[W]()) {
		panic(fmt.Sprintf("actions: CodedAs(%q): %v has sealed values, which JSON cannot have; let the state itself be plain data", d.Name, reflect.TypeFor[W]()))
	}
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

// unmarshal is json.Unmarshal, but returns an error for a field that to does not
// have.
func unmarshal(data []byte, to any) error {
	if !json.Valid(data) {
		return json.Unmarshal(data, to) // which says why
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(to)
}

// replaces reports whether JSON data has a replacement character in the place of
// bytes that are not UTF-8. Package json writes that as an escape, and the same
// character in a string as it is.
func replaces(data []byte) bool {
	return bytes.Contains(bytes.ReplaceAll(data, []byte(`\\`), nil), []byte(`\ufffd`))
}
