package codec_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/journal/codec"
)

type (
	ring struct {
		Next *ring
		Of   []ring
	}
	sameRing struct {
		Of   []sameRing
		Next *sameRing
	}
)

// TestFingerprints: types that are encoded alike have one fingerprint, and others have
// different ones.
func TestFingerprints(t *testing.T) {
	alike := [][]reflect.Type{
		{reflect.TypeFor[struct{ A, B int }](), reflect.TypeFor[struct{ B, A int }](), reflect.TypeFor[struct {
			X int `cbor:"A"`
			B int
		}]()},
		{reflect.TypeFor[struct{ A, C int }]()},
		{reflect.TypeFor[struct{ A int }]()},
		{reflect.TypeFor[struct {
			A int64
			B int
		}]()},
		{reflect.TypeFor[string](), reflect.TypeFor[text]()},
		{reflect.TypeFor[[]byte](), reflect.TypeFor[blob](), reflect.TypeFor[[]octet]()},
		{reflect.TypeFor[[3]byte]()},
		{reflect.TypeFor[[4]byte]()},
		{reflect.TypeFor[*string]()},
		{reflect.TypeFor[**string]()},
		{reflect.TypeFor[map[string]int]()},
		{reflect.TypeFor[map[int]string]()},
		{reflect.TypeFor[any](), reflect.TypeFor[error]()},
		{reflect.TypeFor[time.Time]()},
		{reflect.TypeFor[netip.Addr]()},
		{reflect.TypeFor[netip.AddrPort]()},
		{reflect.TypeFor[struct{}](), reflect.TypeFor[struct{ _ int }]()},
		{reflect.TypeFor[struct{ A struct{} }]()},
		{reflect.TypeFor[ring](), reflect.TypeFor[sameRing]()},
	}
	seen := map[codec.Fingerprint]int{}
	for i, types := range alike {
		for _, typ := range types {
			f, err := codec.FingerprintOf(typ)
			if err != nil {
				t.Fatal(err)
			}
			if n, ok := seen[f]; ok && n != i {
				t.Errorf("%v has the fingerprint %v, as one of %v has", typ, f, alike[n])
			} else if !ok && typ != types[0] {
				t.Errorf("%v has another fingerprint than %v", typ, types[0])
			}
			seen[f] = i
		}
	}
	// Other machines have programs of other builds, so this never changes.
	if f, err := codec.FingerprintOf(reflect.TypeFor[tree]()); err != nil || f.String() != "f2b8f266c0e64472" {
		t.Errorf("the fingerprint is %v, error %v", f, err)
	}
	if f, err := codec.FingerprintOf(reflect.TypeFor[unwritable]()); err == nil || f != (codec.Fingerprint{}) {
		t.Errorf("got %v, error %v", f, err)
	}
}
