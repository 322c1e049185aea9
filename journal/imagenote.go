package journal

import (
	"fmt"
	"strings"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// An imageNote is an entry about a snapshot: that it begins, if the digest is zero, or the
// digest of the machine in it. The snapshot may be gone since; a replay compares the digest
// with that of its own machine.
type imageNote struct {
	seq   uint64 // of the last input that the machine had
	image vm.Digest
}

// imaging is the state of comparing a machine with snapshots.
type imaging struct {
	images     map[uint64]imaged // of snapshots that have begun; nil if they are not compared
	machines   uint64            // machines that were equal
	recordedAt func(seq uint64) (*checkpoint, error)
}

// An imaged is a machine of a replay, with its digest.
type imaged struct {
	at    *checkpoint
	image vm.Digest
}

// imageDigest returns a digest of all that a machine has: the states of its processes, their
// endpoints and devices.
func imageDigest(im *image.Image) (d vm.Digest, err error) {
	frame := *im
	frame.Processes = nil
	buf, err := codec.AppendValue(nil, frame)
	d = d.MixBytes(buf)
	for i := 0; i < len(im.Processes) && err == nil; i++ {
		buf, err = codec.AppendValue(buf[:0], im.Processes[i])
		d = d.MixBytes(buf)
	}
	return d, err
}

// compareImages compares the machine with the snapshots about which an input has entries. Only
// the build that has written them is compared: another one may have other types.
func (p *player) compareImages(e *recordedInput) *DivergenceError {
	if p.images == nil || e.unchecked || e.head == nil || e.head.Program != p.fingerprint || !p.hasTypes {
		return nil
	}
	for _, n := range e.images {
		if n.image == 0 {
			p.keepImage(n.seq, e.Seq)
			continue
		}
		own, ok := p.images[n.seq]
		switch {
		case !ok:
		case own.image != n.image:
			return p.imageDiffers(n, own, e)
		default:
			p.machines++
			p.whole = max(p.whole, n.seq)
		}
		delete(p.images, n.seq)
	}
	return nil
}

// keepImage keeps the machine as it was after an input, of which a snapshot begins after
// another one.
func (p *player) keepImage(seq, now uint64) {
	at := p.before // a snapshot at a stop is of the machine before it
	switch {
	case seq == now:
		at = p.checkpoint()
	case at == nil || seq != p.stopped:
		return
	}
	im, err := image.Of(at.state, p.types, stateEncoder(codec.Veiled))
	if err != nil {
		return // nor could the program take a snapshot
	}
	clear(p.images) // the one before was not written
	if d, err := imageDigest(im); err == nil {
		p.images[seq] = imaged{at, d}
	}
}

// imageDiffers says what differs between a snapshot and the machine of a replay.
func (p *player) imageDiffers(n imageNote, own imaged, e *recordedInput) *DivergenceError {
	d := &DivergenceError{
		Seq: n.seq, Since: min(p.whole, n.seq-1), Program: e.head.Program, ThisProgram: p.fingerprint,
		Recorded: fmt.Sprintf("a machine with the digest %v in the snapshot", n.image),
		Replayed: fmt.Sprintf("a machine with the digest %v", own.image),
	}
	was, err := p.recordedAt(n.seq)
	if err != nil {
		return d // the snapshot has been removed since
	}
	for _, c := range Diff(&Moment{at: *was}, &Moment{at: *own.at}) {
		d.Path, d.Name = c.Path, c.Name
		d.Recorded, d.Replayed = orNothing(c.Before), orNothing(c.After)
		break
	}
	return d
}

func orNothing(lines []string) string {
	if len(lines) == 0 {
		return nothing
	}
	return strings.Join(lines, "; ")
}
