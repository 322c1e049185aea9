package keys

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// A Folder is a [Store] in a folder: a file for each subject, whose name is a hash of it. A
// subject that was erased has another file instead, which says so. Several programs may use a
// folder at once.
type Folder struct {
	store  wal.Store
	master *Key

	mu     sync.Mutex
	known  map[string]known
	tidied bool
}

// known is a key that was read or made.
type known struct {
	Key
	safe bool // its name is on disk
}

// Dir returns the key store in a folder of the file system, which the first key creates. If
// master is not nil, the keys in the folder are encrypted with it: the folder alone
// gives nobody the keys. The master key is elsewhere: see [ReadKey].
//
// Folders and files that it makes are for their owner alone. What is erased is overwritten
// first. Disks and file systems that write elsewhere instead, and snapshots of file systems,
// may have it still; a master key that is not on the same disk protects from that.
func Dir(path string, master *Key) *Folder { return InStore(folder{wal.Dir(path), path}, master) }

// InStore is [Dir] for a folder that is not in the file system. What is erased is overwritten
// if the store has a method Wipe(name string) error.
func InStore(s wal.Store, master *Key) *Folder {
	return &Folder{store: s, master: master, known: map[string]known{}}
}

// folder is a store that can overwrite files.
type folder struct {
	wal.Store
	path string
}

// String returns the path of the folder.
func (f folder) String() string { return f.path }

// Wipe overwrites a file with random bytes.
func (f folder) Wipe(name string) (err error) {
	file, err := os.OpenFile(filepath.Join(f.path, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	noise := make([]byte, info.Size())
	_, _ = rand.Read(noise) // never fails
	if _, err := file.Write(noise); err != nil {
		return err
	}
	return file.Sync()
}

const (
	keySuffix    = ".key"
	erasedSuffix = ".erased"
	partSuffix   = ".part"
)

func fileOf(subject string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(subject))) }

// Current implements [Store].
func (f *Folder) Current(subject string) (Key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, err := f.find(subject)
	if errors.Is(err, ErrNoKey) {
		err = f.locked(func() error { return f.make(subject) })
		if err == nil {
			k, err = f.find(subject)
		}
	}
	if err != nil || f.known[subject].safe {
		return k, err
	}
	// A program may have been killed before the name of the key was on disk.
	if err := f.store.SyncDir(); err != nil {
		return Key{}, fmt.Errorf("keys: %w", err)
	}
	f.known[subject] = known{k, true}
	return k, nil
}

// make makes the key of a subject, unless another program has made or erased it meanwhile.
func (f *Folder) make(subject string) error {
	if _, err := f.find(subject); !errors.Is(err, ErrNoKey) {
		return err
	}
	var k Key
	_, _ = rand.Read(k[:]) // never fails
	return f.write(fileOf(subject)+keySuffix, f.wrap(subject, k))
}

// Find implements [Store].
func (f *Folder) Find(subject string, id uint64) (Key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, err := f.find(subject)
	if err == nil && k.ID() != id {
		return Key{}, fmt.Errorf("%w: the subject has another one", ErrNoKey)
	}
	return k, err
}

// find returns the key of a subject. Another program may have erased it since.
func (f *Folder) find(subject string) (Key, error) {
	name := fileOf(subject)
	switch _, err := f.read(name + erasedSuffix); {
	case err == nil:
		delete(f.known, subject)
		return Key{}, ErrErased
	case !errors.Is(err, fs.ErrNotExist):
		return Key{}, fmt.Errorf("keys: %w", err)
	}
	if k, ok := f.known[subject]; ok {
		return k.Key, nil
	}
	data, err := f.read(name + keySuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return Key{}, ErrNoKey
	}
	if err != nil {
		return Key{}, fmt.Errorf("keys: %w", err)
	}
	k, err := f.unwrap(subject, data)
	if err != nil {
		return Key{}, fmt.Errorf("keys: %s: %w", name+keySuffix, err)
	}
	if len(f.known) >= maxReady {
		clear(f.known)
	}
	f.known[subject] = known{Key: k}
	return k, nil
}

// Erase implements [Store].
func (f *Folder) Erase(subject string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.known, subject)
	name := fileOf(subject)
	if !f.exists(name+keySuffix) && !f.exists(name+erasedSuffix) {
		return ErrNoKey // or a folder with a mistyped name would be made
	}
	return f.locked(func() error {
		// The file that says so comes first: after a crash there may be both.
		if err := f.write(name+erasedSuffix, []byte(erasedMagic)); err != nil {
			return err
		}
		return f.wipe(name + keySuffix)
	})
}

// wipe overwrites and removes a file, if it is there.
func (f *Folder) wipe(name string) error {
	var err error
	if w, ok := f.store.(interface{ Wipe(string) error }); ok {
		err = w.Wipe(name)
	}
	if err == nil {
		err = f.store.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = f.store.SyncDir()
	}
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// How long the folder may be locked by other programs, and how often to try.
const (
	lockFor   = 10 * time.Second
	lockEvery = time.Millisecond
)

// locked calls change while the folder is locked, after it has removed what a crash has left.
func (f *Folder) locked(change func() error) error {
	lock, err := f.store.Lock()
	for begin := time.Now(); errors.Is(err, wal.ErrLocked) && time.Since(begin) < lockFor; lock, err = f.store.Lock() {
		time.Sleep(lockEvery)
	}
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if err = f.tidy(); err == nil {
		err = change()
	}
	return errors.Join(err, lock.Close())
}

// tidy removes files of keys that were not finished, and keys of subjects that are erased.
func (f *Folder) tidy() error {
	if f.tidied {
		return nil
	}
	names, err := f.store.List()
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	for _, name := range names {
		if subject, ok := strings.CutSuffix(name, erasedSuffix); ok {
			name = subject + keySuffix
			if !f.exists(name) {
				continue
			}
		} else if !strings.HasSuffix(name, partSuffix) {
			continue
		}
		if err := f.wipe(name); err != nil {
			return err
		}
	}
	f.tidied = true
	return nil
}

func (f *Folder) exists(name string) bool {
	_, err := f.read(name)
	return err == nil
}

func (f *Folder) read(name string) (data []byte, err error) {
	c, err := f.store.Open(name)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	const most = 1 << 10 // a file has less
	data = make([]byte, min(c.Size(), most))
	_, err = io.ReadFull(io.NewSectionReader(c, 0, int64(len(data))), data)
	return data, err
}

// write writes a file: after a crash it is complete, or does not exist. It is on disk when
// write returns.
func (f *Folder) write(name string, data []byte) error {
	part := name + partSuffix
	err := f.wipe(part) // a failed write has left it
	if err != nil {
		return err
	}
	file, err := f.store.Create(part)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = f.store.Rename(part, name)
	}
	if err == nil {
		err = f.store.SyncDir()
	}
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// The beginnings of files. A plain key is followed by a checksum, and a wrapped one is behind
// its nonce.
const (
	erasedMagic  = "marketplace erased 1\n"
	plainMagic   = "marketplace key 1\n"
	wrappedMagic = "marketplace wrapped key 1\n"
)

func checksum(subject string, k Key) []byte {
	sum := sha256.Sum256(append([]byte(plainMagic+subject+"\x00"), k[:]...))
	return sum[:8]
}

// wrap returns the content of the file of a key.
func (f *Folder) wrap(subject string, k Key) []byte {
	if f.master == nil {
		return append(append([]byte(plainMagic), k[:]...), checksum(subject, k)...)
	}
	var nonce [nonceSize]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return newXAES(*f.master).seal(append([]byte(wrappedMagic), nonce[:]...), nonce[:], k[:], []byte(wrappedMagic+subject))
}

func (f *Folder) unwrap(subject string, data []byte) (k Key, err error) {
	if body, ok := bytes.CutPrefix(data, []byte(wrappedMagic)); ok {
		if f.master == nil {
			return k, errors.New("the key is encrypted, and there is no master key")
		}
		if len(body) != nonceSize+len(k)+tagSize {
			return k, errors.New("the key is damaged")
		}
		b, err := newXAES(*f.master).open(body[:nonceSize], body[nonceSize:], []byte(wrappedMagic+subject))
		if err != nil {
			return k, errors.New("the key is damaged, or encrypted with another master key")
		}
		copy(k[:], b)
		return k, nil
	}
	body, ok := bytes.CutPrefix(data, []byte(plainMagic))
	if !ok || len(body) != len(k)+8 {
		return k, errors.New("the key is damaged")
	}
	copy(k[:], body)
	if !bytes.Equal(body[len(k):], checksum(subject, k)) {
		return Key{}, errors.New("the key is damaged")
	}
	return k, nil
}
