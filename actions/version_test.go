package actions_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
)

type (
	coinsV0 struct{ Euros int }
	coinsV1 struct{ Cents int }
	coins   struct {
		Cents int
		Owner string
	}
)

func noCoins(coins) actions.Action { return nil }

// ExampleVersions gives a process type a new version, because its states count in cents now.
func ExampleVersions() {
	d := actions.Versions(actions.Define("bank.coins", noCoins), 2,
		actions.From(0, func(c coinsV0) (coinsV1, error) { return coinsV1{100 * c.Euros}, nil }),
		actions.From(1, func(c coinsV1) (coins, error) { return coins{c.Cents, "nobody"}, nil }))
	var state any = coinsV0{7}
	for _, f := range d.Former {
		state, _ = f.Upgrade(state)
	}
	fmt.Printf("%+v", state)
	// Output: {Cents:700 Owner:nobody}
}

// TestVersionsRefuses: ways that do not lead to the version are refused when the type is made.
func TestVersionsRefuses(t *testing.T) {
	zero := actions.From(0, func(c coinsV0) (coinsV1, error) { return coinsV1{}, nil })
	one := actions.From(1, func(c coinsV1) (coins, error) { return coins{}, nil })
	for _, tt := range []struct {
		version uint64
		former  []actions.Former
		says    string
	}{
		{1, []actions.Former{zero, one}, "2 earlier versions of version 1"},
		{2, []actions.Former{zero}, "from version 0 should be from version 1"},
		{2, []actions.Former{one, zero}, "from version 1 should be from version 0"},
		{3, []actions.Former{zero, one}, "from version 0 should be from version 1"},
		{2, []actions.Former{zero, actions.From(1, func(c coinsV0) (coins, error) { return coins{}, nil })}, "from version 0 leads to a actions_test.coinsV1, and version 1 is a actions_test.coinsV0"},
		{1, []actions.Former{zero}, "leads to a actions_test.coinsV1, and version 1 is a actions_test.coins"},
		{1, []actions.Former{actions.From[coinsV0, coins](0, nil)}, "no function"},
	} {
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.Contains(r, tt.says) || !strings.Contains(r, `"bank.coins"`) {
					t.Errorf("version %d: %s", tt.version, r)
				}
			}()
			actions.Versions(actions.Define("bank.coins", noCoins), tt.version, tt.former...)
		}()
	}
	if d := actions.Versions(actions.Define("bank.coins", noCoins), 7); d.Version != 7 {
		t.Errorf("version %d", d.Version)
	}
}
