package node

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/world"
)

// A Restart says when a place or a node is started again after its end. It is that of a
// supervisor: see package supervise. The zero Restart is [Always]. What is done when it is given
// up, those say who want it: see [OnGiveUp].
type Restart struct {
	When supervise.Restart

	// Intensity is how many restarts there may be within Period; one more, and it is given
	// up ([ErrGivenUp]). Zero stands for any number.
	Intensity int

	// Period is how long a restart counts. The default is 5 s, or four times Pause.Max, if
	// that is longer.
	Period time.Duration

	// Pause is how long to wait before a restart: Min for the first in a period, then
	// twice as long each time, and at most Max. The default is from 200 ms to 10 s.
	Pause supervise.Backoff
}

// Always starts again whatever ends, for ever; Never does not.
var (
	Always = Restart{}
	Never  = Restart{When: supervise.Temporary}
)

// Every starts again whatever ends, after an interval, and gives up when that would be more
// than retry times within retry+2 intervals. Zero stands for any number.
func Every(interval time.Duration, retry int) Restart {
	return Restart{Intensity: retry, Period: time.Duration(retry+2) * interval, Pause: supervise.Backoff{Min: interval}}
}

// OnGiveUp handles that a place or a node that an endpoint wants is given up, as its [Restart]
// says, with the reason, an [ErrGivenUp]. It is for [Run] and [Spawn]:
//
//	node.Run(vault, bank.Server.With(bank.Rules{}), node.Every(time.Second, 3),
//		node.OnGiveUp(func(w node.Wanted, reason error) actions.Action { … }))
//
// To hear also of each start that has failed, use [endpoint.OnMessage] instead, which gets the
// same message. For a [Host], [Host.Wait] and [Host.WaitNode] return the reason.
func OnGiveUp[W Wanted | Launched](f func(w W, reason error) actions.Action) endpoint.Handler[W] {
	return endpoint.OnMessage(func(w W) actions.Action {
		var reason *world.Error
		switch w := any(w).(type) {
		case Wanted:
			reason = w.Reason
		case Launched:
			reason = w.Reason
		}
		if reason == nil || !errors.Is(reason, ErrGivenUp) {
			return nil
		}
		return f(w, reason)
	})
}

// maxPeriod bounds the times of a Restart, which can come from another node.
const maxPeriod = 365 * 24 * time.Hour

// check returns an error if r makes no sense.
func (r Restart) check() error {
	p := r.Pause
	switch {
	case r.When > supervise.Temporary:
		return fmt.Errorf("node: there is no supervise.Restart %d", r.When)
	case r.Intensity < 0:
		return fmt.Errorf("node: the Intensity of a Restart is %d", r.Intensity)
	case min(r.Period, p.Min, p.Max) < 0 || max(r.Period, p.Min, p.Max) > maxPeriod:
		return fmt.Errorf("node: the times of a Restart are from 0 to a year, and not %v, %v, %v", r.Period, p.Min, p.Max)
	case p.Max > 0 && p.Min == 0:
		return fmt.Errorf("node: the Pause of a Restart has a Max, %v, and no Min", p.Max)
	}
	return nil
}

// spec returns r as the Spec of a supervisor.
func (r Restart) spec() supervise.Spec {
	s := supervise.Spec{Intensity: cmp.Or(r.Intensity, math.MaxInt32), Period: r.Period, Backoff: r.Pause}
	if s.Backoff == (supervise.Backoff{}) {
		s.Backoff = supervise.Backoff{Min: 200 * time.Millisecond, Max: 10 * time.Second}
	}
	s.Backoff.Max = max(s.Backoff.Max, s.Backoff.Min)
	s.Period = cmp.Or(s.Period, max(5*time.Second, 4*s.Backoff.Max))
	return s
}

func init() { world.Register[Restart]("node.Restart") }
