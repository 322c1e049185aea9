package nats_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/nats"
	"github.com/go-marketplace/marketplace/distributed/networktest"
)

// serverTLS returns the part of the configuration of a server that makes it use TLS, with a
// certificate for a host that nobody but its authority vouches for, and the authority.
func serverTLS(t testing.TB, host string) (config, authority string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	authority = text("CERTIFICATE", cert)
	return fmt.Sprintf("tls: { cert_file: %q, key_file: %q }\n", file(t, authority), file(t, text("PRIVATE KEY", secret))), authority
}

// file returns a file with a text, which only this user can read.
func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// serverUsers returns the part of the configuration of a server that makes it admit nodes, each
// with its nkey and the permissions of that node, and the seeds of the nkeys by the nodes.
func serverUsers(t testing.TB, nodes ...string) (config string, seeds map[string]string) {
	t.Helper()
	var users []string
	seeds = map[string]string{}
	for _, node := range nodes {
		user, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		key, _ := user.PublicKey()
		seed, _ := user.Seed()
		publish, subscribe := nats.Permissions("default", node)
		users = append(users, fmt.Sprintf("{ nkey: %s, permissions: { publish: [%s], subscribe: [%s] } }", key, quoted(publish), quoted(subscribe)))
		seeds[node] = string(seed)
	}
	return "authorization: { users: [ " + strings.Join(users, ",") + " ] }\n", seeds
}

func quoted(texts []string) string { return "\"" + strings.Join(texts, "\", \"") + "\"" }

// On a server with TLS, nodes connect with credentials that a realm key issues, or with nkeys that
// the server knows: all that holds for networks holds for these.
func init() {
	topologies["by URL with TLS"] = func(t *testing.T, nodes ...string) (all []*nats.Network) {
		key := realmKey(t)
		config, authority := serverTLS(t, "127.0.0.1")
		s := startServer(t, serverConfig(t, key, "127.0.0.1:-1")+config)
		for _, node := range nodes {
			all = append(all, open(t, nats.Config{Node: node, URL: s.url, RealmKeyFile: key, Authority: authority}))
		}
		return all
	}
	topologies["by URL with TLS and nkeys"] = func(t *testing.T, nodes ...string) (all []*nats.Network) {
		config, authority := serverTLS(t, "127.0.0.1")
		users, seeds := serverUsers(t, nodes...)
		s := startServer(t, "listen: \"127.0.0.1:-1\"\n"+users+config)
		for _, node := range nodes {
			all = append(all, open(t, nats.Config{Node: node, URL: s.url, Credentials: seeds[node], Authority: authority}))
		}
		return all
	}
}

// TestServerWithTLS: a node talks to a server with TLS that it trusts, and to no other one, and
// to none without TLS if it insists. A server refuses a node with other credentials.
func TestServerWithTLS(t *testing.T) {
	secure, authority := serverTLS(t, "127.0.0.1")
	strange, strangers := serverTLS(t, "elsewhere.invalid")
	users, seeds := serverUsers(t, "a", "b")
	listen := "listen: \"127.0.0.1:-1\"\n"
	good, other, bare := startServer(t, listen+users+secure), startServer(t, listen+users+strange), startServer(t, listen+users)
	if !strings.HasPrefix(good.url, "tls://") {
		t.Fatalf("the server is at %s", good.url)
	}
	upgraded := strings.Replace(good.url, "tls://", "nats://", 1)
	a := nats.Config{Node: "a", Credentials: seeds["a"]}
	for _, test := range []struct {
		name, url, authority, seed string
		want                       error  // nil if it connects
		text                       string // in the error
	}{
		{"all is right", good.url, authority, seeds["a"], nil, ""},
		{"a URL that leaves TLS to the server", upgraded, authority, seeds["a"], nil, ""},
		{"no authority", good.url, "", seeds["a"], distributed.ErrRealm, "is not of an authority that this node trusts"},
		{"no authority, and TLS left to the server", upgraded, "", seeds["a"], distributed.ErrRealm, "is not of an authority that this node trusts"},
		{"another authority", good.url, strangers, seeds["a"], distributed.ErrRealm, "is not of an authority that this node trusts"},
		{"the certificate of another host", other.url, strangers, seeds["a"], distributed.ErrRealm, "127.0.0.1"},
		{"a server without TLS", strings.Replace(bare.url, "nats://", "tls://", 1), authority, seeds["a"], nil, "secure connection not available"},
		{"the nkey of another node", good.url, authority, seeds["b"], distributed.ErrHandshake, "refuses the credentials"},
	} {
		a.URL, a.Authority, a.Credentials = test.url, test.authority, test.seed
		n, err := nats.Open(t.Context(), a)
		if err == nil {
			_ = n.Close()
		}
		if (err == nil) != (test.text == "") || test.want != nil && !errors.Is(err, test.want) || err != nil && !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil && strings.Contains(err.Error(), test.seed) {
			t.Errorf("%s: %v: it has the credentials", test.name, err)
		}
	}
}

// TestFlagsByURL: the flags of a program are enough for a server with TLS and credentials in a
// file.
func TestFlagsByURL(t *testing.T) {
	key := realmKey(t)
	config, authority := serverTLS(t, "127.0.0.1")
	s := startServer(t, serverConfig(t, key, "127.0.0.1:-1")+config)
	hub := open(t, nats.Config{Node: "hub", RealmKeyFile: key, URL: s.url, Authority: authority})
	var all []distributed.Network
	for _, node := range []string{"a", "b"} {
		c, err := hub.Member(node)
		if err != nil {
			t.Fatal(err)
		}
		var f nats.Flags
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		f.Register(fs)
		if err := fs.Parse([]string{"-nats", s.url, "-creds", file(t, c.Credentials), "-ca", file(t, authority)}); err != nil {
			t.Fatal(err)
		}
		n, end, err := f.Network(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := end(); err != nil {
				t.Error(err)
			}
		})
		if n.Node() != node {
			t.Errorf("node %q is called %q", node, n.Node())
		}
		all = append(all, n)
	}
	networktest.Pair(t, all)
}

// TestLeafOfServerWithTLS: so does the server of a node that is a leaf of another one.
func TestLeafOfServerWithTLS(t *testing.T) {
	for _, test := range []struct {
		host string
		want error
	}{{"127.0.0.1", nil}, {"elsewhere.invalid", distributed.ErrRealm}} {
		key, leaves := realmKey(t), freeAddress(t)
		secure, authority := serverTLS(t, test.host)
		s := startServer(t, serverConfig(t, key, "127.0.0.1:-1")+"leafnodes: { listen: \""+leaves+"\", "+secure+" }\n")
		n, err := nats.Open(t.Context(), nats.Config{Node: "a", RealmKeyFile: key, LeafOf: "tls://" + leaves, Authority: authority, Logger: slog.New(slog.DiscardHandler)})
		if !errors.Is(err, test.want) {
			t.Errorf("a certificate for %s: %v", test.host, err)
		}
		if err != nil {
			continue
		}
		closeLater(t, n)
		networktest.Pair(t, []distributed.Network{n, open(t, nats.Config{Node: "b", RealmKeyFile: key, URL: s.url})})
	}
}
