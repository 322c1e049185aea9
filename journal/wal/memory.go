package wal

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
)

// Memory is a store in memory. It never fails, and loses nothing. Package waltest
// has a store that does.
type Memory struct {
	mu     sync.Mutex
	files  map[string]*memoryFile
	locked bool
}

// NewMemory returns a store with no files.
func NewMemory() *Memory { return &Memory{files: map[string]*memoryFile{}} }

type memoryFile struct {
	store *Memory
	data  []byte
}

// ReadFile returns a copy of what is in a file, or nil if there is none.
func (m *Memory) ReadFile(name string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.files[name]; f != nil {
		return append([]byte{}, f.data...)
	}
	return nil
}

// WriteFile replaces the content of a file, or creates the file. Tests use it to
// damage logs.
func (m *Memory) WriteFile(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[name] = &memoryFile{m, bytes.Clone(data)}
}

// List implements [Store]. Names are in order.
func (m *Memory) List() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := make([]string, 0, len(m.files))
	for name := range m.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// Create implements [Store].
func (m *Memory) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	f := &memoryFile{store: m}
	m.files[name] = f
	return f, nil
}

// find returns the file of that name. The caller holds the mutex.
func (m *Memory) find(op, name string) (*memoryFile, error) {
	if f := m.files[name]; f != nil {
		return f, nil
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// OpenAppend implements [Store].
func (m *Memory) OpenAppend(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := m.find("open", name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Open implements [Store]. The content is that of the file when it was opened.
func (m *Memory) Open(name string) (Content, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := m.find("open", name)
	if err != nil {
		return nil, err
	}
	// The bytes of a file never change: it grows, or is truncated, which makes a
	// copy.
	return memoryContent{bytes.NewReader(f.data)}, nil
}

type memoryContent struct{ *bytes.Reader }

func (c memoryContent) Close() error { return nil }

// Remove implements [Store].
func (m *Memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.find("remove", name); err != nil {
		return err
	}
	delete(m.files, name)
	return nil
}

// Rename implements [Store].
func (m *Memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := m.find("rename", from)
	if err != nil {
		return err
	}
	delete(m.files, from)
	m.files[to] = f
	return nil
}

// Truncate implements [Store].
func (m *Memory) Truncate(name string, size int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := m.find("truncate", name)
	if err != nil {
		return err
	}
	if size < 0 || size > int64(len(f.data)) {
		return fmt.Errorf("wal: truncate %s to %d bytes: it has %d", name, size, len(f.data))
	}
	f.data = bytes.Clone(f.data[:size])
	return nil
}

// Lock implements [Store].
func (m *Memory) Lock() (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked {
		return nil, ErrLocked
	}
	m.locked = true
	return &memoryLock{store: m}, nil
}

type memoryLock struct {
	store *Memory
	once  sync.Once
}

func (l *memoryLock) Close() error {
	l.once.Do(func() {
		l.store.mu.Lock()
		defer l.store.mu.Unlock()
		l.store.locked = false
	})
	return nil
}

// SyncDir implements [Store].
func (m *Memory) SyncDir() error { return nil }

func (f *memoryFile) Write(b []byte) (int, error) {
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	f.data = append(f.data, b...)
	return len(b), nil
}

func (f *memoryFile) Sync() error  { return nil }
func (f *memoryFile) Close() error { return nil }
