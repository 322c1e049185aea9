package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal/keys"
)

// TestIssue14Erase: erase removes the key of a subject, and says what it cannot do.
func TestIssue14Erase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	store := keys.Dir(dir, nil)
	k, err := store.Current("c17")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"c17"}, 2, "-keys is missing"},
		{[]string{"-keys", dir}, 2, "the subject is missing"},
		{[]string{"-keys", dir, "c17", "c18"}, 2, "there are several"},
		{[]string{"-keys", dir, "c18"}, 1, `no key for "c18"`},
		{[]string{"-keys", dir + "x", "c17"}, 1, `no key for "c17"`},
		{[]string{"-keys", dir, "c17"}, 0, `what is sealed for "c17" cannot be read any more`},
		{[]string{"c17", "-keys", dir}, 0, "erased"},
	} {
		var out, errs bytes.Buffer
		status := run(append([]string{"journal", "erase"}, tt.args...), &out, &errs)
		if says := out.String() + errs.String(); status != tt.status || !strings.Contains(says, tt.says) {
			t.Errorf("%v: status %d, %s", tt.args, status, says)
		}
	}
	if _, err := store.Find("c17", k.ID()); !errors.Is(err, keys.ErrErased) {
		t.Error(err)
	}
}
