package ground

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/stack"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// warn logs a warning of the machine.
func (r *runner) warn(w *vm.Warning) {
	attrs := processAttrs(w.Path, w.Name)
	message := ""
	switch w.Kind {
	case vm.Unheard:
		message = "ended for a reason that nobody hears"
		attrs = append(attrs, slog.String("what", w.What), slog.Any("reason", w.Reason))
	case vm.Undone:
		message = vm.Dropped.String()
		attrs = append(attrs, described("action", func(t *text.Writer) { actions.Describe(t, w.Action) }))
		if w.Count > 1 {
			attrs = append(attrs, slog.Int("count", w.Count))
		}
	case vm.NearMiss:
		r.log.near = true
		message = "nobody hears a message"
		attrs = append(attrs, slog.String("type", typeText(w.Miss)), slog.String("because", w.Miss.Near))
	}
	r.logger.LogAttrs(context.Background(), slog.LevelWarn, message, attrs...)
}

// processAttrs returns the attributes that identify a process.
func processAttrs(path vm.Path, name string) []slog.Attr {
	attrs := append(make([]slog.Attr, 0, 8), slog.String("path", path.String()))
	if name != "" {
		attrs = append(attrs, slog.String("name", name))
	}
	return attrs
}

// warnAtRest warns of the types of message of which nobody has heard any, the first time
// that the machine is at rest with such messages.
func (r *runner) warnAtRest() {
	if n := r.machine.MissedTypes(); n > r.log.missed {
		r.log.missed = n
		r.log.rested = r.log.rested || r.warnMisses()
	}
}

// lastWarnings logs the warnings at the end of the run.
func (r *runner) lastWarnings() {
	if r.log.wants {
		r.warnMisses()
		r.warnMore()
		r.warnUnmet()
	}
	r.log.counter.Flush()
	if r.settings.flush != nil {
		r.settings.flush()
	}
}

// warnMisses warns of the types of message of which nobody has ever heard any, except
// those of which it has warned with the same count. It reports whether there are any.
func (r *runner) warnMisses() bool {
	var texts []string
	for _, m := range r.machine.Misses() {
		key := missKey{m.Type, m.Orientation}
		if m.Heard || m.Near != "" || r.log.said[key] == m.Count {
			continue
		}
		if r.log.said == nil {
			r.log.said = map[missKey]uint64{}
		}
		r.log.said[key] = m.Count
		texts = append(texts, fmt.Sprintf("%s (%d, the first of %s)", typeText(m), m.Count, vm.Label(m.Path, m.Name)))
	}
	message := "nobody has ever heard a message of these types"
	if !r.log.failed { // a failed process is the more likely cause
		message += ": is a driver missing?"
	}
	r.warnOf(message, "types", texts)
	return texts != nil
}

// warnMore warns of how many messages there were in all of the types of which one was
// nearly heard.
func (r *runner) warnMore() {
	var texts []string
	for _, m := range r.machine.Misses() {
		if m.Near != "" && m.Count > 1 {
			texts = append(texts, fmt.Sprintf("%s (%d in all)", typeText(m), m.Count))
		}
	}
	r.warnOf("nobody has heard more of these messages", "types", texts)
}

// warnOf warns of several things, if there are any.
func (r *runner) warnOf(message, key string, texts []string) {
	if texts != nil {
		r.logger.LogAttrs(context.Background(), slog.LevelWarn, message, slog.String(key, joined(texts)))
	}
}

func joined(texts []string) string { return strings.Join(texts, ", ") }

func typeText(m vm.Miss) string {
	if m.Orientation == topic.Subscriber {
		return "feedback " + m.Type.String()
	}
	return m.Type.String()
}

// warnUnmet warns, at the end of a run that had no devices and so ended at once, of
// processes that wait for peers. It does not if there is a more likely mistake: a
// message was nearly heard, or a process has failed.
func (r *runner) warnUnmet() {
	m := r.machine
	if !m.Running() || m.Stats().Commands > 0 || r.log.near || r.log.failed {
		return
	}
	var texts []string
	for p, e := range m.Unmet() {
		if len(texts) == maxNamed {
			break
		}
		if !isDriver(p) {
			texts = append(texts, vm.Label(p.Path, p.Name)+" as "+e.Role.String())
		}
	}
	r.warnOf("the run is over, because no device is open, though processes wait for somebody: is a driver missing?", "processes", texts)
}

// maxNamed is how many processes a warning names.
const maxNamed = 5

// isDriver reports whether p is a driver or a supervisor of this library, which waits
// most of the time.
func isDriver(p vm.ProcessInfo) bool {
	t := reflect.TypeOf(p.State)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t != nil && (strings.HasPrefix(t.PkgPath(), stack.Library+"/drivers/") || t.PkgPath() == stack.Library+"/supervise")
}
