package fingerprint_test

import (
	"bytes"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/sealed"
	"github.com/go-marketplace/marketplace/topic"
)

type guarded struct {
	N    int
	Name sealed.Value[string]
}

var guardedName = topic.FieldOf(func(g *guarded) *sealed.Value[string] { return &g.Name })

// TestIssue14SealedContents: no fingerprint depends on the content of a sealed value, from which it
// could be guessed, nor on whether there is one; all depend on the subject.
func TestIssue14SealedContents(t *testing.T) {
	of := func(g guarded) (all [][]byte) {
		for _, version := range []fingerprint.Version{fingerprint.V1, fingerprint.V2} {
			for _, v := range []any{g, &g, g.Name, []any{g}, map[string]guarded{"x": g}, topic.Where(guardedName.Is(g.Name)).Topic(),
				topic.MessageOf(g), actions.Send(g), endpoint.Subscriber(topic.Where(guardedName.Is(g.Name)))} {
				all = append(all, version.Append(nil, v))
			}
		}
		return all
	}
	one, two := of(guarded{1, sealed.For("ann", "one")}), of(guarded{1, sealed.For("ann", "two or more")})
	erased, other := of(guarded{1, sealed.Value[string]{Subject: "ann"}}), of(guarded{1, sealed.For("bob", "one")})
	for i := range one {
		if !bytes.Equal(one[i], two[i]) || !bytes.Equal(one[i], erased[i]) {
			t.Errorf("value %d: %q, %q, %q", i, one[i], two[i], erased[i])
		}
		if bytes.Equal(one[i], other[i]) {
			t.Errorf("value %d does not depend on the subject: %q", i, one[i])
		}
	}
}
