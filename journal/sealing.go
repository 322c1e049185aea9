package journal

import (
	"slices"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/journal/keys"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// This file is about sealed values: see package sealed.
//
// If the key of a value was erased, a replay goes on with an erased value, and the machine
// is not the recorded one any more. From there on, nothing is compared, up to a snapshot of a
// machine that had the erased values itself, as the one after a recovery has them. Up to then
// the replay finds devices by name, as one does that adopts a history.

// sealerOf returns a sealer with the keys in a store, or nil.
func sealerOf(s keys.Store) codec.Sealer {
	if s == nil {
		return nil
	}
	return keys.NewSealer(s)
}

// UseKeys gives h the keys for the sealed values in the journal, as [Config].Keys does for a
// run. Replay, Record and the Value of an input need them; whatever does not decode values needs
// none. Call UseKeys before anything else.
func (h *History) UseKeys(s keys.Store) { h.sealer = sealerOf(s) }

// codec returns the codec for the values in the journal. It calls lost for a value that was
// erased after it was recorded.
func (h *History) codec(lost func(subject string)) *codec.Codec {
	return &codec.Codec{Sealer: h.sealer, Lost: lost}
}

// anchors returns a function that returns the machine after an input of a stretch, if there is a
// snapshot of it from which nothing was erased.
func (h *History) anchors(s *Stretch, types image.Types) func(seq uint64) *checkpoint {
	var seqs []uint64
	listed := false
	return func(seq uint64) *checkpoint {
		if !listed {
			listed = true
			seqs, _ = h.snapshotsFor(s) // without snapshots, less is compared
		}
		if _, ok := slices.BinarySearch(seqs, seq); !ok {
			return nil
		}
		m, _, err := h.loadSnapshot(seq, types)
		if err != nil || m.lost > 0 {
			return nil
		}
		return m
	}
}

// image returns the image of a machine for a snapshot, and its digest, which does not depend on
// the contents of sealed values.
func (j *Journal) image(at *machineAt) (im *image.Image, digest vm.Digest, err error) {
	of := func(c *codec.Codec) (*image.Image, error) { return image.Of(at.state, j.player.types, stateEncoder(c)) }
	c := *j.codec
	s := noting{Sealer: c.Sealer}
	if c.Sealer != nil {
		c.Sealer = &s
	}
	if im, err = of(&c); err != nil {
		return nil, 0, err
	}
	veiled := im
	if s.used {
		if veiled, err = of(codec.Veiled); err != nil {
			return nil, 0, err
		}
	}
	digest, err = imageDigest(veiled)
	return im, digest, err
}

// A noting is a sealer that notes whether it was used.
type noting struct {
	codec.Sealer
	used bool
}

func (n *noting) Seal(dst []byte, subject string, content, bound []byte) ([]byte, uint64, bool, error) {
	n.used = true
	return n.Sealer.Seal(dst, subject, content, bound)
}

// goOnErased prepares the machine that a recovery has made with erased values, the first of
// which was in an input or in a snapshot after it, for the run that follows. Soon there is a
// snapshot of it, with which its results can be compared again.
func (j *Journal) goOnErased(input uint64) {
	j.config.Logger.Warn("journal: values were erased, so the machine goes on from a state without them, which was not compared with the recorded one", "from input", input)
	j.player.lost = 0
	if j.player.adopts == "" {
		j.player.adopt(hasErased)
	}
	j.snapshots.due.Store(true)
}
