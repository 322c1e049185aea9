package eventrelay_test

import (
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/drivers/eventrelay"
	"github.com/go-marketplace/marketplace/world"
)

// A state is refused that has a device of which nothing is known. (That states
// can be written down and read is looked at in TestDrivertest.)
func TestKindsRefuse(t *testing.T) {
	for _, test := range []struct {
		named func(string) world.Device
		says  string
	}{
		{nil, "radio r, of which nothing is known"},
		{func(string) world.Device { return nil }, "radio r, of which nothing is known"},
		{func(string) world.Device { return radio{name: "s"} }, "was given radio s"},
	} {
		for _, k := range eventrelay.Types(test.named) {
			if _, err := k.Decode([]byte(`{"Wanted":["radio r"]}`)); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %v; want %q", k.Name, err, test.says)
			}
			if _, err := k.Decode([]byte(`{}`)); err != nil {
				t.Errorf("%s: %v", k.Name, err)
			}
		}
	}
	if _, err := eventrelay.Types(nil)[1].Decode([]byte(`{"Others":-1}`)); err == nil {
		t.Error("less than no others have been read")
	}
}
