package timer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/drivertest"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
)

// TestDrivertest: DR-40, DR-45: the driver, and relays at each level, keep the
// promises of drivers to those who wait for a timer. There
// is one timer, because others would expire with it.
func TestDrivertest(t *testing.T) {
	const label, period = "tea", time.Hour
	drivertest.Test(t, func(testing.TB) drivertest.Driver {
		clock := world.NewManualClock("test", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		return drivertest.Driver{
			Boot:  timer.DriverOn(clock),
			Types: timer.TypesOn(clock),
			Relay: func(level int) actions.Action { return timer.Relay(fmt.Sprint("level ", level)) },
			Demand: func(int) actions.Action {
				return endpoint.Subscriber(timer.Expiring(label), endpoint.OnPresence(func(timer.Expired) actions.Action {
					return actions.Send(timer.Set{Label: label, After: period, Every: period})
				}))
			},
			Happen: func(int, int) []any {
				clock.Advance(period)
				return []any{timer.Expired{Label: label, Now: clock.Now()}}
			},
			Open: func() []string { return slices.Repeat([]string{"a call of the clock"}, clock.Pending()) },
		}
	})
}
