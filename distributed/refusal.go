package distributed

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/go-marketplace/marketplace/world"
)

// Why two nodes on a [TLSNetwork] do not connect. Both ends get an error that matches one of
// these: the node that dials as the error of Dial, and the other one in its log.
var (
	// ErrHandshake says that the other side is no node, or does not keep to the protocol
	// that begins a connection. The errors below match it, too, except ErrUnknownNode.
	ErrHandshake = errors.New("distributed: the handshake has failed")

	// ErrRealm says that the other side belongs to another realm: it has another realm key,
	// or a certificate of an authority that is not known here.
	ErrRealm error = &handshakeCause{"the other side has another realm key"}

	// ErrWrongNode says that the other side is another node than the one that was dialed,
	// or claims to be this one.
	ErrWrongNode error = &handshakeCause{"the other side is not the node that was meant"}

	// ErrCertificate says that a certificate is missing, is not valid, or names no node.
	ErrCertificate error = &handshakeCause{"a certificate is missing or not valid"}

	// ErrUnknownNode says that the network has no address of a node.
	ErrUnknownNode = errors.New("distributed: the address of the node is not known")
)

func init() {
	for name, err := range map[string]error{
		"ErrHandshake": ErrHandshake, "ErrRealm": ErrRealm, "ErrWrongNode": ErrWrongNode,
		"ErrCertificate": ErrCertificate, "ErrUnknownNode": ErrUnknownNode,
	} {
		world.RegisterErrorKind("distributed."+name, err)
	}
}

// A handshakeCause is a sentinel that is a kind of [ErrHandshake].
type handshakeCause struct{ text string }

func (c *handshakeCause) Error() string { return ErrHandshake.Error() + ": " + c.text }
func (c *handshakeCause) Unwrap() error { return ErrHandshake }

// refusalClass returns the sentinel that err matches: what refusals are counted by.
func refusalClass(err error) error {
	for _, c := range []error{ErrRealm, ErrWrongNode, ErrCertificate} {
		if errors.Is(err, c) {
			return c
		}
	}
	return ErrHandshake
}

// sameKey is what to do about [ErrRealm].
const sameKey = "give both nodes the same realm key file, or certificates of one authority"

// missingCertificate is the error text of package tls for a client that has no certificate.
// Only the text tells that error apart.
const missingCertificate = "tls: client didn't provide a certificate"

// The alerts of package tls that say something about our certificate.
const (
	alertUnknownAuthority    = tls.AlertError(48)
	alertCertificateRequired = tls.AlertError(116)
)

// rejections are the other ones: bad, unsupported, revoked, expired, unknown.
var rejections = []tls.AlertError{42, 43, 44, 45, 46}

// explain returns the reason of a handshake with the other side that has failed with err.
// The result says what the other side is and does in words that follow its name.
func explain(err error) error {
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fmt.Errorf("%w: it does not speak TLS: it has begun with %q", ErrHandshake, record.RecordHeader[:])
	}
	if invalid, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return explainCertificate(invalid.Err)
	}
	if said, ok := alert(err); ok {
		is := func(a tls.AlertError) bool { return said == a.Error() }
		switch {
		case is(alertUnknownAuthority):
			return fmt.Errorf("%w: it does not know the authority of the certificate of this node; %s", ErrRealm, sameKey)
		case is(alertCertificateRequired), slices.ContainsFunc(rejections, is):
			return fmt.Errorf("%w: it says of the certificate of this node: %s", ErrCertificate, strings.TrimPrefix(said, "tls: "))
		}
		return fmt.Errorf("%w: it says: %s", ErrHandshake, strings.TrimPrefix(said, "tls: "))
	}
	switch text := strings.TrimPrefix(err.Error(), "tls: "); {
	case errors.Is(err, ErrHandshake):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: it has not come to an end in time", ErrHandshake)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it has closed the connection before the end", ErrHandshake)
	case err.Error() == missingCertificate:
		return fmt.Errorf("%w: it has none", ErrCertificate)
	case strings.Contains(text, "unsupported versions"):
		return fmt.Errorf("%w: it does not speak TLS 1.3: %s", ErrHandshake, text)
	default:
		return fmt.Errorf("%w: %w", ErrHandshake, err)
	}
}

// explainCertificate returns the reason why the certificate of the other side is refused.
func explainCertificate(err error) error {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return fmt.Errorf("%w: its certificate is not of the authority that this node trusts; %s", ErrRealm, sameKey)
	}
	return fmt.Errorf("%w: that of the other side: %w", ErrCertificate, err)
}

// alert returns the text of the alert of the other side in err, if there is one.
func alert(err error) (said string, ok bool) {
	e, ok := errors.AsType[*net.OpError](err)
	if !ok || e.Op != "remote error" {
		return "", false
	}
	return e.Err.Error(), true
}
