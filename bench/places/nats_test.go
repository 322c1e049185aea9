//go:build unix

package places

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/go-marketplace/marketplace/journal/codec"
)

// startNATS returns a function that publishes a turn of messages.
func startNATS(b *testing.B, turn int) func() {
	p := part{Does: "nats", Listen: freeAddress(b), Cert: certificate(b), Turn: turn}
	server := start(b, p)
	server.expect("up")
	c, err := natsClient(p)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	m := message
	body, err := codec.AppendRef(nil, &m)
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		for range turn {
			if err := c.Publish("room.x", body); err != nil {
				b.Fatal(err)
			}
		}
		server.expect("done")
	}
}

// runNATS is the part of a process with a server and a subscriber.
func runNATS(p part) error {
	config, err := natsTLS(p)
	if err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(p.Listen)
	number, _ := strconv.Atoi(port)
	s, err := natsserver.NewServer(&natsserver.Options{Host: host, Port: number, TLS: true, TLSConfig: config, NoSigs: true, NoLog: true})
	if err != nil {
		return err
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return errors.New("the NATS server does not start")
	}
	c, err := natsClient(p)
	if err != nil {
		return err
	}
	count := 0
	_, err = c.Subscribe("room.x", func(*nats.Msg) {
		if count++; count%p.Turn == 0 {
			fmt.Println("done")
		}
	})
	if err == nil {
		err = c.Flush()
	}
	if err != nil {
		return err
	}
	fmt.Println("up")
	untilEnd()
	c.Close()
	s.Shutdown()
	return nil
}

func natsClient(p part) (*nats.Conn, error) {
	config, err := natsTLS(p)
	if err != nil {
		return nil, err
	}
	return nats.Connect("tls://"+p.Listen, nats.Secure(config))
}

// natsTLS returns the configuration of both sides.
func natsTLS(p part) (*tls.Config, error) {
	c, err := tls.LoadX509KeyPair(p.Cert, p.Cert)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(c.Leaf)
	return &tls.Config{
		Certificates: []tls.Certificate{c}, RootCAs: pool, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	}, nil
}

// certificate returns a file with a certificate for 127.0.0.1, and its key.
func certificate(b *testing.B) string {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		b.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	path := filepath.Join(b.TempDir(), "nats.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}
