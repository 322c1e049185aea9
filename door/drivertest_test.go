package door_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/drivertest"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A visit is what somebody says who comes in by a door.
type visit struct {
	Door int
	Says string
}

var visitDoor = topic.FieldOf(func(v *visit) *int { return &v.Door })

// A porter has the state of a process that opens each door while somebody subscribes to
// the visits through it.
type porter struct{ Holds [2]actions.PID }

func init() { world.Register[visit]("door_test.visit") }

// porters is the process type of a porter of two doors. A porter publishes the visits
// through a door while it is open, and gives up a door that fails.
func porters(doors [2]*door.Door) actions.Definition[porter] {
	return actions.Define("door_test.porter", func(porter) actions.Action {
		return endpoint.ObserveSubscribers(topic.All[visit](),
			endpoint.OnFirstState(func(p porter, v visit) actions.Transition[porter] {
				if v.Door < 0 || v.Door > 1 {
					return actions.Next(p)
				}
				return actions.Next(p, doors[v.Door].Driver().Continue(actions.ResumeWith(func(p porter, pid actions.PID) actions.Transition[porter] {
					p.Holds[v.Door] = pid
					return actions.Next(p)
				})))
			}, visitDoor),
			endpoint.OnLastState(func(p porter, v visit) actions.Transition[porter] {
				if v.Door < 0 || v.Door > 1 || p.Holds[v.Door] == 0 {
					return actions.Next(p)
				}
				pid := p.Holds[v.Door]
				p.Holds[v.Door] = 0
				return actions.Next(p, actions.Kill(pid, nil))
			}, visitDoor))
	})
}

// Doors that are opened while somebody wants them keep the promises of drivers.
// DR-40.
func TestDrivertest(t *testing.T) {
	drivertest.Test(t, func(t testing.TB) drivertest.Driver {
		names := [2]string{"front", "back"}
		doors := [2]*door.Door{door.New(names[0]), door.New(names[1])}
		ctx, cancel := context.WithCancel(context.Background())
		p := porters(doors)
		return drivertest.Driver{
			Boot:   p.Spawn(porter{}),
			Types:  append(door.Types(doors[:]...), p.Type),
			Things: 2,
			Demand: func(i int) actions.Action {
				return actions.Group(endpoint.Subscriber(topic.Where(visitDoor.Is(i))), ready(names[i]))
			},
			Happen: func(i, n int) []any {
				v := visit{i, fmt.Sprint("hello number ", n)}
				if doors[i].Send(ctx, v) != nil {
					return nil
				}
				return []any{v}
			},
			Ready: func(i int) actions.Action { return ready(names[i]) },
			Close: cancel,
		}
	})
}

// ready returns an endpoint that sees the process of a door.
func ready(name string) actions.Action { return endpoint.ObservePublishers(door.Open(name)) }
