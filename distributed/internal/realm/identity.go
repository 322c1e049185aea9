package realm

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// Verify returns an error unless a certificate, with others that may be needed for that, is
// of a trusted authority and for a use.
func Verify(chain []*x509.Certificate, trusted *x509.CertPool, use x509.ExtKeyUsage) error {
	if len(chain) == 0 {
		return errors.New("there is none")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: trusted, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{use}})
	return err
}

// scheme is the scheme of the URI in a certificate that names a node:
// marketplace://realm/node.
const scheme = "marketplace"

// URI returns the URI that names a node.
func URI(realm, node string) *url.URL {
	return &url.URL{Scheme: scheme, Host: realm, Path: "/" + node, RawPath: "/" + url.PathEscape(node)}
}

// Identity returns the realm and the node that a certificate names.
func Identity(c *x509.Certificate) (realm, node string, err error) {
	var found []*url.URL
	for _, u := range c.URIs {
		if u.Scheme == scheme {
			found = append(found, u)
		}
	}
	if len(found) != 1 {
		return "", "", fmt.Errorf("it names %d nodes, and one is needed: a URI %s://realm/node", len(found), scheme)
	}
	u := found[0]
	node, ok := strings.CutPrefix(u.Path, "/")
	if !ok || u.Host == "" || u.User != nil || u.Opaque != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", "", fmt.Errorf("it names %q, which is not of the form %s://realm/node", u, scheme)
	}
	if err := ValidNode(node); err != nil {
		return "", "", fmt.Errorf("it names %q: %w", u, err)
	}
	return u.Host, node, nil
}

// ValidNode returns an error unless name can be that of a node.
func ValidNode(name string) error {
	if name == "" {
		return errors.New("the name is empty")
	}
	return ValidName(name)
}

// ValidName returns an error unless name can be that of a place.
func ValidName(name string) error {
	switch {
	case len(name) > wire.MaxName:
		return fmt.Errorf("the name has %d bytes, and at most %d are allowed", len(name), wire.MaxName)
	case !utf8.ValidString(name):
		return errors.New("the name is not UTF-8")
	}
	return nil
}
