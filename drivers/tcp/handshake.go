package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// asServer makes the TLS handshake on an incoming connection.
func (s security) asServer(ctx context.Context, c net.Conn, t tuning) (net.Conn, error) {
	settings, err := s.server()
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	u := newCarrier(c)
	return shakeHands(ctx, &secureConn{Conn: tls.Server(u, settings), under: u}, t)
}

// asClient makes the TLS handshake on a connection to a host.
func (s security) asClient(ctx context.Context, c net.Conn, host string, t tuning) (net.Conn, error) {
	settings, err := s.client(host)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	u := newCarrier(c)
	return shakeHands(ctx, &secureConn{Conn: tls.Client(u, settings), under: u}, t)
}

// errLate is the cause with which a handshake that takes too long is cancelled.
var errLate = errors.New("late")

// shakeHands returns c once the handshake is done. If it fails, shakeHands closes the
// connection.
func shakeHands(ctx context.Context, c *secureConn, t tuning) (net.Conn, error) {
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := t.clock.AfterFunc(t.handshake, func() { cancel(errLate) })
	defer timer.Stop()
	err := c.HandshakeContext(limited)
	switch {
	case err == nil:
		c.under.shaken = true
		return c, nil
	case context.Cause(limited) == errLate:
		err = newFailure(ErrHandshake, fmt.Sprintf("it has not come to an end within %v", t.handshake), nil)
	default:
		err = explainHandshake(err)
	}
	takeLeave(ctx, c.under.Conn, t.linger)
	return nil, err
}

// takeLeave closes a connection whose handshake has failed. It waits a while for the
// peer to close its side first: unread bytes would reset the connection, and the peer
// might lose the alert with the reason.
func takeLeave(ctx context.Context, c net.Conn, limit time.Duration) {
	hurry := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer hurry()
	linger(c, limit, func() bool { return true })
	_ = c.Close()
}

// explainHandshake returns the reason of a handshake that has failed with err.
func explainHandshake(err error) error {
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return newFailure(ErrHandshake, "the peer does not speak TLS: "+beginning(record.RecordHeader[:]), err)
	}
	if invalid, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return newFailure(ErrCertificate, "that of the peer is not valid: "+invalid.Err.Error(), err)
	}
	said, rejected := alert(err)
	text := strings.TrimPrefix(err.Error(), "tls: ")
	switch {
	case rejected:
		return newFailure(ErrCertificate, "the peer says of ours: "+said, err)
	case said != "":
		return newFailure(ErrHandshake, "the peer says: "+said, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return newFailure(ErrHandshake, "the peer has closed the connection before the end of it", io.ErrUnexpectedEOF) // io.EOF would be no reason
	case err.Error() == missingCertificate:
		return newFailure(ErrCertificate, text, err)
	}
	return newFailure(ErrHandshake, text, err)
}

// missingCertificate is the error text of package tls for a client that has no
// certificate and needs one. Only the text tells that error apart.
const missingCertificate = "tls: client didn't provide a certificate"

// rejections are the alerts of a peer that rejects our certificate: bad,
// unsupported, revoked, expired, unknown, of an unknown authority, and required.
var rejections = []tls.AlertError{42, 43, 44, 45, 46, 48, 116}

// alert returns the text of the alert in err, if there is one, and whether it rejects
// our certificate.
func alert(err error) (said string, rejected bool) {
	e, ok := errors.AsType[*net.OpError](err)
	if !ok || e.Op != "remote error" {
		return "", false
	}
	isIt := func(r tls.AlertError) bool { return e.Err.Error() == r.Error() }
	return strings.TrimPrefix(e.Err.Error(), "tls: "), slices.ContainsFunc(rejections, isIt)
}

// plainTexts are the first bytes of protocols that clients often send to a TLS port.
var plainTexts = []struct{ prefix, name string }{
	{"GET ", "HTTP"}, {"HEAD ", "HTTP"}, {"POST ", "HTTP"}, {"PUT ", "HTTP"}, {"DELET", "HTTP"}, {"OPTIO", "HTTP"},
	{"PATCH", "HTTP"}, {"CONNE", "HTTP"}, {"PRI *", "HTTP/2"}, {"HTTP/", "HTTP"}, {"SSH-", "SSH"}, {"220 ", "a mail or file server"},
}

// beginning describes the first bytes that a peer has sent.
func beginning(b []byte) string {
	text := fmt.Sprintf("it has begun with %q", b)
	for _, p := range plainTexts {
		if strings.HasPrefix(string(b), p.prefix) {
			return text + ", which looks like " + p.name
		}
	}
	return text
}
