package ground

import (
	"os"
	"sync"
	"syscall"
)

// A poller waits for the descriptors of many devices at once, and takes what
// has come for all of them into the machine together. It is fast because it does
// one thing for many devices, and then the next thing: code and data stay in the
// caches. See decision 11.
//
// The descriptor of the poller is itself waited for by the Go runtime, so that
// no thread is blocked.
type poller struct {
	r       *runner
	fd      int
	file    *os.File // of fd
	raw     syscall.RawConn
	events  []syscall.EpollEvent
	ready   []*device
	scratch []*device
	slots   slots
}

const readable, writable = syscall.EPOLLIN | syscall.EPOLLRDHUP, syscall.EPOLLOUT

// newPoller returns a poller, or nil if there cannot be one.
func newPoller(r *runner) *poller {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return nil
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil
	}
	return &poller{r: r, fd: fd, file: file, raw: raw, events: make([]syscall.EpollEvent, 256)}
}

// run works until the poller is closed.
func (p *poller) run() {
	finished := false
	defer func() {
		if !finished { // a transition function has ended the goroutine
			p.r.wg.Go(p.run)
		}
	}()
	for p.wait() {
		if p.visit() {
			p.r.workThrough(&p.scratch)
		}
	}
	finished = true
}

// wait waits for events. It reports false when the poller has been closed.
func (p *poller) wait() bool {
	n := 0
	err := p.raw.Read(func(fd uintptr) bool {
		var err error
		n, err = syscall.EpollWait(int(fd), p.events, 0)
		return n > 0 || err != nil && err != syscall.EINTR
	})
	p.ready = p.slots.find(p.events[:max(n, 0)], p.ready[:0])
	return err == nil
}

// visit writes to and receives from the devices that are ready. It reports whether
// there is something for the machine.
func (p *poller) visit() (brought bool) {
	for i, d := range p.ready {
		if d == nil {
			continue
		}
		if p.events[i].Events&^uint32(readable) != 0 && d.onWritable() {
			brought = true
		}
		if p.events[i].Events&^uint32(writable) != 0 && d.onReadable() {
			brought = true
		}
	}
	clear(p.ready)
	return brought
}

// control makes the poller wait for other events than before. An error says that
// it cannot wait for the descriptor.
func (p *poller) control(w *watch, wanted uint32) error {
	op := syscall.EPOLL_CTL_MOD
	switch {
	case wanted == w.waited:
		return nil
	case w.waited == 0:
		op = syscall.EPOLL_CTL_ADD
	case wanted == 0: // else the system reports a hang-up again and again
		op = syscall.EPOLL_CTL_DEL
	}
	w.waited = wanted
	e := syscall.EpollEvent{Events: wanted, Fd: w.slot}
	err := syscall.EpollCtl(p.fd, op, w.descriptor, &e)
	if op == syscall.EPOLL_CTL_DEL {
		return nil // whatever the error, nothing more comes
	}
	return os.NewSyscallError("epoll_ctl", err)
}

// add gives a device a slot.
func (p *poller) add(d *device) { p.slots.add(d) }

// remove forgets a device that is not waited for any more.
func (p *poller) remove(d *device) { p.slots.remove(d) }

// close ends run. Nobody is waited for any more.
func (p *poller) close() { _ = p.file.Close() }

// slots are the devices of a poller, by the numbers that the system returns with
// events. A number may have a new device while an event of the old one is still
// under way: then the poller finds nothing at the new one, which does no harm.
type slots struct {
	sync.Mutex
	devices []*device
	free    []int32
}

func (s *slots) add(d *device) {
	s.Lock()
	defer s.Unlock()
	if n := len(s.free); n > 0 {
		d.watch.slot = s.free[n-1]
		s.free = s.free[:n-1]
		s.devices[d.watch.slot] = d
		return
	}
	d.watch.slot = int32(len(s.devices))
	s.devices = append(s.devices, d)
}

func (s *slots) remove(d *device) {
	s.Lock()
	defer s.Unlock()
	s.devices[d.watch.slot] = nil
	s.free = append(s.free, d.watch.slot)
}

// find appends the devices of events to found.
func (s *slots) find(events []syscall.EpollEvent, found []*device) []*device {
	s.Lock()
	defer s.Unlock()
	for i := range events {
		found = append(found, s.devices[events[i].Fd])
	}
	return found
}
