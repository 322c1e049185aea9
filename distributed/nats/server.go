package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/go-marketplace/marketplace/distributed"
)

// An embedded server is the NATS server of a node, in its process. It has no file, and no port
// unless it was asked to listen.
type embedded struct {
	*server.Server
	admits *authority
	url    string // where leaves connect; "" if nowhere
}

// leafPause is how long a leaf waits before it connects to its hub again.
const leafPause = 250 * time.Millisecond

// patience is how long the server may wait until its node reads what it writes. Both are in one
// process, so if nothing is read, this process does not run: it is stopped, or others have the
// processors. To end the connection then would lose all links. Buffer bounds what waits.
const patience = time.Hour

// start starts a server. When it returns, the server has its hub, if it is to have one.
func (c Config) start(ctx context.Context, id identity, log *slog.Logger) (*embedded, error) {
	e := &embedded{admits: id.authority}
	if e.admits == nil {
		var err error
		if e.admits, err = ownAuthority(); err != nil {
			return nil, err
		}
	}
	o := &server.Options{
		DontListen: true, NoLog: true, NoSigs: true, NoSystemAccount: true,
		MaxPayload: 1 << 20, MaxControlLine: 16 << 10, // for the credentials of nodes with long names
		MaxPending: int64(c.Buffer), WriteDeadline: patience, AuthTimeout: c.DialLimit.Seconds(),
		PingInterval: pingInterval, MaxPingsOut: 2,
	}
	o.LeafNode.ReconnectInterval, o.LeafNode.WriteDeadline = leafPause, c.DialLimit
	if err := e.admits.admit(o); err != nil {
		return nil, err
	}
	if err := c.listen(o, id); err != nil {
		return nil, err
	}
	if err := c.follow(o, id, e.admits.accountKey); err != nil {
		return nil, err
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	e.Server = s
	l := &serverLog{log: log.With(slog.String("node", id.node))}
	s.SetLoggerV2(l, false, false, false)
	s.Start()
	if err := e.await(ctx, c, l); err != nil {
		e.stop()
		return nil, err
	}
	if c.Listen != "" {
		v, err := s.Varz(nil)
		if err != nil {
			e.stop()
			return nil, err
		}
		e.url = "tls://" + net.JoinHostPort(v.LeafNode.Host, strconv.Itoa(v.LeafNode.Port))
	}
	return e, nil
}

// listen sets where others connect.
func (c Config) listen(o *server.Options, id identity) error {
	if c.Listen == "" {
		return nil
	}
	host, port, err := listenAddress(c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	} else if probe, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err != nil {
		return fmt.Errorf("listen: %w", err) // the server would end the program
	} else {
		_ = probe.Close()
	}
	if o.LeafNode.TLSConfig, err = id.authority.certificate(id.node); err != nil {
		return fmt.Errorf("issuing a certificate: %w", err)
	}
	o.LeafNode.Host, o.LeafNode.Port = host, port
	o.LeafNode.TLSTimeout, o.LeafNode.AuthTimeout = c.DialLimit.Seconds(), c.DialLimit.Seconds()
	o.LeafNode.NoAdvertise, o.LeafNode.Compression.Mode = true, server.CompressionOff
	return nil
}

// follow sets which hub the server has.
func (c Config) follow(o *server.Options, id identity, account string) error {
	if c.LeafOf == "" {
		return nil
	}
	hubs, err := addresses(c.LeafOf)
	if err != nil {
		return fmt.Errorf("leaf of: %w", err)
	}
	r := &server.RemoteLeafOpts{LocalAccount: account, DialTimeout: c.DialLimit, TLSTimeout: c.DialLimit.Seconds(), FirstInfoTimeout: c.DialLimit}
	r.Compression.Mode = server.CompressionOff
	for _, u := range hubs {
		u = &url.URL{Scheme: u.Scheme, Host: u.Host, User: u.User}
		if u.Scheme == "tls" {
			r.TLS, u.Scheme = true, "nats-leaf"
		}
		r.URLs = append(r.URLs, u)
	}
	if r.TLS {
		r.TLSConfig = id.tls(hubs)
	}
	switch {
	case hubs[0].User != nil: // a user and a password
	case id.jwt != "":
		r.SignatureCB = func(nonce []byte) (string, []byte, error) {
			signed, err := id.user.Sign(nonce)
			return id.jwt, signed, err
		}
	default:
		return errors.New("leaf of: a leaf needs credentials with a JWT, or a realm key")
	}
	o.LeafNode.Remotes = []*server.RemoteLeafOpts{r}
	return nil
}

// await waits until the server accepts connections, and has its hub.
func (e *embedded) await(ctx context.Context, c Config, l *serverLog) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.DialLimit, errLate)
	defer cancel()
	if deadline, _ := ctx.Deadline(); !e.ReadyForConnections(time.Until(deadline)) {
		return errors.New("the server in this process does not start" + l.why())
	}
	for pause := time.Millisecond; c.LeafOf != "" && e.NumLeafNodes() == 0; pause = min(2*pause, 50*time.Millisecond) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if cause := context.Cause(ctx); cause != errLate {
				return cause
			}
			return l.explain(fmt.Errorf("leaf of %s: there is no connection within %v", redacted(c.LeafOf), c.DialLimit))
		}
		if l.refused() {
			return l.explain(fmt.Errorf("leaf of %s", redacted(c.LeafOf)))
		}
	}
	return nil
}

// stop ends the server.
func (e *embedded) stop() {
	e.Shutdown()
	e.WaitForShutdown()
}

// A serverLog is the log of a server.
type serverLog struct {
	log *slog.Logger

	mu   sync.Mutex
	last string // error
}

// refusals are what the errors of a server say when it and its hub do not agree.
var refusals = []string{"Authorization Violation", "authentication error", "certificate", "TLS handshake error"}

// refused reports whether the last error was a refusal.
func (l *serverLog) refused() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range refusals {
		if strings.Contains(l.last, r) {
			return true
		}
	}
	return false
}

// why returns the last error.
func (l *serverLog) why() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == "" {
		return ""
	}
	return ": " + l.last
}

// explain returns err with the last error, of the sort that it is.
func (l *serverLog) explain(err error) error {
	why := l.why()
	switch {
	case strings.Contains(why, distributed.ErrRealm.Error()):
		return fmt.Errorf("%w: %w%s", distributed.ErrRealm, err, why)
	case l.refused():
		return fmt.Errorf("%w: %w%s", distributed.ErrHandshake, err, why)
	}
	return fmt.Errorf("%w%s", err, why)
}

// Errorf implements the Logger of package server.
func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.mu.Lock()
	l.last = text
	l.mu.Unlock()
	level := slog.LevelWarn
	if strings.Contains(text, "Error flushing") { // a node has left
		level = slog.LevelInfo
	}
	l.log.Log(context.Background(), level, "nats: the server of this node reports an error", slog.String("error", text))
}

// Fatalf implements the Logger of package server.
func (l *serverLog) Fatalf(format string, v ...any) { l.Errorf(format, v...) }

// Warnf implements the Logger of package server.
func (l *serverLog) Warnf(format string, v ...any) {
	l.log.Debug("nats: the server of this node warns", slog.String("warning", fmt.Sprintf(format, v...)))
}

// Noticef, Debugf and Tracef implement the Logger of package server: they are of no use here.
func (l *serverLog) Noticef(string, ...any) {}
func (l *serverLog) Debugf(string, ...any)  {}
func (l *serverLog) Tracef(string, ...any)  {}
