package simnet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A test of a program that is a TCP client. The test plays the server, on the
// network that it passes to the driver of the program.
func Example() {
	network := simnet.New("test")
	network.AddHost("greeter.test", "192.0.2.7")
	ctx := context.Background()

	server, err := network.Listen(ctx, "tcp", "192.0.2.7:7")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	go func() {
		conn, err := server.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "hello")
	}()

	us, them := tcp.Handle("client"), tcp.Remote("greeter.test", 7)
	err = ground.Run(ctx,
		tcp.DriverOn(network), // in the real program: tcp.Driver()
		actions.Spawn(actions.Stateless(
			endpoint.Publisher(tcp.Flow(us, them)),
			endpoint.Subscriber(tcp.Flow(them, us),
				endpoint.OnMessage(func(d tcp.Data) actions.Action {
					fmt.Printf("%s", d.Bytes)
					return nil
				}),
				endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action {
					fmt.Println(", and the end:", reason)
					return actions.Quit()
				}),
			),
		)),
	)
	fmt.Println(err)
	// Output:
	// hello, and the end: <nil>
	// <nil>
}

// A network that loses datagrams: the same ones in every run.
func ExamplePacketFaults() {
	network := simnet.New("example")
	network.PacketFate = simnet.PacketFaults{Seed: 1, Loss: 0.2}.Fate()

	ctx := context.Background()
	receiver, err := network.ListenPacket(ctx, "udp", "10.0.0.1:7")
	if err != nil {
		fmt.Println(err)
		return
	}
	sender, err := network.ListenPacket(ctx, "udp", "10.0.0.2:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 10 {
		if _, err := sender.WriteTo([]byte{byte(i)}, &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 7}); err != nil {
			fmt.Println(err)
		}
	}
	sender.Close()

	b := make([]byte, 1)
	for range 6 {
		if _, _, err := receiver.ReadFrom(b); err != nil {
			fmt.Println(err)
		}
		fmt.Println("received number", b[0])
	}
	receiver.Close()
	// Output:
	// received number 0
	// received number 1
	// received number 3
	// received number 4
	// received number 7
	// received number 9
}

// A server and a client on a network in memory.
func ExampleNetwork() {
	network := simnet.New("test")
	network.AddHost("echo.test", "192.0.2.7")
	ctx := context.Background()

	listener, err := network.Listen(ctx, "tcp", ":7")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		defer listener.Close()
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.Copy(conn, conn)
	}()

	conn, err := network.Dial(ctx, "tcp", "echo.test:7")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Println(conn.LocalAddr(), "to", conn.RemoteAddr())
	fmt.Fprint(conn, "hello")
	conn.(interface{ CloseWrite() error }).CloseWrite()
	answer, err := io.ReadAll(conn)
	fmt.Printf("%s %v\n", answer, err)

	_, err = network.Dial(ctx, "tcp", "echo.test:8")
	fmt.Println(errors.Is(err, syscall.ECONNREFUSED))
	// Output:
	// 192.0.2.7:49152 to 192.0.2.7:7
	// hello <nil>
	// true
}
