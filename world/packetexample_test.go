package world_test

import (
	"context"
	"fmt"
	"net"

	"github.com/go-marketplace/marketplace/world"
)

// A network that loses datagrams, but the same ones in each run.
func ExamplePacketFaults() {
	network := world.NewSimNetwork("example")
	network.PacketFate = world.PacketFaults{Seed: 1, Loss: 0.2}.Fate()

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
