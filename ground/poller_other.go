//go:build !linux

package ground

// A poller would wait for many descriptors at once. On this system there is
// none, and each device has a goroutine.
type poller struct{}

const readable, writable = 0, 0

func newPoller(*runner) *poller { return nil }

func (*poller) run()                         {}
func (*poller) control(*watch, uint32) error { return nil }
func (*poller) add(*device)                  {}
func (*poller) remove(*device)               {}
func (*poller) close()                       {}
