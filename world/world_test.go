package world_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/world"
)

func TestRefString(t *testing.T) {
	ref := world.Ref{Device: "listener", Generation: 3, Number: 17}
	if got := ref.String(); got != "listener#3.17" {
		t.Errorf("got %q", got)
	}
}
