package vm

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// attend has the machine tell of what may be a mistake.
func (r *runner) attend() {
	if !r.log.wants {
		return
	}
	if r.settings.troubles {
		r.machine.trouble = func(rec *Record) { logRecord(r.logger, rec) }
	}
	r.machine.unheard = func(p *proc, what fmt.Stringer, reason error) {
		r.logger.LogAttrs(context.Background(), slog.LevelWarn, "ended for a reason that nobody hears",
			append(processAttrs(p.path(), p.cell.name), slog.String("what", what.String()), slog.Any("reason", reason))...)
	}
	r.machine.undone = func(p *proc, first actions.Action, count int) {
		attrs := append(processAttrs(p.path(), p.cell.name), slog.String("action", describe(first)))
		if count > 1 {
			attrs = append(attrs, slog.Int("count", count))
		}
		r.logger.LogAttrs(context.Background(), slog.LevelWarn, Dropped.String(), attrs...)
	}
	r.machine.WatchMisses(func(m Miss) {
		r.log.near = true
		r.logger.LogAttrs(context.Background(), slog.LevelWarn, "nobody hears a message",
			append(processAttrs(m.Path, m.Name), slog.String("type", typeText(m)), slog.String("because", m.Near))...)
	})
}

// processAttrs tell which process it is.
func processAttrs(path Path, name string) []slog.Attr {
	attrs := append(make([]slog.Attr, 0, 8), slog.String("path", path.String()))
	if name != "" {
		attrs = append(attrs, slog.String("name", name))
	}
	return attrs
}

// rest says of which types of message nobody has heard any, when the machine is
// at rest with such messages for the first time.
func (r *runner) rest() {
	m := r.machine.misses
	if m == nil || len(m.recent) == 0 {
		return
	}
	m.review()
	if m.fresh && !r.log.rested {
		m.fresh = false
		r.log.rested = r.sayMisses()
	}
}

// lastWarnings says what is left to say when the run is over.
func (r *runner) lastWarnings() {
	if r.machine.misses != nil {
		r.sayMisses()
		r.sayMore()
		r.sayWaiting()
	}
	r.log.counter.Flush()
	if r.settings.flush != nil {
		r.settings.flush()
	}
}

// sayMisses names the types of message of which nobody has ever heard any,
// unless all that has been said. It reports whether there is something to say.
func (r *runner) sayMisses() bool {
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
		texts = append(texts, fmt.Sprintf("%s (%d, the first of %s)", typeText(m), m.Count, labelOf(m.Path, m.Name)))
	}
	message := "nobody has ever heard a message of these types"
	if !r.machine.misfortune { // of which this would be a consequence
		message += ": is a driver missing?"
	}
	r.warnOf(message, "types", texts)
	return texts != nil
}

// sayMore says how many more messages there were like those that were nearly
// heard.
func (r *runner) sayMore() {
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

func typeText(m Miss) string {
	if m.Orientation == topic.Subscriber {
		return "feedback " + m.Type.String()
	}
	return m.Type.String()
}

// sayWaiting says who waits for others, at the end of a run that has had no
// devices, and so could not but end, unless there is a better guess: a message
// was nearly heard, or a process has failed.
func (r *runner) sayWaiting() {
	m := r.machine
	if m.phase != running || m.generation > 0 || r.log.near || m.misfortune {
		return
	}
	r.warnOf("the run is over, because no device is open, though processes wait for somebody: is a driver missing?", "waiting", m.root.waits(nil))
}

// maxWaits is how many of those who wait are named.
const maxWaits = 5

// waits appends the endpoints of k, and further inside, that nobody faces, and
// that have heard no message. It leaves out the drivers of this library, which
// wait most of the time.
func (k *kernel) waits(texts []string) []string {
	k.procs.all(func(_ actions.PID, p *proc) bool {
		for _, e := range p.cell.ends {
			if p.isDriver() {
				break
			}
			if typ := e.role.Topic.MessageType(); typ != nil && !e.route && !k.meets(e, typ) && len(texts) < maxWaits {
				texts = append(texts, p.label()+" as "+e.role.String())
			}
		}
		if p.inner != nil {
			texts = p.inner.waits(texts)
		}
		return len(texts) < maxWaits
	})
	return texts
}

// isDriver reports whether the state of p is of a driver of this library.
func (p *proc) isDriver() bool {
	t := p.cell.stateType
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return strings.HasPrefix(t.PkgPath(), library+"/drivers/")
}

// meets reports whether somebody faces endpoint e of k, which is about messages
// of a type, or has sent one.
func (k *kernel) meets(e *end, typ reflect.Type) bool {
	o := e.role.Orientation
	return k.index[o].Matched(typ) || k.index[o.Opposite()] != nil && len(k.index[o.Opposite()].OfType(typ)) > 0
}
