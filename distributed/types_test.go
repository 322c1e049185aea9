package distributed

import (
	"reflect"
	"testing"

	"github.com/benbjohnson/immutable"
	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vmtest"
)

// same compares states as they are, and maps by what they have.
var same = cmp.Options{
	cmp.Comparer(func(a, b Network) bool { return a == b }),
	cmp.Exporter(func(reflect.Type) bool { return true }),
	contents[string, *remoteRole](), contents[uint64, string](), contents[home, *link](), contents[string, watched](),
	contents[client, actions.PID](), contents[peerOf, uint64](),
}

func contents[K comparable, V any]() cmp.Option {
	return cmp.Transformer("contents", func(m *immutable.SortedMap[K, V]) map[K]V {
		all := map[K]V{}
		for i := m.Iterator(); !i.Done(); {
			k, v, _ := i.Next()
			all[k] = v
		}
		return all
	})
}

// checkSaved fails the test if a state of a machine is not the same after it was saved and
// restored.
func checkSaved(t vmtest.TB, m *vmtest.Machine, c Config) {
	for p := range m.VM().Processes() {
		for _, typ := range c.Types() {
			if typ.State != reflect.TypeOf(p.State) {
				continue
			}
			data, err := typ.Encode(p.State)
			if err != nil {
				t.Fatalf("%v", err)
			}
			again, err := typ.Decode(data)
			if err != nil {
				t.Fatalf("%s: %v", data, err)
			}
			if diff := cmp.Diff(p.State, again, same); diff != "" {
				t.Fatalf("a state of %s was saved and restored (-was +is):\n%s", typ.Name, diff)
			}
		}
	}
}

// TestDamagedStatesAreRefused: a state from a damaged file is an error that names what is
// wrong, and no panic.
func TestDamagedStatesAreRefused(t *testing.T) {
	for _, typ := range rigConfig("a").Types() {
		for _, data := range []string{
			"", "{", `{"Nobody": 1}`,
			`{"Links": [{"Node": "b", "Roles": [{"Key": "/w=="}]}]}`,
			`{"Roles": [{"Number": 1, "Key": "/w=="}]}`,
		} {
			if s, err := typ.Decode([]byte(data)); err == nil {
				t.Errorf("a %s is read from %q: %+v", typ.Name, data, s)
			}
		}
	}
}
