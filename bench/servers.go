package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
)

const here = "127.0.0.1:0"

// beServer runs a server until in ends. It writes its address to out.
func beServer(name string, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	if !strings.HasPrefix(name, "plain") {
		debug.SetGCPercent(400) // as the examples do
	}
	switch name {
	case "plain tcp":
		return plain(ctx, out, func(l net.Listener) net.Listener { return l })
	case "plain tls":
		settings, err := settings()
		if err != nil {
			return err
		}
		return plain(ctx, out, func(l net.Listener) net.Listener { return tls.NewListener(l, settings) })
	case "plain udp":
		return plainUDP(ctx, out)
	case "tcp":
		at := tcp.Listener("127.0.0.1", 0)
		return ground.Run(ctx, tcp.Driver(), echo(at), announce(at, out))
	case "tls":
		settings, err := settings()
		if err != nil {
			return err
		}
		at := tcp.Listener("127.0.0.1", 0).TLS("bench")
		return ground.Run(ctx, tcp.Config{TLS: map[string]*tls.Config{"bench": settings}}.Driver(), echo(at), announce(at, out))
	case "sync", "batch", "memory", "trace":
		return journalled(ctx, name, out)
	case "udp":
		return ground.Run(ctx, udp.Driver(), echoPackets(udp.Listener("127.0.0.1", 0), out))
	case "sharded":
		return shards(ctx, out)
	}
	return fmt.Errorf("there is no server %q", name)
}

// journalled is the echo server with a journal, in a folder that it removes.
func journalled(ctx context.Context, name string, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "bench-journal-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := journal.Config{Trace: name == "trace", Durability: journal.Batch}
	if name == "sync" || name == "memory" {
		if c.Durability, err = journal.ParseDurability(name); err != nil {
			return err
		}
	}
	j, err := c.Open(dir)
	if err != nil {
		return err
	}
	at := tcp.Listener("127.0.0.1", 0)
	g := ground.Ground{Journal: j}
	return g.Run(ctx, tcp.Driver(), echo(at), announce(at, out))
}

// plain is a server as one would write it with package net.
func plain(ctx context.Context, out io.Writer, wrap func(net.Listener) net.Listener) error {
	l, err := net.Listen("tcp", here)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { l.Close() })
	fmt.Fprintln(out, l.Addr())
	for l = wrap(l); ; {
		c, err := l.Accept()
		if err != nil {
			return nil
		}
		go func() {
			defer c.Close()
			buf := make([]byte, 4096)
			for {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				if _, err := c.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}

func plainUDP(ctx context.Context, out io.Writer) error {
	c, err := net.ListenPacket("udp", here)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { c.Close() })
	fmt.Fprintln(out, c.LocalAddr())
	socket := c.(*net.UDPConn)
	for buf := make([]byte, 64<<10); ; {
		n, from, err := socket.ReadFromUDPAddrPort(buf)
		if err != nil {
			return nil
		}
		if _, err := socket.WriteToUDPAddrPort(buf[:n], from); err != nil {
			return err
		}
	}
}

// echo serves connections.
func echo(at tcp.Addr) actions.Action {
	return endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(d tcp.Data) actions.Action {
		c := d.Connection()
		return actions.Spawn(actions.Stateless(
			c.Publisher(),
			c.Subscriber(
				endpoint.OnMessage(c.Pass),
				endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
			),
		))
	}))
}

// announce says where a server listens.
func announce(at tcp.Addr, out io.Writer) actions.Action {
	return endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(l tcp.Listening) actions.Action {
		fmt.Fprintln(out, l.Bound)
		return nil
	}))
}

func echoPackets(at udp.Addr, out io.Writer) actions.Action {
	return actions.Group(
		endpoint.ObservePublishers(udp.ListeningAt(at), endpoint.OnPresence(func(l udp.Listening) actions.Action {
			fmt.Fprintln(out, l.Bound)
			return nil
		})),
		endpoint.Subscriber(udp.Arriving(at), endpoint.OnMessage(func(p udp.Packet) actions.Action {
			return actions.Send(udp.Packet{Source: at, Destination: p.Source, Body: p.Body})
		})),
	)
}

// shards serves on all processors.
func shards(ctx context.Context, out io.Writer) error {
	l, err := sharded.Config{}.Listen(ctx, here, func(w sharded.Worker) actions.Process {
		return actions.Stateless(w.Driver(), echo(w.Listener()))
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, l.Addr())
	<-ctx.Done()
	return l.Close(context.Background())
}

// settings are those of a server with a certificate of its own making.
func settings() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
}
