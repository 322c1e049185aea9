package distributed

import (
	"errors"
	"testing"
)

// TestPrivateNames: a name that begins as that of a private place, and names no owner, is of a
// place that nobody can use.
func TestPrivateNames(t *testing.T) {
	for name, admitted := range map[string]bool{
		"private/b/x": true, "private/b/": true, "private/b": true, "private": true, "privately/a": true,
		"private/a/x": false, "private/%zz/x": false, "private/": false, "private//x": false,
	} {
		if err := (Config{}).admit(Wish{Client: "b", Place: name}); (err == nil) != admitted || err != nil && !errors.Is(err, ErrNotAdmitted) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
