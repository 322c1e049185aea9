package distributed

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/distributed/internal/realm"
)

// Credentials are what a node needs to prove who it is, as texts in PEM form. The key is a
// secret.
type Credentials struct {
	Certificate string // with the name of the node
	Key         string // of the certificate
	Authorities string // of the certificates of other nodes
}

// Issue returns credentials for another node of the realm. A node that has the realm key can
// issue them; one with a certificate of its own cannot, and gets [ErrNoAuthority].
func (n *TLSNetwork) Issue(node string) (Credentials, error) {
	c, err := n.issueFor(node)
	if err != nil {
		return Credentials{}, fmt.Errorf("distributed: Issue(%q): %w", node, err)
	}
	return c, nil
}

func (n *TLSNetwork) issueFor(node string) (Credentials, error) {
	if err := realm.ValidNode(node); err != nil {
		return Credentials{}, err
	}
	a := n.authority
	if a.Certificate == nil {
		return Credentials{}, ErrNoAuthority
	}
	issued, err := a.Issue(node)
	if err != nil {
		return Credentials{}, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(issued.PrivateKey)
	if err != nil {
		return Credentials{}, err
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return Credentials{text("CERTIFICATE", issued.Certificate[0]), text("PRIVATE KEY", key), text("CERTIFICATE", a.Certificate.Raw)}, nil
}

// ErrNoAuthority says that a node cannot issue credentials for others: it has no realm key.
var ErrNoAuthority = errors.New("this node has a certificate of its own and no realm key, so it cannot issue credentials for others")

// Use makes a network with config c have these credentials.
func (k Credentials) Use(c TLSConfig) (TLSConfig, error) {
	var err error
	if c.Certificate, err = tls.X509KeyPair([]byte(k.Certificate), []byte(k.Key)); err != nil {
		return c, fmt.Errorf("distributed: credentials: %w", err)
	}
	c.Authorities = x509.NewCertPool()
	if !c.Authorities.AppendCertsFromPEM([]byte(k.Authorities)) {
		return c, errors.New("distributed: credentials: the Authorities have no certificate in PEM form")
	}
	return c, nil
}
