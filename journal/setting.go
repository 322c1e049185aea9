package journal

import (
	"fmt"
	"slices"
)

// A Setting is a part of the configuration of a program, such as a flag.
type Setting struct{ Name, Value string }

// Settings returns the settings with which a program has written its last [Stretch] of the
// history, or the last stretch of all if it has written none. They are those of its last
// start, and nil if the journal does not have them.
func (h *History) Settings(program Program) []Setting {
	own, _ := h.stretchesOf(&program)
	if len(own) == 0 {
		return nil
	}
	return own[len(own)-1].Settings
}

// changedSettings returns the settings that differ from those of the run before, as texts, or
// nil if the journal, or the program, does not have them. A segment begins with settings that
// have changed, so the heads of segments have all there are.
func (j *Journal) changedSettings() (changed []string) {
	value := func(all []Setting, name string) string {
		i := slices.IndexFunc(all, func(s Setting) bool { return s.Name == name })
		if i < 0 {
			return "nothing"
		}
		return fmt.Sprintf("%q", all[i].Value)
	}
	was, is := j.base.settings, j.config.Settings
	if was == nil || is == nil {
		return nil
	}
	for _, s := range is {
		if w := value(was, s.Name); w != fmt.Sprintf("%q", s.Value) {
			changed = append(changed, fmt.Sprintf("%s was %s and is %q", s.Name, w, s.Value))
		}
	}
	for _, s := range was {
		if value(is, s.Name) == "nothing" {
			changed = append(changed, fmt.Sprintf("%s was %q and is nothing", s.Name, s.Value))
		}
	}
	return changed
}
