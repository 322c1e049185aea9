package cook

import (
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

func TestCook(t *testing.T) {
	clock := world.NewManualClock("kitchen", time.Time{})
	m := vmtest.Run(t, actions.Spawn(New(clock, 1)).Named("cook"))

	guest := vmtest.Publisher(m, topic.All[Order]())
	table := vmtest.Subscriber(m, topic.All[Served]())
	guest.ExpectPresence(Order{})

	soft := Order{Table: 4, Minutes: 4}
	guest.Send(soft)
	table.ExpectNothing()
	m.Device(alarm(clock, soft)).Value(world.AlarmSet{}, world.AlarmRang{})
	table.ExpectMessages(Served{Table: 4})

	guest.Send(Order{Table: 7, Minutes: 9})
	guest.ExpectAbsence(Order{}, ErrNoEggs)

	vmtest.Golden(t, "testdata/cook.golden", m.Trace())
}
