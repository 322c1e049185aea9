package nats

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/realm"
)

// A Config says how a node takes part in a NATS network. All fields but Logger are plain data,
// which can be written as JSON: that of a node that is started elsewhere is made by
// [Network.Member].
//
// Without URL, the node has a NATS server of its own in its process: alone, or with Listen as a
// hub for other nodes, or with LeafOf as a leaf of a hub, or with both as one in between. With
// URL, it is a client of a server that somebody else runs.
type Config struct {
	// Node is the name of this node. It may be empty if the credentials have it.
	Node string

	// URL has the servers of a cluster, separated by commas: nats://host:port, or tls://host:port to
	// insist on TLS. It may have a user and a password.
	URL string `json:",omitempty"`

	// Listen is the address at which the server of this node accepts those of other nodes,
	// host:port. A host that is empty is 127.0.0.1, so only programs on this machine can
	// connect; port 0 stands for a free one, which [Network.URL] returns. The default is not to
	// listen. It needs a realm key.
	Listen string `json:",omitempty"`

	// LeafOf has the addresses of hubs, separated by commas, as [Network.URL] returns them:
	// tls://host:port. They are several addresses of one network. A NATS cluster with a port
	// for leaf nodes is a hub, too.
	LeafOf string `json:",omitempty"`

	// RealmKeyFile is a file with the realm key, as in [distributed.TLSConfig]. The default is
	// the realm key of the user. It is not read if there are Credentials.
	RealmKeyFile string `json:",omitempty"`

	// Credentials are those of this node alone, instead of a realm key: the text of a .creds
	// file, or the seed of a user's nkey. They are secret.
	Credentials string `json:",omitempty"`

	// Authority has the authorities of the certificates of servers, in PEM form. The default is
	// that of the realm key, and those of the system. A certificate is that of a node of the
	// realm, or has the name of the host to which the node connects. If that is an IP address, the
	// certificate has one of the IP addresses in URL or LeafOf.
	Authority string `json:",omitempty"`

	// Realm is the name of the realm: letters, digits, - and _, at most 64. Nodes of different realms
	// do not hear of each other. The default is that of the realm key or of the account of the
	// credentials, and "default" for credentials that are a seed.
	Realm string `json:",omitempty"`

	// DialLimit is how long it may take to connect to a server or to another node. The default
	// is 5 s.
	DialLimit time.Duration `json:",omitempty"`

	// Buffer is how many bytes may wait on a link that does not receive, and how many on their
	// way to a server that does not read. A link, or a connection, with more ends. It should be
	// at least twice [distributed.Config].Window. The default is 64 MiB.
	Buffer int `json:",omitempty"`

	// Logger gets what goes wrong on the way to servers, and which nodes the own server
	// refuses, as warnings: at most 10 of each sort in a minute. The default logs to standard
	// error what the environment variable MARKETPLACE_LOG asks for, as the ground does.
	Logger *slog.Logger `json:"-"`
}

// The defaults.
const (
	defaultLimit  = 5 * time.Second
	defaultBuffer = 64 << 20
	defaultRealm  = "default"
)

// settled returns c with its defaults.
func (c Config) settled() (Config, error) {
	c.DialLimit, c.Buffer = cmp.Or(c.DialLimit, defaultLimit), cmp.Or(c.Buffer, defaultBuffer)
	switch {
	case c.DialLimit < 0:
		return c, fmt.Errorf("the DialLimit is %v", c.DialLimit)
	case c.Buffer < 1<<20:
		return c, fmt.Errorf("the Buffer is %d bytes, and needs to be at least %d", c.Buffer, 1<<20)
	case c.URL != "" && (c.Listen != "" || c.LeafOf != ""):
		return c, errors.New("the URL stands for servers elsewhere, so it goes without Listen and LeafOf, which are for the node's own")
	case c.Listen != "" && c.Credentials != "":
		return c, errors.New("to let other nodes connect, a node needs the realm key, and not only credentials of its own")
	case len(c.Realm) > maxRealm || strings.ContainsFunc(c.Realm, func(r rune) bool { return r > 127 || !plain(byte(r)) }):
		return c, fmt.Errorf("realm %.80q: it has other characters than letters, digits, - and _, or more than %d", c.Realm, maxRealm)
	}
	if c.Node != "" || c.Credentials == "" {
		if err := realm.ValidNode(c.Node); err != nil {
			return c, fmt.Errorf("node %q: %w", c.Node, err)
		}
	}
	return c, nil
}

// An identity is who a node is, and how it proves it.
type identity struct {
	node, realm string
	authority   *authority // nil if there are only credentials
	jwt         string     // "" if there is a key without
	user        nkeys.KeyPair
	trusted     []*x509.Certificate
}

// identity returns the identity for which c asks.
func (c Config) identity() (id identity, err error) {
	id.node = c.Node
	if rest := []byte(c.Authority); c.Authority != "" {
		for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return id, fmt.Errorf("authority: %w", err)
			}
			id.trusted = append(id.trusted, cert)
		}
		if len(id.trusted) == 0 {
			return id, errors.New("authority: there is no certificate in PEM form")
		}
	}
	text := c.Credentials
	if text == "" {
		key, err := realm.Key(c.RealmKeyFile)
		if err == nil {
			id.authority, err = deriveAuthority(key)
		}
		if err != nil {
			return id, fmt.Errorf("realm key: %w", err)
		}
		id.realm = cmp.Or(c.Realm, realmOf(id.authority.accountKey))
		if text, err = id.authority.issue(id.realm, c.Node); err != nil {
			return id, fmt.Errorf("issuing credentials: %w", err)
		}
	}
	if id.user, err = jwt.ParseDecoratedNKey([]byte(text)); err != nil {
		return id, fmt.Errorf("credentials: %w", err)
	}
	if !strings.Contains(text, "BEGIN NATS USER JWT") {
		id.realm = cmp.Or(c.Realm, defaultRealm)
		if c.Node == "" {
			return id, errors.New("node: the credentials have no name, so one is needed")
		}
		return id, nil
	}
	if id.jwt, err = jwt.ParseDecoratedJWT([]byte(text)); err != nil {
		return id, fmt.Errorf("credentials: %w", err)
	}
	claims, err := jwt.DecodeUserClaims(id.jwt)
	if err != nil {
		return id, fmt.Errorf("credentials: %w", err)
	}
	id.realm = cmp.Or(c.Realm, realmOf(cmp.Or(claims.IssuerAccount, claims.Issuer)))
	if id.node = cmp.Or(c.Node, claims.Name); id.node != claims.Name {
		return id, fmt.Errorf("credentials: they are those of node %q, and this is %q", claims.Name, id.node)
	}
	if err := realm.ValidNode(id.node); err != nil {
		return id, fmt.Errorf("credentials: node %q: %w", id.node, err)
	}
	return id, nil
}

// login returns the options with which a client proves who it is.
func (id identity) login() client.Option {
	sign := func(nonce []byte) ([]byte, error) { return id.user.Sign(nonce) }
	if id.jwt == "" {
		key, err := id.user.PublicKey()
		if err != nil {
			return func(*client.Options) error { return err }
		}
		return client.Nkey(key, sign)
	}
	return client.UserJWT(func() (string, error) { return id.jwt, nil }, sign)
}

// addresses returns the URLs in a text.
func addresses(text string) (us []*url.URL, err error) {
	for part := range strings.SplitSeq(text, ",") {
		u, err := url.Parse(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		switch u.Scheme {
		case "nats", "tls", "ws", "wss", "nats-leaf":
		default:
			return nil, fmt.Errorf("%q does not begin with tls:// or nats://", u.Redacted())
		}
		if u.Hostname() == "" {
			return nil, fmt.Errorf("%q has no host", u.Redacted())
		}
		us = append(us, u)
	}
	return us, nil
}

// listenAddress returns the host and the port of an address.
func listenAddress(a string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(a)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: the port is no number from 0 to 65535", a)
	}
	return cmp.Or(host, "127.0.0.1"), int(n), nil
}

// untrusted returns the reason for which a node does not talk to a server.
func untrusted(err error) error {
	return fmt.Errorf("%w: the certificate of the server is not of an authority that this node trusts: %w; give both the same realm key file", distributed.ErrRealm, err)
}
