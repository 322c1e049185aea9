package follow

import (
	"github.com/go-marketplace/marketplace/actions"
)

// Types returns the types of the processes that [Config.Driver] and [Relay] make.
// A driver that is restored works as c says.
func (c Config) Types() []actions.Type {
	c = c.complete()
	return []actions.Type{
		actions.Define("follow.driver", func(d driver) actions.Action { return c.open(d) }).Type,
		actions.Define("follow.relay", relay.open).Type,
	}
}
