package waltest

import (
	"bytes"
	"maps"
	"slices"
)

// Sector is the size, in bytes, of the pieces of a file that a crash keeps or loses
// as a whole.
const Sector = 64

// LoseAll is a choice for [Disk.Crash]: only what was synced is left.
func LoseAll(int) int { return 0 }

// KeepAll is a choice for [Disk.Crash]: everything has reached the disk.
func KeepAll(n int) int { return n - 1 }

// Crash returns a disk as it may be after a crash. It has all that was synced.
// Choose decides about the rest: whether each change of a name has reached the disk,
// how much of what was written has, and which sectors of that are zero. It gets the
// number of possibilities, and returns one, counted from 0. The lower the number,
// the more is lost.
//
// The content of the disk itself stays as it is, but all its operations fail with
// ErrCrashed from now on.
func (d *Disk) Crash(choose func(n int) int) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashed = true
	names := maps.Clone(d.synced)
	for _, c := range d.pending {
		if choose(2) == 0 {
			continue
		}
		if c.drop != "" {
			delete(names, c.drop)
		}
		if c.file != nil {
			names[c.name] = c.file
		} else {
			delete(names, c.name)
		}
	}
	after := NewDisk()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		data := names[name].crash(choose)
		f := &inode{data: data, synced: bytes.Clone(data)}
		after.names[name] = f
		after.synced[name] = f
	}
	return after
}

// Restart makes the disk work again after a crash that has ended only the process: the
// system goes on, and shows all that was written. What was not synced is still not on
// disk. Restart removes the plan and the limit, and releases the lock.
func (d *Disk) Restart() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashed, d.locked, d.plan, d.room = false, false, nil, -1
}

// crash returns the content of a file after a crash.
func (f *inode) crash(choose func(int) int) []byte {
	if !bytes.HasPrefix(f.data, f.synced) {
		// It was truncated. Either the truncation has reached the disk, and
		// nothing that was written afterwards, or not even that has.
		if choose(2) == 0 {
			return bytes.Clone(f.synced)
		}
		common := 0
		for common < len(f.data) && common < len(f.synced) && f.data[common] == f.synced[common] {
			common++
		}
		return bytes.Clone(f.data[:common])
	}
	tail := f.data[len(f.synced):]
	tail = bytes.Clone(tail[:choose(len(tail)+1)])
	for i := 0; i < len(tail); i += Sector {
		if choose(4) == 0 {
			clear(tail[i:min(i+Sector, len(tail))])
		}
	}
	return append(bytes.Clone(f.synced), tail...)
}
