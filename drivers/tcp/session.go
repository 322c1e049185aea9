package tcp

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/go-marketplace/marketplace/topic"
)

// Session says what the two sides of a connection with TLS have negotiated, and who
// the peer is. It is present while the connection is open, and before its flows are,
// so a process that sees the flows can observe it.
type Session struct {
	From, To Addr // of the flow that comes in: the peer, and this side

	Version     uint16 // of TLS, such as [tls.VersionTLS13]
	CipherSuite uint16 // such as [tls.TLS_AES_128_GCM_SHA256]

	// ServerName is the name of the server that the client has asked for, or
	// empty.
	ServerName string

	// Protocol is the protocol negotiated by ALPN, or empty.
	Protocol string

	// Verified says that the certificates of the peer are valid according to the
	// settings. If it is false, anybody can have made them.
	Verified bool

	// Certificates are those of the peer, its own first, one after another in
	// DER. It is empty if the peer has sent none. See
	// [Session.PeerCertificates].
	Certificates string
}

// PeerCertificates returns the certificates that the peer has sent: its own first,
// and then those of authorities.
func (s Session) PeerCertificates() ([]*x509.Certificate, error) {
	certificates, err := x509.ParseCertificates([]byte(s.Certificates))
	if err != nil {
		return nil, fmt.Errorf("tcp: the certificates of %v cannot be read: %w", s.From, err)
	}
	return certificates, nil
}

// String describes the session in words, without the certificates.
func (s Session) String() string {
	peer := "no certificates"
	if certificates, err := s.PeerCertificates(); err != nil {
		peer = "certificates that cannot be read"
	} else if len(certificates) > 0 {
		peer = fmt.Sprintf("a certificate of %q (verified: %v)", certificates[0].Subject, s.Verified)
	}
	return fmt.Sprintf("%v to %v: %s with %s, server name %q, protocol %q, %s",
		s.From, s.To, tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite), s.ServerName, s.Protocol, peer)
}

// The parts of a Session that the package pins.
var (
	sessionFrom  = topic.FieldOf(func(s *Session) *Addr { return &s.From })
	sessionTo    = topic.FieldOf(func(s *Session) *Addr { return &s.To })
	wholeSession = topic.FieldOf(func(s *Session) *Session { return s })
)

// SessionOf is the topic of the [Session] of a connection between a peer and a
// local address. It panics if the first is not a [Remote], or the second neither
// a [Handle] nor a [Listener].
func SessionOf(remote, local Addr) topic.Pattern[Session] {
	Flow(remote, local) // panics if the addresses are wrong
	return topic.Where(sessionFrom.Is(remote), sessionTo.Is(local))
}

// sessionOf returns the session of a connection, without the addresses.
func sessionOf(c tls.ConnectionState) Session {
	var certificates strings.Builder
	for _, p := range c.PeerCertificates {
		certificates.Write(p.Raw)
	}
	return Session{
		Version:      c.Version,
		CipherSuite:  c.CipherSuite,
		ServerName:   c.ServerName,
		Protocol:     c.NegotiatedProtocol,
		Verified:     len(c.VerifiedChains) > 0,
		Certificates: certificates.String(),
	}
}
