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

// restlessness notices that the machine works and works, though nothing has come
// from outside: most likely a process answers itself. The looks at slow functions
// are its clock, so that a stint costs no more than a comparison. All but looks
// belongs to who holds the lock of the runner.
type restlessness struct {
	looks     atomic.Uint64 // so far
	seen      uint64        // the looks by the last time
	continues uint64        // inputs that are none, but say that the machine goes on
	rested    bool          // the machine has been at rest since the last time
	inputs    uint64        // that had come by the last time
	since     time.Time     // nothing has come, and the machine has worked
	told      bool          // it has been said, which is done once
}

// restlessLimit is how many times SlowLimit a machine may work without an input
// before that is said.
const restlessLimit = 10

// watchRest notes the end of a stint, after which there is more to do or not. The
// caller holds the lock of r.
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

// busy returns the processes that have something to do, each with what comes
// first: maxNamed of them.
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

// wish describes an action for people. Of messages it says the type.
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
