package eventrelay_test

import (
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/drivers/eventrelay"
	"github.com/go-marketplace/marketplace/world"
)

// A type refuses a state with an unknown device. (TestDrivertest checks that states can
// be saved and restored.)
func TestTypesRefuse(t *testing.T) {
	for _, test := range []struct {
		named func(string) world.Device
		says  string
	}{
		{nil, "there is no device radio r"},
		{func(string) world.Device { return nil }, "there is no device radio r"},
		{func(string) world.Device { return radio{name: "s"} }, "the device for the name radio r has the name radio s"},
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
		t.Error("a number of relays below zero is read without an error")
	}
}
