package ground

import (
	"runtime"
	"sync"
)

// pollers are those of a runner. They run until all devices have been closed. They
// have a lock of their own.
type pollers struct {
	sync.Mutex
	all     []*poller
	next    int
	devices int
	over    bool
}

// usable reports whether there are pollers. The first call starts them.
func (ps *pollers) usable(r *runner) bool {
	ps.Lock()
	defer ps.Unlock()
	if ps.all == nil && !ps.over {
		for range min(runtime.GOMAXPROCS(0), maxPollers) {
			p := newPoller(r)
			if p == nil {
				break
			}
			ps.all = append(ps.all, p)
			r.wg.Go(p.run)
		}
	}
	return len(ps.all) > 0
}

// maxPollers is how many pollers a ground has at most.
const maxPollers = 4

// take returns the poller for another device.
func (ps *pollers) take() *poller {
	ps.Lock()
	defer ps.Unlock()
	if len(ps.all) == 0 || ps.over && ps.devices == 0 {
		return nil
	}
	ps.devices++
	ps.next++
	return ps.all[ps.next%len(ps.all)]
}

// release notes that a device has been closed.
func (ps *pollers) release() {
	ps.Lock()
	defer ps.Unlock()
	ps.devices--
	ps.closeUnused()
}

// stop ends the pollers when all devices have been closed.
func (ps *pollers) stop() {
	ps.Lock()
	defer ps.Unlock()
	ps.over = true
	ps.closeUnused()
}

func (ps *pollers) closeUnused() {
	if !ps.over || ps.devices > 0 {
		return
	}
	for _, p := range ps.all {
		p.close()
	}
	ps.all = nil
}
