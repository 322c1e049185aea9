package journal

import (
	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/vm"
)

// outside digests the commands, with their values.
type outside struct {
	sum vm.Digest
	buf []byte // scratch
}

func (o *outside) command(c *vm.Command) {
	o.sum = o.sum.Mix(uint64(c.Kind)<<1 | uint64(flag(c.Paused, 1))).Mix(c.Address.Generation)
	switch c.Kind {
	case vm.Open:
		o.buf = append(o.buf[:0], c.Address.Device.DeviceName()...)
	case vm.Tell:
		o.buf = fingerprint.Append(o.buf[:0], c.Value)
	default:
		return
	}
	o.sum = o.sum.MixBytes(o.buf)
}
