package console

import "github.com/go-marketplace/marketplace/world"

// Stuck returns the output of the console, and a command for it.
func (c Config) Stuck() (world.Device, []any) {
	w, _ := queue{}.push("hello\n").take(mostAtOnce)
	return c.driver().out, []any{w}
}
