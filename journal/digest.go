package journal

import (
	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/vm"
)

// effects digests the commands, with their values, and the steps of a trace.
type effects struct {
	sum     vm.Digest
	version fingerprint.Version // of the sums of values; zero before the first input
	buf     []byte              // scratch
}

// useFormat selects the version for an input that is in a journal of a format. It
// drops what was digested in another version, which depends on names that may have
// changed since.
func (o *effects) useFormat(format uint64) {
	version := versionOf(format)
	if version != o.version {
		o.version, o.sum = version, 0
	}
}

// versionOf returns the version of the sums in a format.
func versionOf(format uint64) fingerprint.Version {
	if format < 2 {
		return fingerprint.V1
	}
	return fingerprint.V2
}

func (o *effects) command(c *vm.Command) {
	o.sum = o.sum.Mix(uint64(c.Kind)<<1 | uint64(flag(c.Paused, 1))).Mix(c.Address.Generation)
	switch c.Kind {
	case vm.Open:
		o.buf = append(o.buf[:0], c.Address.Device.DeviceName()...)
	case vm.Tell:
		o.buf = o.version.Append(o.buf[:0], c.Value)
	default:
		return
	}
	o.sum = o.sum.MixBytes(o.buf)
}
