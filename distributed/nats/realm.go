package nats

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/go-marketplace/marketplace/distributed/internal/realm"
)

// An authority issues the credentials of the nodes of a realm, in the form of NATS: there is
// an operator with one account, and each node is a user of it. All who have the realm key
// derive the same operator and account.
type authority struct {
	operator, account nkeys.KeyPair
	operatorKey       string // public
	accountKey        string // public
	tls               *realm.Authority
}

// deriveAuthority returns the authority of a realm key.
func deriveAuthority(key []byte) (*authority, error) {
	operator, err := realm.Seed(key, "marketplace nats operator 1")
	if err != nil {
		return nil, err
	}
	account, err := realm.Seed(key, "marketplace nats account 1")
	if err != nil {
		return nil, err
	}
	t, err := realm.Derive(key)
	if err != nil {
		return nil, err
	}
	return newAuthority(operator, account, &t)
}

// ownAuthority returns an authority that nobody else has, for a server to which no other node
// connects.
func ownAuthority() (*authority, error) {
	var operator, account [32]byte
	_, _ = rand.Read(operator[:]) // which never fails
	_, _ = rand.Read(account[:])
	return newAuthority(operator[:], account[:], nil)
}

func newAuthority(operator, account []byte, t *realm.Authority) (a *authority, err error) {
	a = &authority{tls: t}
	if a.operator, err = nkeys.FromRawSeed(nkeys.PrefixByteOperator, operator); err != nil {
		return nil, err
	}
	if a.account, err = nkeys.FromRawSeed(nkeys.PrefixByteAccount, account); err != nil {
		return nil, err
	}
	if a.operatorKey, err = a.operator.PublicKey(); err != nil {
		return nil, err
	}
	a.accountKey, err = a.account.PublicKey()
	return a, err
}

// realmOf returns the name of the realm of an account.
func realmOf(accountKey string) string {
	h := sha256.Sum256([]byte(accountKey))
	return hex.EncodeToString(h[:8])
}

// issue returns credentials for a node of a realm, in the form of a .creds file.
func (a *authority) issue(realm, node string) (string, error) {
	user, err := nkeys.CreateUser()
	if err != nil {
		return "", err
	}
	key, err := user.PublicKey()
	if err != nil {
		return "", err
	}
	seed, err := user.Seed()
	if err != nil {
		return "", err
	}
	c := jwt.NewUserClaims(key)
	c.Name = node
	publish, subscribe := Permissions(realm, node)
	c.Pub.Allow, c.Sub.Allow = publish, subscribe
	token, err := c.Encode(a.account)
	if err != nil {
		return "", err
	}
	text, err := jwt.FormatUserConfig(token, seed)
	return string(text), err
}

// claims returns the operator and the account, as servers want them.
func (a *authority) claims() (operator, account string, err error) {
	o := jwt.NewOperatorClaims(a.operatorKey)
	o.Name = "marketplace"
	if operator, err = o.Encode(a.operator); err != nil {
		return "", "", err
	}
	c := jwt.NewAccountClaims(a.accountKey)
	c.Name = "marketplace realm " + realmOf(a.accountKey)
	account, err = c.Encode(a.operator)
	return operator, account, err
}

// admit makes a server admit the nodes of the realm, and nobody else.
func (a *authority) admit(o *server.Options) error {
	operator, account, err := a.claims()
	if err != nil {
		return err
	}
	trusted, err := jwt.DecodeOperatorClaims(operator)
	if err != nil {
		return err
	}
	accounts := &server.MemAccResolver{}
	if err := accounts.Store(a.accountKey, account); err != nil {
		return err
	}
	o.TrustedOperators, o.AccountResolver = []*jwt.OperatorClaims{trusted}, accounts
	return nil
}

// ServerConfig returns the part of the configuration of a nats-server that makes it admit the
// nodes of a realm, with an account for the realm. The file has the realm key; "" stands for
// that of the user. The part has no secret.
func ServerConfig(realmKeyFile string) (string, error) {
	key, err := realm.Key(realmKeyFile)
	if err != nil {
		return "", fmt.Errorf("nats: realm key: %w", err)
	}
	a, err := deriveAuthority(key)
	if err != nil {
		return "", fmt.Errorf("nats: realm key: %w", err)
	}
	operator, account, err := a.claims()
	if err != nil {
		return "", fmt.Errorf("nats: realm key: %w", err)
	}
	return fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload: {\n\t%s: %s\n}\n", operator, a.accountKey, account), nil
}

// certificate returns the certificate of a server of the realm.
func (a *authority) certificate(node string) (*tls.Config, error) {
	c, err := a.tls.Issue(node)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c}}, nil
}

// trust returns the settings with which a node connects to servers: each is one of the realm, or
// its certificate has the name of its host. The name of a host that is an IP address does not
// reach VerifyConnection, because it is not sent: such a certificate has one of the addresses.
func trust(own *x509.Certificate, others []*x509.Certificate, addresses []string) *tls.Config {
	nodes := x509.NewCertPool()
	for _, c := range slices.Concat([]*x509.Certificate{own}, others) {
		if c != nil {
			nodes.AddCert(c)
		}
	}
	var hosts *x509.CertPool // nil stands for those of the system
	if len(others) > 0 {
		hosts = nodes
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12, // a server that others administer may have no later one
		InsecureSkipVerify: true,             // package tls knows no names but those of hosts: VerifyConnection does it
		VerifyConnection: func(s tls.ConnectionState) error {
			first := realm.Verify(s.PeerCertificates, nodes, x509.ExtKeyUsageServerAuth)
			if first == nil {
				if _, _, first = realm.Identity(s.PeerCertificates[0]); first == nil {
					return nil
				}
			}
			between := x509.NewCertPool()
			for _, c := range s.PeerCertificates[min(1, len(s.PeerCertificates)):] {
				between.AddCert(c)
			}
			names := addresses
			if s.ServerName != "" {
				names = []string{s.ServerName}
			}
			for _, name := range names {
				if len(s.PeerCertificates) == 0 {
					break
				}
				_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: name, Roots: hosts, Intermediates: between})
				if err == nil {
					return nil
				}
				if errors.As(err, new(x509.HostnameError)) {
					first = err
				}
			}
			return untrusted(first)
		},
	}
}

// local returns the identity of a node for a server of its own, which knows nothing of the
// realm: what the node may do in the realm is for its hub to say.
func (a *authority) local(id identity) (identity, error) {
	text, err := a.issue(id.realm, id.node)
	if err != nil {
		return id, err
	}
	if id.jwt, err = jwt.ParseDecoratedJWT([]byte(text)); err != nil {
		return id, err
	}
	id.user, err = jwt.ParseDecoratedUserNKey([]byte(text))
	return id, err
}
