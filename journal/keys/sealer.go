package keys

import (
	"crypto/rand"
	"errors"
	"sync"
)

// A Sealer encrypts and decrypts contents with the keys of a store. It is the Sealer of a
// codec.Codec. It is safe for concurrent use.
type Sealer struct {
	store Store

	mu    sync.Mutex
	ready map[Key]*xaes
}

// NewSealer returns a Sealer with the keys of a store.
func NewSealer(s Store) *Sealer { return &Sealer{store: s, ready: map[Key]*xaes{}} }

// maxReady is how many keys a Sealer remembers, and how many keys a folder does.
const maxReady = 1 << 14

func (s *Sealer) xaes(k Key) *xaes {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.ready[k]
	if !ok {
		if len(s.ready) >= maxReady {
			clear(s.ready)
		}
		x = newXAES(k)
		s.ready[k] = x
	}
	return x
}

// Seal appends a content to dst, in encrypted form and behind a random nonce, and returns the
// ID of the key, which Seal makes if the subject has none. It reports that the subject was
// erased; then it appends nothing. The bytes in bound are authenticated.
func (s *Sealer) Seal(dst []byte, subject string, content, bound []byte) (box []byte, id uint64, erased bool, err error) {
	k, err := s.store.Current(subject)
	if err != nil {
		if errors.Is(err, ErrErased) {
			return dst, 0, true, nil
		}
		return dst, 0, false, err
	}
	var nonce [nonceSize]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return s.xaes(k).seal(append(dst, nonce[:]...), nonce[:], content, bound), k.ID(), false, nil
}

var (
	errShort    = errors.New("keys: it is too short to have been sealed")
	errTampered = errors.New("keys: it was changed, or was sealed for another subject, or as another type")
)

// Open returns the content of what Seal has appended. It reports that the subject was erased.
// The error is that of [Store.Find], or says that something was changed.
func (s *Sealer) Open(subject string, id uint64, box, bound []byte) (content []byte, erased bool, err error) {
	if len(box) < nonceSize+tagSize {
		return nil, false, errShort
	}
	k, err := s.store.Find(subject, id)
	if err != nil {
		if errors.Is(err, ErrErased) {
			return nil, true, nil
		}
		return nil, false, err
	}
	content, err = s.xaes(k).open(box[:nonceSize], box[nonceSize:], bound)
	if err != nil {
		return nil, false, errTampered
	}
	return content, false, nil
}
