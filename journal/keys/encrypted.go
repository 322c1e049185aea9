package keys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// Encrypt returns a store in which the content of all files is encrypted with a key, for a
// journal as a whole, beside its sealed values:
//
//	store := keys.Encrypt(wal.Dir("chat.journal"), key)
//	j, err := journal.Config{}.OpenStore(store)
//
// It is for disks and backups that get lost: without the key, the content of the files says
// nothing. Their names, sizes and times are not hidden. Against changes it protects as the
// journal itself does, whose hashes are encrypted as well: somebody without the key can damage a
// journal, which the hashes show, and can change bytes that they know to others, together with the
// hashes that follow, which only a hash that is kept elsewhere shows.
//
// A file begins with 128 bytes more, a random nonce, twice, from which the key of the file
// follows. The rest is encrypted with AES-256-CTR, so all sizes and places are as without
// encryption. No two contents are encrypted with the same part of a key stream, also if a crash
// has torn the end of a file: a file that is cut off, or written to once more, is encrypted anew.
// So a journal that is opened copies its last segment.
//
// All files must have been written with the same key. The error is [ErrWrongKey] if one was not,
// or was not encrypted. A program that opens an encrypted journal without a key gets
// [wal.ErrVersion].
func Encrypt(s wal.Store, k Key) wal.Store {
	e := &encrypted{Store: s, key: k, fresh: map[string]bool{}}
	if named, ok := s.(fmt.Stringer); ok {
		return namedEncrypted{e, named}
	}
	return e
}

// ErrWrongKey says that a file is not encrypted, or with another key.
var ErrWrongKey = errors.New("keys: the file is not encrypted, or with another key")

type encrypted struct {
	wal.Store
	key Key

	mu    sync.Mutex
	fresh map[string]bool // files that were encrypted anew, and not written to since
}

// namedEncrypted has the name of the store below.
type namedEncrypted struct {
	*encrypted
	named fmt.Stringer
}

func (n namedEncrypted) String() string { return n.named.String() }

// A header is 64 bytes, which are there twice. The first 48 are for package wal the header of a
// segment in a version that it refuses:
//
//	7 bytes   "mpjourn"
//	1 byte    wal.Encrypted
//	8 bytes   the nonce begins
//	16 bytes  SHA-256 of the 16 bytes before it and the 16 behind it, of which the first are taken
//	16 bytes  the rest of the nonce
//	16 bytes  HMAC-SHA256 of the nonce, of which the first are taken
const (
	headerSize = 64
	bodyAt     = 2 * headerSize
	freshName  = ".fresh" // behind the name of a file that is encrypted anew
)

type fileNonce [24]byte

func (e *encrypted) derive(domain string, n fileNonce) []byte {
	m := hmac.New(sha256.New, e.key[:])
	m.Write([]byte(domain))
	m.Write(n[:])
	return m.Sum(nil)
}

func (e *encrypted) header(n fileNonce) []byte {
	b := append(make([]byte, 0, bodyAt), "mpjourn"...)
	b = append(append(b, wal.Encrypted), n[:8]...)
	sum := sha256.Sum256(append(bytes.Clone(b), n[8:]...))
	b = append(append(b, sum[:16]...), n[8:]...)
	b = append(b, e.derive("marketplace file header", n)[:16]...)
	return append(b, b...)
}

// stream returns the key stream of a file from an offset on.
func (e *encrypted) stream(n fileNonce, offset int64) cipher.Stream {
	block, err := aes.NewCipher(e.derive("marketplace file", n))
	if err != nil {
		panic(err) // the length of the key is right
	}
	var counter [aes.BlockSize]byte
	for i, c := 0, uint64(offset)/aes.BlockSize; i < 8; i++ {
		counter[15-i] = byte(c >> (8 * i))
	}
	s := cipher.NewCTR(block, counter[:])
	var skipped [aes.BlockSize]byte
	s.XORKeyStream(skipped[:offset%aes.BlockSize], skipped[:offset%aes.BlockSize])
	return s
}

// nonceOf returns the nonce in a header. It reports false if a crash has left too little of it.
func (e *encrypted) nonceOf(header []byte) (n fileNonce, ok bool, err error) {
	if len(header) < bodyAt {
		const begins = "mpjourn\xff"
		start := header[:min(len(begins), len(header))]
		if len(bytes.Trim(start, "\x00")) > 0 && !strings.HasPrefix(begins, string(start)) {
			return n, false, ErrWrongKey
		}
		return n, false, nil
	}
	for copy := range 2 {
		h := header[copy*headerSize : (copy+1)*headerSize]
		n = fileNonce(append(bytes.Clone(h[8:16]), h[32:48]...))
		if subtle.ConstantTimeCompare(h, e.header(n)[:headerSize]) == 1 {
			return n, true, nil
		}
	}
	if len(bytes.Trim(header, "\x00")) == 0 {
		return n, false, nil
	}
	return n, false, ErrWrongKey
}

// Create implements [wal.Store].
func (e *encrypted) Create(name string) (wal.File, error) {
	f, err := e.Store.Create(name)
	if err != nil {
		return nil, err
	}
	e.forget(name)
	return e.begin(f), nil
}

// begin returns a file without content, with a nonce of its own.
func (e *encrypted) begin(f wal.File) *encryptedFile {
	var n fileNonce
	_, _ = rand.Read(n[:]) // never fails
	return &encryptedFile{File: f, head: e.header(n), stream: e.stream(n, 0)}
}

// OpenAppend implements [wal.Store].
func (e *encrypted) OpenAppend(name string) (wal.File, error) {
	if !e.forget(name) {
		if err := e.renew(name, -1); err != nil {
			return nil, err
		}
		e.forget(name)
	}
	c, err := e.open(name)
	if err != nil {
		return nil, err
	}
	if err := c.Close(); err != nil {
		return nil, err
	}
	f, err := e.Store.OpenAppend(name)
	if err != nil {
		return nil, err
	}
	return &encryptedFile{File: f, stream: e.stream(c.nonce, c.size)}, nil
}

// forget reports whether a file is encrypted anew, and assumes from now on that it is not.
func (e *encrypted) forget(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	was := e.fresh[name]
	delete(e.fresh, name)
	return was
}

// renew encrypts a file anew, with the first bytes of its content, or with all of it if size is
// negative. After a crash the file is as before, or renewed.
func (e *encrypted) renew(name string, size int64) error {
	c, err := e.open(name)
	if err != nil {
		return err
	}
	defer c.Close()
	if size < 0 {
		size = c.size
	}
	if size > c.size {
		return fmt.Errorf("keys: %s is to be cut off after %d bytes, and has %d", name, size, c.size)
	}
	part := name + freshName
	if err := e.Store.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := e.Store.Create(part)
	if err != nil {
		return err
	}
	w := e.begin(f)
	_, err = w.Write(nil) // the header
	if err == nil {
		_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{io.NewSectionReader(c, 0, size)}, make([]byte, min(size+1, 256<<10)))
	}
	if err == nil {
		err = w.Sync()
	}
	if err = errors.Join(err, w.Close()); err == nil {
		err = e.Store.Rename(part, name)
	}
	if err == nil {
		err = e.Store.SyncDir()
	}
	if err != nil {
		_ = e.Store.Remove(part) // to free its space; if this fails, Lock removes it
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fresh[name] = true
	return nil
}

// Open implements [wal.Store].
func (e *encrypted) Open(name string) (wal.Content, error) {
	c, err := e.open(name)
	if err != nil {
		return nil, err // not c, which would be a Content that is not nil
	}
	return c, nil
}

func (e *encrypted) open(name string) (*encryptedContent, error) {
	below, err := e.Store.Open(name)
	if err != nil {
		return nil, err
	}
	c := &encryptedContent{below: below, store: e, size: max(below.Size()-bodyAt, 0)}
	head := make([]byte, min(below.Size(), bodyAt))
	if _, err = below.ReadAt(head, 0); err == nil || errors.Is(err, io.EOF) {
		c.nonce, c.whole, err = e.nonceOf(head)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s", err, name), below.Close())
	}
	return c, nil
}

// Rename implements [wal.Store].
func (e *encrypted) Rename(from, to string) error {
	e.forget(from)
	e.forget(to)
	return e.Store.Rename(from, to)
}

// Truncate implements [wal.Store].
func (e *encrypted) Truncate(name string, size int64) error { return e.renew(name, size) }

// Lock implements [wal.Store]. It removes files that were not finished.
func (e *encrypted) Lock() (io.Closer, error) {
	lock, err := e.Store.Lock()
	if err != nil {
		return nil, err
	}
	names, err := e.Store.List()
	for _, name := range names {
		if err == nil && strings.HasSuffix(name, freshName) {
			err = e.Store.Remove(name)
		}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// List implements [wal.Store].
func (e *encrypted) List() ([]string, error) {
	names, err := e.Store.List()
	kept := names[:0]
	for _, name := range names {
		if !strings.HasSuffix(name, freshName) {
			kept = append(kept, name)
		}
	}
	return kept, err
}

// An encryptedFile is open for writing at its end.
type encryptedFile struct {
	wal.File
	head   []byte // is written before the first bytes
	stream cipher.Stream
	failed error
}

// Write writes b. After an error it writes nothing any more, because nobody knows up to where the
// file goes.
func (f *encryptedFile) Write(b []byte) (int, error) {
	if f.failed != nil {
		return 0, f.failed
	}
	head := len(f.head)
	buf := append(f.head, b...)
	f.head = nil
	f.stream.XORKeyStream(buf[head:], buf[head:])
	n, err := f.File.Write(buf)
	if err == nil && n < len(buf) {
		err = io.ErrShortWrite
	}
	f.failed = err
	return max(n-head, 0), err
}

// An encryptedContent is open for reading.
type encryptedContent struct {
	below wal.Content
	store *encrypted
	nonce fileNonce
	whole bool // there is a nonce; otherwise the content is zero, or empty
	size  int64
}

// Size implements [wal.Content].
func (c *encryptedContent) Size() int64 { return c.size }

// Close implements [wal.Content].
func (c *encryptedContent) Close() error { return c.below.Close() }

// ReadAt implements [wal.Content].
func (c *encryptedContent) ReadAt(b []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, fmt.Errorf("keys: a read at offset %d", offset)
	}
	if c.below.Size() < bodyAt {
		return 0, io.EOF
	}
	n, err := c.below.ReadAt(b, bodyAt+offset)
	if c.whole {
		c.store.stream(c.nonce, offset).XORKeyStream(b[:n], b[:n])
	} else {
		clear(b[:n])
	}
	return n, err
}
