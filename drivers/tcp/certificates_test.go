package tcp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/drivers/tcp"
)

// An authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// Certificates are valid in the time of a synctest bubble, which begins in 2000,
// as well as now.
var (
	validFrom  = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	validUntil = time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC)
	outOfDate  = time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)
)

func newAuthority(name string) *authority {
	a := &authority{}
	made := a.issue(name, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	a.certificate, a.key = made.Leaf, made.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue returns a certificate for localhost, with a difference. An authority
// without a key signs its own.
func (a *authority) issue(name string, differs ...func(*x509.Certificate)) tls.Certificate {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    validFrom, NotAfter: validUntil,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	for _, d := range differs {
		d(c)
	}
	parent, by := c, key
	if a.key != nil {
		parent, by = a.certificate, a.key
	}
	der := must(x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: must(x509.ParseCertificate(der))}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pool returns a pool with a alone.
func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.certificate)
	return p
}

// The certificates of the tests, which take a while to make.
var pki = sync.OnceValue(func() (p struct {
	ca, stranger                                      *authority
	server, expired, elsewhere, unknown, client, late tls.Certificate
}) {
	p.ca, p.stranger = newAuthority("authority"), newAuthority("stranger")
	p.server = p.ca.issue("server")
	p.expired = p.ca.issue("expired", func(c *x509.Certificate) { c.NotAfter = outOfDate })
	p.elsewhere = p.ca.issue("elsewhere", func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"elsewhere.test"}, nil })
	p.unknown = p.stranger.issue("unknown")
	p.client, p.late = p.ca.issue("client"), p.expired
	return p
})

// secured returns a Config with settings for both sides.
func secured(c tcp.Config) tcp.Config {
	p := pki()
	web := &tls.Config{Certificates: []tls.Certificate{p.server}}
	members := web.Clone()
	members.ClientAuth, members.ClientCAs = tls.RequireAndVerifyClientCert, p.ca.pool()
	c.TLS = map[string]*tls.Config{
		"web":      web,
		"members":  members,
		"client":   clientSettings(),
		"member":   clientSettings(p.client),
		"stranger": clientSettings(p.unknown),
	}
	return c
}

// clientSettings are the settings of a client that trusts the authority, and may have
// a certificate.
func clientSettings(own ...tls.Certificate) *tls.Config {
	return &tls.Config{RootCAs: pki().ca.pool(), Certificates: own}
}

// pemFiles writes a certificate and its key to files.
func pemFiles(t *testing.T, name string, c tls.Certificate) (certificate, key string) {
	t.Helper()
	der := must(x509.MarshalPKCS8PrivateKey(c.PrivateKey))
	return pemFile(t, name+".pem", "CERTIFICATE", c.Certificate[0]), pemFile(t, name+".key", "PRIVATE KEY", der)
}

func pemFile(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
