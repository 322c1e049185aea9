// Package realm is the authority of a realm: nodes with one realm key derive the same
// authority from it, and issue their own credentials. It also says what names a node.
package realm

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Sizes of a realm key in bytes. White space around it does not count.
const (
	minKey = 32
	maxKey = 4 << 10
)

// Key returns the realm key in a file, or, if path is empty, that of the user of this process,
// which it makes if there is none.
func Key(path string) ([]byte, error) {
	if path == "" {
		var err error
		if path, err = keyFile(); err != nil {
			return nil, err
		}
		if err := makeKey(path); err != nil {
			return nil, fmt.Errorf("making it: %w", err)
		}
	}
	return readKey(path)
}

// keyFile returns the file that has the realm key of the user where none is named.
func keyFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder for the realm key: %w; name a file", err)
	}
	return filepath.Join(dir, "marketplace", "realm.key"), nil
}

// makeKey makes a file with a new realm key, unless there is one. If several processes
// do so at the same time, the file has the key of one of them, whole.
func makeKey(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".realm.key-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	var key [minKey]byte
	_, _ = rand.Read(key[:]) // which never fails
	_, err = fmt.Fprintf(f, "%x\n", key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// readKey reads a realm key. It fails if others may read the file.
func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w; copy that of another node there, or make one: \"umask 077; openssl rand -hex 32 >%s\"", err, path)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := private(info); err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	key, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return nil, err
	}
	if len(key) > maxKey {
		return nil, fmt.Errorf("%s has more than %d bytes, and so is no realm key", path, maxKey)
	}
	if key = bytes.TrimSpace(key); len(key) < minKey {
		return nil, fmt.Errorf("%s has a key of %d bytes, and at least %d are needed", path, len(key), minKey)
	}
	return key, nil
}

// CheckKey returns an error unless a key, which is in no file, can be that of a realm.
func CheckKey(key []byte) error {
	if n := len(key); n < minKey || n > maxKey {
		return fmt.Errorf("the key has %d bytes; it has from %d to %d", n, minKey, maxKey)
	}
	return nil
}

// An Authority issues the certificates of the nodes of a realm. All who have the realm key
// derive the same.
type Authority struct {
	Realm       string // its name: the beginning of a hash of the public key
	Certificate *x509.Certificate
	private     ed25519.PrivateKey
}

// Certificates that are derived from a realm key do not expire: who has the key could always
// issue another one, and so the clocks of nodes need not agree.
var (
	certainlyPast = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	neverExpires  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// Seed derives a secret of 32 bytes from a realm key, for one purpose. Nothing about the key, or
// about the secret for another purpose, follows from it.
func Seed(key []byte, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, key, nil, purpose, ed25519.SeedSize)
}

// Derive returns the authority of the realm with a key.
func Derive(key []byte) (Authority, error) {
	seed, err := Seed(key, "marketplace realm authority 1")
	if err != nil {
		return Authority{}, err
	}
	private := ed25519.NewKeyFromSeed(seed)
	public := private.Public().(ed25519.PublicKey)
	id := sha256.Sum256(public)
	realm := hex.EncodeToString(id[:8])
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "marketplace realm " + realm},
		SubjectKeyId:          id[:20],
		NotBefore:             certainlyPast,
		NotAfter:              neverExpires,
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	c, err := signed(template, template, public, private)
	return Authority{realm, c, private}, err
}

// Issue returns a certificate for a node, with a new key.
func (a Authority) Issue(node string) (tls.Certificate, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(2)),
		Subject:      pkix.Name{CommonName: "marketplace node"},
		NotBefore:    certainlyPast,
		NotAfter:     neverExpires,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		URIs:         []*url.URL{URI(a.Realm, node)},
	}
	c, err := signed(template, a.Certificate, public, a.private)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: private, Leaf: c}, nil
}

func signed(template, parent *x509.Certificate, public ed25519.PublicKey, by ed25519.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
