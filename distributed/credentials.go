package distributed

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/go-marketplace/marketplace/distributed/internal/realm"
)

// linkProtocol is what nodes speak over TLS, as ALPN names it. So a certificate for another
// purpose cannot be used to mix up two protocols.
const linkProtocol = "marketplace/1"

// credentials say who a node is, and which other nodes it trusts.
type credentials struct {
	node, realm string
	certificate tls.Certificate
	trusted     *x509.CertPool
	authority   realm.Authority // the zero Authority if this node has no realm key
}

// credentials returns the credentials that c asks for.
func (c TLSConfig) credentials() (credentials, error) {
	own := c.Certificate.Certificate != nil || c.CertificateFile != "" || c.KeyFile != ""
	trust := c.Authorities != nil || c.AuthorityFile != ""
	switch {
	case own != trust:
		return credentials{}, errors.New("a certificate of one's own and the authorities to trust are needed together")
	case own && (c.RealmKeyFile != "" || c.RealmKey != nil):
		return credentials{}, errors.New("there is a realm key as well as a certificate; one of them is enough")
	case own:
		return c.ownCredentials()
	case c.RealmKeyFile != "" && c.RealmKey != nil:
		return credentials{}, errors.New("there is a RealmKey as well as a RealmKeyFile; one of them is enough")
	}
	key, err := c.realmKey()
	if err != nil {
		return credentials{}, err
	}
	a, err := realm.Derive(key)
	if err != nil {
		return credentials{}, fmt.Errorf("realm key: %w", err)
	}
	issued, err := a.Issue(c.Node)
	if err != nil {
		return credentials{}, fmt.Errorf("issuing a certificate: %w", err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(a.Certificate)
	return credentials{c.Node, a.Realm, issued, trusted, a}, nil
}

// realmKey returns the realm key that c names, or else that of the user.
func (c TLSConfig) realmKey() ([]byte, error) {
	if c.RealmKey != nil {
		if err := realm.CheckKey(c.RealmKey); err != nil {
			return nil, fmt.Errorf("RealmKey: %w", err)
		}
		return c.RealmKey, nil
	}
	key, err := realm.Key(c.RealmKeyFile)
	if err != nil {
		return nil, fmt.Errorf("realm key: %w", err)
	}
	return key, nil
}

// ownCredentials returns credentials with a certificate that somebody else has issued.
func (c TLSConfig) ownCredentials() (_ credentials, err error) {
	own, trusted := c.Certificate, c.Authorities
	if own.Certificate == nil {
		if own, err = tls.LoadX509KeyPair(c.CertificateFile, c.KeyFile); err != nil {
			return credentials{}, fmt.Errorf("certificate %q with key %q: %w", c.CertificateFile, c.KeyFile, err)
		}
	}
	if trusted == nil {
		text, err := os.ReadFile(c.AuthorityFile)
		if err != nil {
			return credentials{}, fmt.Errorf("authorities: %w", err)
		}
		if trusted = x509.NewCertPool(); !trusted.AppendCertsFromPEM(text) {
			return credentials{}, fmt.Errorf("authorities: %s has no certificate in PEM form", c.AuthorityFile)
		}
	}
	chain := make([]*x509.Certificate, len(own.Certificate))
	for i, der := range own.Certificate {
		if chain[i], err = x509.ParseCertificate(der); err != nil {
			return credentials{}, fmt.Errorf("certificate: %w", err)
		}
	}
	name, node, err := realm.Identity(chain[0])
	switch {
	case err != nil:
		return credentials{}, fmt.Errorf("certificate: %w", err)
	case c.Node != "" && c.Node != node:
		return credentials{}, fmt.Errorf("certificate: it is that of node %q, and this is %q", node, c.Node)
	}
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
		if err := realm.Verify(chain, trusted, use); err != nil {
			return credentials{}, fmt.Errorf("certificate: other nodes would refuse it: %w", err)
		}
	}
	return credentials{node, name, own, trusted, realm.Authority{}}, nil
}

// server returns the settings for connections that others have dialed.
func (c credentials) server() *tls.Config {
	return &tls.Config{
		MinVersion:                  tls.VersionTLS13,
		Certificates:                []tls.Certificate{c.certificate},
		ClientAuth:                  tls.RequireAndVerifyClientCert,
		ClientCAs:                   c.trusted,
		NextProtos:                  []string{linkProtocol},
		SessionTicketsDisabled:      true, // each connection is verified anew
		DynamicRecordSizingDisabled: true,
	}
}

// client returns the settings for connections that this node dials.
func (c credentials) client() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		// Nodes are named by URIs, which package tls does not compare, so [credentials.check]
		// verifies the certificate. It does so after the handshake and before anything is
		// sent or taken, so that the other side sees the certificate of this one, and can say
		// what is wrong, too.
		InsecureSkipVerify: true,
		// In every case, also if the other side lists other authorities: for the same reason.
		GetClientCertificate:        func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c.certificate, nil },
		NextProtos:                  []string{linkProtocol},
		DynamicRecordSizingDisabled: true,
	}
}

// check returns the name of the node at the other end of a connection. The error says why
// this node does not talk to it. If this node has dialed, meant is the name of the node that
// it wants; otherwise meant is empty.
func (c credentials) check(s tls.ConnectionState, meant string) (node string, err error) {
	use := x509.ExtKeyUsageClientAuth
	if meant != "" {
		use = x509.ExtKeyUsageServerAuth
	}
	if err := realm.Verify(s.PeerCertificates, c.trusted, use); err != nil {
		return "", explainCertificate(err)
	}
	other, node, err := realm.Identity(s.PeerCertificates[0])
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: that of the other side: %w", ErrCertificate, err)
	case other != c.realm:
		return "", fmt.Errorf("%w: that of node %q is of realm %q, and this is realm %q", ErrRealm, node, other, c.realm)
	case meant != "" && node != meant:
		return "", fmt.Errorf("%w: it is node %q, and node %q was dialed; look at the addresses of the peers", ErrWrongNode, node, meant)
	case node == c.node:
		return "", fmt.Errorf("%w: it is node %q, as this one is; give each node a name of its own", ErrWrongNode, node)
	case s.NegotiatedProtocol != linkProtocol:
		return "", fmt.Errorf("%w: it speaks %q, and not %q", ErrHandshake, s.NegotiatedProtocol, linkProtocol)
	}
	return node, nil
}
