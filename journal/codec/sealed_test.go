package codec_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/sealed"
	"github.com/go-marketplace/marketplace/world"
)

// A patient has sealed values.
type patient struct {
	ID    string
	Name  sealed.Value[string]
	Born  sealed.Value[time.Time]
	Notes []sealed.Value[note]
	More  any
}

type note struct {
	Text   string
	Author sealed.Value[string] // for another subject
}

type unnamed struct{ N int }

func init() {
	world.Register[patient]("codec_test.patient")
	world.Register[note]("codec_test.note")
	world.Register[sealed.Value[string]]("codec_test.sealedString")
	world.Register[sealed.Value[unnamed]]("codec_test.sealedUnnamed")
}

var _ codec.Sealer = (*fakeSealer)(nil)

// A fakeSealer does not encrypt, but binds what it seals.
type fakeSealer struct {
	erased map[string]bool
	broken error
}

var errUnbound = errors.New("unbound")

const fakeKey = 1 << 40

func (f *fakeSealer) Seal(dst []byte, subject string, content, bound []byte) ([]byte, uint64, bool, error) {
	if f.broken != nil || f.erased[subject] {
		return dst, 0, f.broken == nil, f.broken
	}
	mark := byte(len(bound))
	for _, b := range bound {
		mark = mark*31 + b
	}
	dst = append(dst, mark)
	for _, b := range content {
		dst = append(dst, b+1)
	}
	return dst, fakeKey, false, nil
}

func (f *fakeSealer) Open(subject string, key uint64, box, bound []byte) ([]byte, bool, error) {
	if f.broken != nil || f.erased[subject] {
		return nil, f.broken == nil, f.broken
	}
	mark, _, _, _ := f.Seal(nil, subject, nil, bound)
	if key != fakeKey || len(box) == 0 || box[0] != mark[0] {
		return nil, false, errUnbound
	}
	content := bytes.Clone(box[1:])
	for i := range content {
		content[i]--
	}
	return content, false, nil
}

func drawPatient(t *rapid.T) patient {
	text := func(name string) sealed.Value[string] {
		s := rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(t, name+" subject")
		v := sealed.Value[string]{Subject: s}
		if s != "" && rapid.Bool().Draw(t, name+" held") {
			v = sealed.For(s, "secret "+rapid.String().Draw(t, name))
		}
		return v
	}
	p := patient{ID: "17", Name: text("name")}
	for range rapid.IntRange(0, 3).Draw(t, "notes") {
		p.Notes = append(p.Notes, sealed.For("bob", note{"secret", text("author")}))
	}
	if rapid.Bool().Draw(t, "born") {
		p.Born = sealed.For("ann", time.Unix(0, rapid.Int64().Draw(t, "time")).UTC())
	}
	if rapid.Bool().Draw(t, "more") {
		p.More = text("more")
	}
	return p
}

// TestIssue14SealedRoundTrip: what is restored is equal to what was sealed, nothing shows the
// content, and without the content of one subject the rest is as it was.
func TestIssue14SealedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &fakeSealer{erased: map[string]bool{}}
		var lost []string
		c := &codec.Codec{Sealer: s, Lost: func(subject string) { lost = append(lost, subject) }}
		p := drawPatient(t)
		data, err := c.Append(nil, p)
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := c.Decode(data)
		if err != nil || len(rest) > 0 || !reflect.DeepEqual(got, p) || lost != nil {
			t.Fatalf("%#v, %x, %v, lost %v", got, rest, err, lost)
		}
		_, generic, err := codec.Generic(data)
		if err != nil || bytes.Contains(data, []byte("secret")) || strings.Contains(fmt.Sprint(generic)+codec.Text(data), "secret") {
			t.Fatalf("the content shows in %x, %v, or %s; %v", data, generic, codec.Text(data), err)
		}
		s.erased["bob"] = true
		got, _, err = c.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		want := p
		if held := p.Name.Subject == "bob" && !p.Name.Erased(); held {
			want.Name = p.Name.Without()
		}
		want.Notes = nil
		for _, n := range p.Notes {
			want.Notes = append(want.Notes, n.Without())
		}
		if v, ok := p.More.(sealed.Value[string]); ok && v.Subject == "bob" {
			want.More = v.Without()
		}
		if !reflect.DeepEqual(got, want) || (len(lost) > 0) != !reflect.DeepEqual(got, p) {
			t.Fatalf("without bob: %#v, lost %v", got, lost)
		}
		// It is written once more, by a machine that has the content, and by one that has not.
		for _, v := range []any{p, want} {
			lost = nil
			again, err := c.Append(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := c.Decode(again)
			if err != nil || !reflect.DeepEqual(got, want) || (len(lost) > 0) != !reflect.DeepEqual(v, want) {
				t.Fatalf("again: %#v, %v, lost %v", got, err, lost)
			}
		}
	})
}

// TestIssue14SealedNeedsKeys: without keys nothing with a content is written or read, and the
// error says for whom it is sealed, and where.
func TestIssue14SealedNeedsKeys(t *testing.T) {
	p := patient{Name: sealed.For("ann", "secret")}
	broken := errors.New("no disk")
	for _, c := range []*codec.Codec{nil, {}, {Sealer: &fakeSealer{broken: broken}}} {
		data, err := c.Append([]byte{1}, p)
		if err == nil || len(data) != 1 || !strings.Contains(err.Error(), `codec: codec_test.patient.Name: it`) || !strings.Contains(err.Error(), `"ann"`) {
			t.Errorf("%x, %v", data, err)
		}
		if c != nil && c.Sealer != nil && !errors.Is(err, broken) {
			t.Errorf("%v does not wrap the error of the sealer", err)
		}
		if _, err := c.AppendValue(nil, patient{More: p.Name}); err == nil {
			t.Error("in an interface, it is written")
		}
	}
	data, err := (&codec.Codec{Sealer: &fakeSealer{}}).Append(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := codec.Decode(data); err == nil || !strings.Contains(err.Error(), `"ann"`) || !strings.Contains(err.Error(), "Config.Keys") {
		t.Errorf("without keys: %v", err)
	}
	// What has no content needs no key.
	for _, p := range []patient{{}, {Name: p.Name.Without()}} {
		data, err := codec.Append(nil, p)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := codec.Decode(data); err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%#v, %v", got, err)
		}
	}
	plain, err := codec.Plain.Append(nil, p)
	if err != nil || !bytes.Contains(plain, []byte("secret")) {
		t.Fatalf("%x, %v", plain, err)
	}
	if got, _, err := codec.Plain.Decode(plain); err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("plain: %#v, %v", got, err)
	}
	if _, _, err := (&codec.Codec{Sealer: &fakeSealer{}}).Decode(plain); err == nil {
		t.Error("a content that is not encrypted was read with keys")
	}
	if _, err := codec.Append(nil, sealed.For("ann", unnamed{1})); err == nil {
		t.Error("without keys, a type without a name is written")
	}
	if _, err := (&codec.Codec{Sealer: &fakeSealer{}}).Append(nil, sealed.For("ann", unnamed{1})); err == nil || !strings.Contains(err.Error(), "not registered") {
		t.Errorf("a content without a registered type: %v", err)
	}
	v := sealed.For("ann", "secret")
	v.Subject = ""
	if _, err := codec.Plain.Append(nil, v); err == nil {
		t.Error("a content without a subject was written")
	}
}

// TestIssue14SealedVeiled: the veiled bytes depend on the subject alone.
func TestIssue14SealedVeiled(t *testing.T) {
	a, err := codec.Veiled.Append(nil, patient{Name: sealed.For("ann", "one")})
	b, err2 := codec.Veiled.Append(nil, patient{Name: sealed.For("ann", "two two")})
	c, err3 := codec.Veiled.Append(nil, patient{Name: sealed.Value[string]{Subject: "ann"}})
	if err := errors.Join(err, err2, err3); err != nil || !bytes.Equal(a, b) || !bytes.Equal(a, c) {
		t.Errorf("%x, %x, %x, %v", a, b, c, err)
	}
}

// TestIssue14SealedBytes: the format is for ever.
func TestIssue14SealedBytes(t *testing.T) {
	c := &codec.Codec{Sealer: &fakeSealer{erased: map[string]bool{"bob": true}}}
	for _, tt := range []struct {
		v    sealed.Value[string]
		want string
	}{
		{sealed.Value[string]{}, "da6d70736c820060"},
		{sealed.Value[string]{Subject: "ann"}, "da6d70736c820063616e6e"},
		{sealed.For("ann", "hi"), "da6d70736c840263616e6e1b000001000000000044e663696a"},
		{sealed.For("bob", "hi"), "da6d70736c820363626f62"},
	} {
		data, err := c.AppendValue(nil, tt.v)
		got := hex.EncodeToString(data)
		if err != nil || got != tt.want {
			t.Errorf("%#v: %s, want %s, %v", tt.v, got, tt.want, err)
		}
	}
}

// TestIssue14SealedBound: a content is bound to its subject and its type.
func TestIssue14SealedBound(t *testing.T) {
	c := &codec.Codec{Sealer: &fakeSealer{}}
	data, err := c.AppendValue(nil, sealed.For("ann", "hi"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.DecodeValue(bytes.Replace(data, []byte("ann"), []byte("amy"), 1), reflect.TypeFor[sealed.Value[string]]()); !errors.Is(err, errUnbound) {
		t.Errorf("as of another subject: %v", err)
	}
	if _, _, err := c.DecodeValue(data, reflect.TypeFor[sealed.Value[[]byte]]()); !errors.Is(err, errUnbound) {
		t.Errorf("as another type: %v", err)
	}
}

// TestIssue14SealedTypes: a sealed value is no part of a key of a map, and has a fingerprint of
// its own.
func TestIssue14SealedTypes(t *testing.T) {
	err := codec.Check(reflect.TypeFor[struct {
		M map[struct{ A [2]sealed.Value[int] }]bool
	}]())
	if err == nil || !strings.Contains(err.Error(), ".M[key]: a key with a sealed value") {
		t.Error(err)
	}
	if err := codec.Check(reflect.TypeFor[sealed.Value[chan int]]()); err == nil || !strings.Contains(err.Error(), ".Get(): a chan") {
		t.Error(err)
	}
	seen := map[codec.Fingerprint]reflect.Type{}
	for _, typ := range []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[sealed.Value[string]](), reflect.TypeFor[sealed.Value[int]](), reflect.TypeFor[struct{ Subject string }]()} {
		f, err := codec.FingerprintOf(typ)
		if err != nil || seen[f] != nil {
			t.Errorf("%v has the fingerprint of %v, %v", typ, seen[f], err)
		}
		seen[f] = typ
	}
	type list struct{ Next sealed.Value[*list] }
	if _, err := codec.FingerprintOf(reflect.TypeFor[list]()); err != nil {
		t.Error(err)
	}
}

// FuzzIssue14Sealed: whatever is changed in a sealed value, it is refused, or read without harm.
func FuzzIssue14Sealed(f *testing.F) {
	c := &codec.Codec{Sealer: &fakeSealer{erased: map[string]bool{"bob": true}}}
	for _, v := range []patient{{}, {Name: sealed.For("ann", "secret")}, {More: sealed.For("bob", "x")}, {Notes: []sealed.Value[note]{sealed.For("ann", note{})}}} {
		data, err := c.Append(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		if data, err = codec.Plain.Append(nil, v); err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, _ = codec.Generic(data)
		if s := codec.Text(data); strings.Contains(s, "secret") && !bytes.Contains(data, []byte("secret")) {
			t.Fatalf("the text of %x: %s", data, s)
		}
		v, _, err := c.Decode(data)
		if err != nil {
			return
		}
		again, err := c.Append(nil, v)
		if err != nil {
			t.Fatalf("%x was read as %#v, but: %v", data, v, err)
		}
		if w, _, err := c.Decode(again); err != nil || !reflect.DeepEqual(v, w) && !strings.Contains(fmt.Sprint(v), "NaN") {
			t.Fatalf("%x was read as %#v, written as %x, and then read as %#v, %v", data, v, again, w, err)
		}
	})
}
