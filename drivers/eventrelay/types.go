package eventrelay

import (
	"errors"
	"fmt"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// Types returns the types of the processes that [Driver] and [Relay] make. They write
// devices down by name. When a process is restored, the function named returns the device
// with a name. If it returns nil, the machine cannot be restored.
//
// Named may be nil if nobody ever subscribes to a device.
func Types(named func(name string) world.Device) []actions.Type {
	read := func(names []string) (devices, error) {
		ds := none
		for _, name := range names {
			var d world.Device
			if named != nil {
				d = named(name)
			}
			switch {
			case d == nil:
				return none, fmt.Errorf("there is no device %s, which a process subscribes to", name)
			case d.DeviceName() != name:
				return none, fmt.Errorf("the device for the name %s has the name %s", name, d.DeviceName())
			}
			ds = ds.with(d)
		}
		return ds, nil
	}
	return []actions.Type{
		actions.CodedAs(
			actions.Define("eventrelay.driver", driver.open),
			func(d driver) writtenDriver { return writtenDriver{d.wanted.names()} },
			func(w writtenDriver) (driver, error) {
				wanted, err := read(w.Wanted)
				return driver{wanted}, err
			}).Type,
		actions.CodedAs(
			actions.Define("eventrelay.relay", relay.open),
			func(r relay) writtenRelay { return writtenRelay{r.id, r.others, r.serves, r.wanted.names()} },
			func(w writtenRelay) (relay, error) {
				if w.Others < 0 {
					return relay{}, errors.New("the number of other relays is less than zero")
				}
				wanted, err := read(w.Wanted)
				return relay{w.ID, w.Others, w.Serves, wanted}, err
			}).Type,
	}
}

// The written forms of states. The names of their fields never change.
type (
	writtenDriver struct{ Wanted []string }
	writtenRelay  struct {
		ID     string
		Others int
		Serves bool
		Wanted []string
	}
)

// devices is a set of devices, by name. It is immutable.
type devices struct {
	byName *immutable.SortedMap[string, world.Device]
}

var none = devices{immutable.NewSortedMap[string, world.Device](nil)}

func (ds devices) with(d world.Device) devices { return devices{ds.byName.Set(d.DeviceName(), d)} }

func (ds devices) without(d world.Device) devices { return devices{ds.byName.Delete(d.DeviceName())} }

// all returns the devices, in the order of their names.
func (ds devices) all() (all []world.Device) {
	for i := ds.byName.Iterator(); !i.Done(); {
		_, d, _ := i.Next()
		all = append(all, d)
	}
	return all
}

func (ds devices) names() (all []string) {
	for _, d := range ds.all() {
		all = append(all, d.DeviceName())
	}
	return all
}
