package sealed_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/sealed"
	"github.com/go-marketplace/marketplace/topic"
)

const secret = "ann@example.org"

type customer struct {
	ID    string
	Email sealed.Value[string]
}

var email = topic.FieldOf(func(c *customer) *sealed.Value[string] { return &c.Email })

// A deep value has sealed ones in all sorts of places.
type deep struct {
	In      any
	Pointer *sealed.Value[customer]
	List    []sealed.Value[string]
	Map     map[string]sealed.Value[string]
}

// TestIssue14SealedTexts: whatever prints a sealed value does not show its content.
func TestIssue14SealedTexts(t *testing.T) {
	v := sealed.For("c17", secret)
	c := customer{"17", v}
	of := sealed.For("c17", c)
	d := deep{v, &of, []sealed.Value[string]{v}, map[string]sealed.Value[string]{"x": v}}
	whole := topic.Where(topic.FieldOf(func(v *sealed.Value[string]) *sealed.Value[string] { return v }).Is(v)).Topic()
	for name, shown := range map[string]any{"value": v, "pointer": &v, "struct": c, "nested": of, "deep": d, "any": []any{v, c},
		"topic": topic.Where(email.Is(v)).Topic(), "whole": whole, "tuple": topic.Tuple{v, topic.Wild}} {
		var texts []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			texts = append(texts, fmt.Sprintf(verb, shown))
		}
		j, err := json.Marshal(shown)
		if err != nil && name != "whole" {
			t.Errorf("%s: %v", name, err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", shown)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", shown)
		texts = append(texts, string(j), log.String(), text.Value(shown))
		if top, ok := shown.(topic.Topic); ok {
			texts = append(texts, top.Canonical())
		}
		var stream bytes.Buffer
		if gob.NewEncoder(&stream).Encode(shown) == nil {
			texts = append(texts, stream.String())
		}
		for _, s := range texts {
			if strings.Contains(s, secret) || strings.Contains(s, fmt.Sprintf("%x", secret)) || strings.Contains(s, fmt.Sprintf("%d", []byte(secret))) {
				t.Errorf("%s shows it: %s", name, s)
			}
		}
		if !strings.Contains(texts[0], "c17") && name != "pointer" {
			t.Errorf("%s does not show the subject: %s", name, texts[0])
		}
	}
	if got := v.String() + v.Without().String() + fmt.Sprintf("%#v", v); got != "sealed(c17)sealed(c17)sealed(c17)" {
		t.Error(got)
	}
	if got := sealed.For("a\x1b[31m", 1).String(); strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}

// TestIssue14SealedGet: a value has its content, or none, and compares as such.
func TestIssue14SealedGet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		subject := rapid.StringN(1, -1, sealed.MaxSubject).Draw(t, "subject")
		x, other := rapid.Int().Draw(t, "x"), rapid.Int().Draw(t, "other")
		v := sealed.For(subject, x)
		if got, ok := v.Get(); got != x || !ok || v.Erased() || v.Or(other) != x {
			t.Fatalf("%d, %v", got, ok)
		}
		if (v == sealed.For(subject, other)) != (x == other) {
			t.Fatal("values do not compare as their contents")
		}
		gone := v.Without()
		if got, ok := gone.Get(); got != 0 || ok || !gone.Erased() || gone.Or(other) != other || gone == v {
			t.Fatalf("erased: %d, %v", got, ok)
		}
		if gone != (sealed.Value[int]{Subject: subject}) {
			t.Fatal("erased values of one subject differ")
		}
	})
	var zero sealed.Value[int]
	if got, ok := zero.Get(); got != 0 || ok || zero.Erased() {
		t.Errorf("zero: %d, %v", got, ok)
	}
	for _, subject := range []string{"", strings.Repeat("x", sealed.MaxSubject+1)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a subject of %d bytes was taken", len(subject))
				}
			}()
			sealed.For(subject, 1)
		}()
	}
	if err := json.Unmarshal([]byte(`"sealed(c17)"`), &zero); err == nil {
		t.Error("a value was read from JSON")
	}
}

// TestIssue14SealedTopics: topics pin sealed values by their contents, or by subject alone.
func TestIssue14SealedTopics(t *testing.T) {
	subject := topic.FieldOf(func(c *customer) *string { return &c.Email.Subject })
	ann, bob := customer{"1", sealed.For("s", "ann")}, customer{"2", sealed.For("s", "bob")}
	if x := topic.Where(email.Is(ann.Email)).Topic(); !x.Matches(topic.MessageOf(ann)) || x.Matches(topic.MessageOf(bob)) {
		t.Error("a content is not pinned")
	}
	if x := topic.Where(subject.Is("s")).Topic(); !x.Matches(topic.MessageOf(ann)) || !x.Matches(topic.MessageOf(bob)) {
		t.Error("a subject is not pinned")
	}
}

func ExampleValue() {
	type Customer struct {
		ID    string
		Email sealed.Value[string]
	}
	c := Customer{"17", sealed.For("17", "ann@example.org")}
	fmt.Println(c)
	if to, ok := c.Email.Get(); ok {
		fmt.Println("write to", to)
	}
	// When the program has started again, after the key of 17 was erased:
	c.Email = c.Email.Without()
	_, ok := c.Email.Get()
	fmt.Println(ok, c)
	// Output:
	// {17 sealed(17)}
	// write to ann@example.org
	// false {17 sealed(17)}
}
