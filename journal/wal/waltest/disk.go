package waltest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/go-marketplace/marketplace/journal/wal"
)

var (
	// ErrFault is how operations fail that a plan tells to fail.
	ErrFault = errors.New("waltest: the disk has failed, as planned")

	// ErrFull is how a write fails for which there is no room.
	ErrFull = errors.New("waltest: the disk is full, as planned")

	// ErrCrashed is how all operations fail after a crash.
	ErrCrashed = errors.New("waltest: the machine has crashed, as planned")
)

// A Kind is a kind of operation that changes a disk, or syncs it.
type Kind int

// The kinds of operations.
const (
	Create Kind = iota + 1
	OpenAppend
	Write
	Sync
	Remove
	Rename
	Truncate
	SyncDir
)

// String returns the name of the operation.
func (k Kind) String() string {
	names := [...]string{"none", "create", "open", "write", "sync", "remove", "rename", "truncate", "sync folder"}
	if k < 0 || int(k) >= len(names) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return names[k]
}

// An Op is an operation that is about to be done.
type Op struct {
	N     int    // its number among all of the disk, from 1
	Nth   int    // its number among those of its type, from 1
	Kind  Kind   // what is to be done
	Name  string // of the file; "" for the folder
	Bytes []byte // what is to be written
}

// A Fault says what is to become of an operation. The zero value lets it be
// done.
type Fault struct {
	Err     error // how it fails, if not nil
	Written int   // of a write that fails: how many bytes are written before
	Crash   bool  // the machine crashes, so that everything fails from now on, with ErrCrashed
}

// A Disk is a store that keeps apart what is synced, and what is not. It starts
// empty, with no faults and no end. Its methods may be called by several
// goroutines at once.
type Disk struct {
	mu      sync.Mutex
	names   map[string]*inode // as the system shows them
	synced  map[string]*inode // as they are on disk for sure
	pending []change          // of names, since they were last synced
	plan    func(Op) Fault
	room    int64 // bytes that can still be written; -1 if there is no limit
	n       int
	nth     map[Kind]int
	crashed bool
	locked  bool
}

// An inode is a file, by whatever name.
type inode struct {
	data   []byte // as the system shows it
	synced []byte // as it is on disk for sure
}

// A change of names is to leave the name without a file, if file is nil.
type change struct {
	name string
	file *inode
	drop string // a name that is gone with it, of a file that was renamed
}

// NewDisk returns an empty disk.
func NewDisk() *Disk {
	return &Disk{names: map[string]*inode{}, synced: map[string]*inode{}, room: -1, nth: map[Kind]int{}}
}

// Plan has the disk ask f about each operation from now on. The function must
// not use the disk.
func (d *Disk) Plan(f func(Op) Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plan = f
}

// FailNth plans that the nth operation of a kind, counted from 1 and from the
// beginning, fails with ErrFault, without effect. Others are done.
func (d *Disk) FailNth(kind Kind, nth int) {
	d.Plan(func(op Op) Fault {
		if op.Kind == kind && op.Nth == nth {
			return Fault{Err: ErrFault}
		}
		return Fault{}
	})
}

// CrashAt plans that the machine crashes at the operation of that number,
// counted from 1 and from the beginning. Of a write, that many bytes are
// written.
func (d *Disk) CrashAt(n, written int) {
	d.Plan(func(op Op) Fault { return Fault{Crash: op.N == n, Written: written} })
}

// Limit has the disk be full after that many more bytes. A write for which
// there is not enough room writes what there is room for, and fails with
// ErrFull.
func (d *Disk) Limit(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = bytes
}

// Ops returns how many operations have been asked for.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.n
}

// Synced returns a copy of the part of a file that is on disk for sure, name
// and content, or nil if there is none.
func (d *Disk) Synced(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.synced[name]; f != nil {
		return append([]byte{}, f.synced...)
	}
	return nil
}

// begin asks the plan about an operation, with mu held. The number is how much
// of a write is to be done.
func (d *Disk) begin(kind Kind, name string, b []byte) (written int, err error) {
	if d.crashed {
		return 0, ErrCrashed
	}
	d.n++
	d.nth[kind]++
	if d.plan != nil {
		f := d.plan(Op{d.n, d.nth[kind], kind, name, b})
		written = min(f.Written, len(b))
		if f.Crash {
			d.crashed = true
			return written, ErrCrashed
		}
		if f.Err != nil {
			return written, fmt.Errorf("%v %s: %w", kind, name, f.Err)
		}
	}
	return len(b), nil
}

// find returns the file of that name, with mu held.
func (d *Disk) find(name string) (*inode, error) {
	if f := d.names[name]; f != nil {
		return f, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// List implements [wal.Store].
func (d *Disk) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.crashed {
		return nil, ErrCrashed
	}
	return slices.Sorted(maps.Keys(d.names)), nil
}

// Create implements [wal.Store].
func (d *Disk) Create(name string) (wal.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.begin(Create, name, nil); err != nil {
		return nil, err
	}
	if d.names[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	f := &inode{}
	d.names[name] = f
	d.pending = append(d.pending, change{name: name, file: f})
	return &file{d, f, name}, nil
}

// OpenAppend implements [wal.Store].
func (d *Disk) OpenAppend(name string) (wal.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.begin(OpenAppend, name, nil); err != nil {
		return nil, err
	}
	f, err := d.find(name)
	if err != nil {
		return nil, err
	}
	return &file{d, f, name}, nil
}

// Open implements [wal.Store]. What is read is the file as it was when opened.
func (d *Disk) Open(name string) (wal.Content, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.crashed {
		return nil, ErrCrashed
	}
	f, err := d.find(name)
	if err != nil {
		return nil, err
	}
	return content{bytes.NewReader(f.data)}, nil
}

type content struct{ *bytes.Reader }

func (c content) Close() error { return nil }

// Remove implements [wal.Store].
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.begin(Remove, name, nil); err != nil {
		return err
	}
	if _, err := d.find(name); err != nil {
		return err
	}
	delete(d.names, name)
	d.pending = append(d.pending, change{name: name})
	return nil
}

// Rename implements [wal.Store].
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.begin(Rename, from, nil); err != nil {
		return err
	}
	f, err := d.find(from)
	if err != nil {
		return err
	}
	delete(d.names, from)
	d.names[to] = f
	d.pending = append(d.pending, change{name: to, file: f, drop: from})
	return nil
}

// Truncate implements [wal.Store].
func (d *Disk) Truncate(name string, size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.begin(Truncate, name, nil); err != nil {
		return err
	}
	f, err := d.find(name)
	if err != nil {
		return err
	}
	if size < 0 || size > int64(len(f.data)) {
		return fmt.Errorf("waltest: truncate %s to %d bytes: it has %d", name, size, len(f.data))
	}
	f.data = bytes.Clone(f.data[:size])
	return nil
}

// SyncDir implements [wal.Store].
func (d *Disk) SyncDir() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.begin(SyncDir, "", nil); err != nil {
		return err
	}
	d.synced = maps.Clone(d.names)
	d.pending = nil
	return nil
}

// Lock implements [wal.Store].
func (d *Disk) Lock() (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked {
		return nil, wal.ErrLocked
	}
	d.locked = true
	return &lock{disk: d}, nil
}

type lock struct {
	disk *Disk
	once sync.Once
}

func (l *lock) Close() error {
	l.once.Do(func() {
		l.disk.mu.Lock()
		defer l.disk.mu.Unlock()
		l.disk.locked = false
	})
	return nil
}

// A file is an open file.
type file struct {
	disk *Disk
	node *inode
	name string
}

func (f *file) Write(b []byte) (int, error) {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.begin(Write, f.name, b)
	if d.room >= 0 && int64(n) > d.room {
		n = int(d.room)
		if err == nil {
			err = ErrFull
		}
	}
	if d.room >= 0 {
		d.room -= int64(n)
	}
	f.node.data = append(f.node.data, b[:n]...)
	return n, err
}

func (f *file) Sync() error {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.begin(Sync, f.name, nil); err != nil {
		return err
	}
	f.node.synced = bytes.Clone(f.node.data)
	return nil
}

func (f *file) Close() error { return nil }
