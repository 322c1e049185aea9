package ground

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// restlessness finds a machine that never comes to rest although no input comes from
// outside: most likely a process answers itself. The looks of slowness are its clock,
// so that a stint costs only a comparison. The lock of the runner guards all but looks.
type restlessness struct {
	looks     atomic.Uint64 // number of looks so far
	seen      uint64        // the looks at the last check
	continues uint64        // number of inputs of kind Continue
	rested    bool          // the machine has been at rest since the last check
	inputs    uint64        // number of other inputs at the last check
	since     time.Time     // when the machine began to work without an input
	told      bool          // the warning, which is made once, has been logged
}

// restlessLimit is how many times SlowLimit a machine may work without an input
// before the warning.
const restlessLimit = 10

// watchRest checks the machine at the end of a stint; more says that there is more to
// do. The caller holds the lock of r.
func (r *runner) watchRest(more bool) {
	s := &r.restless
	if !more {
		s.rested = true
		return
	}
	looks := s.looks.Load()
	if looks == s.seen || s.told {
		return
	}
	s.seen = looks
	now := time.Now()
	if inputs := r.machine.Stats().Inputs - s.continues; s.rested || s.since.IsZero() || inputs != s.inputs {
		s.rested, s.inputs, s.since = false, inputs, now
		return
	}
	took := now.Sub(s.since)
	if took/restlessLimit < r.settings.SlowLimit {
		return
	}
	s.told = true
	attrs := []slog.Attr{slog.Duration("for", took)}
	if busy := r.busy(); busy != nil {
		attrs = append(attrs, slog.String("busy", joined(busy)))
	}
	r.logger.LogAttrs(context.Background(), slog.LevelWarn,
		"the machine does not come to rest, though nothing comes from outside: does a process answer itself?", attrs...)
}

// busy returns at most maxNamed processes that have actions to perform, each with the
// first of these.
func (r *runner) busy() (texts []string) {
	for p := range r.machine.Processes() {
		if len(texts) == maxNamed {
			break
		}
		if p.Next != nil {
			texts = append(texts, fmt.Sprintf("%s (%s)", vm.Label(p.Path, p.Name), wish(p.Next)))
		}
	}
	return texts
}

// wish describes an action for people; for a message, only its type.
func wish(a actions.Action) string {
	s, ok := a.(*actions.SendMessage)
	switch {
	case !ok || s == nil || s.Message.Type() == nil:
		return fmt.Sprint(a)
	case s.Orientation == topic.Subscriber:
		return "send feedback " + s.Message.Type().String()
	}
	return "send " + s.Message.Type().String()
}
