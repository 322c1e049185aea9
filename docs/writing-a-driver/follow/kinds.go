package follow

import (
	"github.com/go-marketplace/marketplace/actions"
)

// Kinds returns the kinds of the processes that [Config.Driver] and [Relay] make.
// A driver that is brought back works as c says.
func (c Config) Kinds() []actions.Kind {
	c = c.complete()
	return []actions.Kind{
		actions.KindOf("follow.driver", func(_ actions.PID, d driver) actions.Action { return c.open(d) }),
		actions.KindOf("follow.relay", func(_ actions.PID, r relay) actions.Action { return r.open() }),
	}
}
