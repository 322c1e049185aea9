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
	// ErrFault is the error of operations that fail by plan.
	ErrFault = errors.New("waltest: the disk has failed, as planned")

	// ErrFull is the error of a write for which there is not enough room.
	ErrFull = errors.New("waltest: the disk is full, as planned")

	// ErrCrashed is the error of all operations after a crash.
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

// An Op is an operation that the disk is about to do.
type Op struct {
	N     int    // its number among all operations of the disk, from 1
	Nth   int    // its number among those of its kind, from 1
	Kind  Kind   // what the operation does
	Name  string // of the file; "" for the folder
	Bytes []byte // what a Write writes
}

// A Fault says how an operation fails. With the zero Fault it does not.
type Fault struct {
	Err     error // its error, if it fails
	Written int   // how many bytes a Write that fails has written
	Crash   bool  // the machine crashes: everything fails from now on, with ErrCrashed
}

// A Disk is a store that distinguishes what is synced from what is not. It starts
// empty, without faults, and without a limit. Several goroutines may call its methods
// at once.
type Disk struct {
	mu      sync.Mutex
	names   map[string]*inode // as the system shows them
	synced  map[string]*inode // as they are certainly on disk
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
	synced []byte // as it is certainly on disk
}

// A change gives a name to a file, or removes the name if file is nil.
type change struct {
	name string
	file *inode
	drop string // the former name of a file that was renamed
}

// NewDisk returns an empty disk.
func NewDisk() *Disk {
	return &Disk{names: map[string]*inode{}, synced: map[string]*inode{}, room: -1, nth: map[Kind]int{}}
}

// Plan sets the function that decides about each operation from now on. The function
// must not use the disk.
func (d *Disk) Plan(f func(Op) Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plan = f
}

// FailNth plans that the nth operation of a kind, counted from 1 since the disk was
// made, fails with ErrFault, without effect. Other operations succeed.
func (d *Disk) FailNth(kind Kind, nth int) {
	d.Plan(func(op Op) Fault {
		if op.Kind == kind && op.Nth == nth {
			return Fault{Err: ErrFault}
		}
		return Fault{}
	})
}

// CrashAt plans that the machine crashes at operation n, counted from 1 since the
// disk was made. If it is a Write, it writes that many bytes before.
func (d *Disk) CrashAt(n, written int) {
	d.Plan(func(op Op) Fault { return Fault{Crash: op.N == n, Written: written} })
}

// Limit makes the disk full after that many more bytes. A Write for which there is
// not enough room writes what there is room for, and fails with ErrFull.
func (d *Disk) Limit(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = bytes
}

// Ops returns how many operations there were, failed ones included, up to a crash.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.n
}

// Synced returns a copy of the content of a file that is certainly on disk. It is nil
// if not even the name of the file is.
func (d *Disk) Synced(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.synced[name]; f != nil {
		return append([]byte{}, f.synced...)
	}
	return nil
}

// begin asks the plan about an operation. It returns how many bytes a Write has to
// write, also if it fails. The caller holds mu.
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

// find returns the file with a name. The caller holds mu.
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

// Open implements [wal.Store]. The content is that of the file when it was opened.
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
