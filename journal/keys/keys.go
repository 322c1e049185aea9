package keys

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
)

// A Key is a key of AES-256. Its texts do not show it.
type Key [32]byte

// ID returns a number that identifies k, and from which k does not follow.
func (k Key) ID() uint64 {
	h := sha256.New()
	h.Write([]byte("marketplace key ID\x00"))
	h.Write(k[:])
	return binary.LittleEndian.Uint64(h.Sum(nil))
}

// String returns the ID of k as a text.
func (k Key) String() string { return fmt.Sprintf("key %016x", k.ID()) }

// GoString is like String.
func (k Key) GoString() string { return k.String() }

// Format writes the text of String, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// A Store has the keys of subjects. Several goroutines may call its methods at once.
type Store interface {
	// Current returns the key with which values are sealed for a subject now. If the subject
	// has none, Current makes one, which is on disk when Current returns. The error is
	// ErrErased if the subject was erased.
	Current(subject string) (Key, error)

	// Find returns the key of a subject that has an ID. The error is ErrErased if the subject
	// was erased, and ErrNoKey if there is no such key for another reason.
	Find(subject string, id uint64) (Key, error)

	// Erase removes the keys of a subject. It never gets another one. The error is ErrNoKey if
	// the subject never had one. To erase a subject again has no effect.
	Erase(subject string) error
}

var (
	// ErrErased says that a subject was erased.
	ErrErased = errors.New("keys: the subject was erased")

	// ErrNoKey says that a store does not have a key.
	ErrNoKey = errors.New("keys: there is no such key; is this the right key store?")
)

// ReadKey reads a key from a file that has 64 hexadecimal digits, with or without the end of a
// line. The command
//
//	openssl rand -hex 32 > FILE
//
// makes such a file. Nobody but its owner may have access to it.
func ReadKey(file string) (k Key, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return k, fmt.Errorf("keys: %w", err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != len(k) {
		return k, fmt.Errorf("keys: %s does not have a key: a key has 64 hexadecimal digits", file)
	}
	copy(k[:], b)
	return k, nil
}
