package tcp_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A server that greets its clients by the names in their certificates, and a
// client that has one. Both are processes of the same machine.
func ExampleSessionOf() {
	network := simnet.New("example")
	config := tcp.Config{Network: network, TLS: map[string]*tls.Config{
		"members": {Certificates: []tls.Certificate{pki().server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pki().ca.pool()},
		"client":  {RootCAs: pki().ca.pool(), Certificates: []tls.Certificate{pki().client}},
	}}
	at := tcp.Listener("127.0.0.1", 443).TLS("members")
	c := tcp.Between(tcp.Handle("me"), tcp.Remote("localhost", 443).TLS("client"))

	greet := func(c tcp.Connection) actions.Process {
		return actions.Stateless(
			c.Publisher(),
			endpoint.ObservePublishers(c.Session(), endpoint.OnPresence(func(s tcp.Session) actions.Action {
				certificates, err := s.PeerCertificates()
				if err != nil || !s.Verified {
					return actions.Quit()
				}
				return actions.Group(c.SendString("hello, "+certificates[0].Subject.CommonName), actions.Quit())
			})),
		)
	}
	err := ground.Run(context.Background(), config.Driver(),
		actions.Spawn(actions.Stateless(endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(d tcp.Data) actions.Action {
			return actions.Group(actions.Spawn(greet(d.Connection())), actions.Quit())
		})))),
		endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(tcp.Listening) actions.Action {
			return c.Subscriber(
				endpoint.OnMessage(func(d tcp.Data) actions.Action {
					fmt.Printf("%s", d.Bytes)
					return nil
				}),
				endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action {
					fmt.Println(",", reason)
					return actions.Quit()
				}),
			)
		})),
	)
	fmt.Println(err)
	// Output:
	// hello, client, <nil>
	// <nil>
}

// A spy prints the data, and changes nothing.
func ExampleSpy() {
	network := simnet.New("example")
	server, err := network.Listen(context.Background(), "tcp", "127.0.0.1:7")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		defer server.Close()
		if c, err := server.Accept(); err == nil {
			io.ReadAll(c)
			io.WriteString(c, "yes")
			c.Close()
		}
	}()

	c := tcp.Between(tcp.Handle("me"), tcp.Remote("127.0.0.1", 7))
	err = ground.Run(context.Background(), tcp.DriverOn(network), tcp.Spy("", os.Stdout),
		actions.Spawn(actions.Stateless(
			c.Publisher(endpoint.OnPresence(func(tcp.Data) actions.Action {
				return c.Pass(tcp.Data{Bytes: []byte("is anybody there?"), EOF: true})
			})),
			c.Subscriber(endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() })),
		)),
	)
	fmt.Println(err)
	// Output:
	// out, from handle("me") to 127.0.0.1:7: 17 bytes, and the end
	// 00000000  69 73 20 61 6e 79 62 6f  64 79 20 74 68 65 72 65  |is anybody there|
	// 00000010  3f                                                |?|
	// in, from 127.0.0.1:7 to handle("me"): 3 bytes
	// 00000000  79 65 73                                          |yes|
	// in, from 127.0.0.1:7 to handle("me"): the end
	// <nil>
}
