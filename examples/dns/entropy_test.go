package main

import (
	"errors"
	"io"
	"testing"

	"github.com/go-marketplace/marketplace/world"
)

// TestEntropy: each opening gives one number, which is another one each time.
func TestEntropy(t *testing.T) {
	seen := map[uint16]bool{}
	for range 1000 {
		h, err := entropy{}.Open(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		v, err := h.Recv()
		u, ok := v.(unguessed)
		if err != nil || !ok {
			t.Fatal(v, err)
		}
		seen[u.ID] = true
		if v, err := h.Recv(); !errors.Is(err, io.EOF) {
			t.Fatal(v, err)
		}
		if n, err := h.Try(nil); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := h.Try([]any{1}); n != 0 || err == nil {
			t.Fatal("it takes a command")
		}
		for range 2 {
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(seen) < 900 {
		t.Errorf("of 1000 numbers, %d are different", len(seen))
	}
	if _, ok := world.Registered("dns.unguessed"); !ok {
		t.Error("the number cannot be written to a journal")
	}
}
