package nats_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-marketplace/marketplace/distributed/nats"
)

// A hub, and a node that has only what the hub gives it: it could be another program, on another
// machine.
func Example() {
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	key := filepath.Join(dir, "realm.key")
	_ = os.WriteFile(key, []byte("2f1d6a3c0b9e48d7a5f0c3b2e1d4978602f1d6a3c0b9e48d\n"), 0o600)
	ctx := context.Background()

	berlin, err := nats.Open(ctx, nats.Config{Node: "berlin", RealmKeyFile: key, Listen: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer berlin.Close()
	config, err := berlin.Member("paris")
	if err != nil {
		fmt.Println(err)
		return
	}
	paris, err := nats.Open(ctx, config)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer paris.Close()

	room, _ := berlin.Offer(ctx, "room")
	defer room.Close()
	watch, _ := paris.Watch(ctx, "room")
	defer watch.Close()
	for nodes, err := watch.Next(); err == nil; nodes, err = watch.Next() {
		if len(nodes) > 0 {
			fmt.Println("there is a room on", nodes)
			break
		}
	}
	link, err := paris.Dial(ctx, "berlin", "room")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer link.Close()
	fmt.Println("the other side is", link.Peer())
	// Output:
	// there is a room on [berlin]
	// the other side is berlin
}

// A program that is a node: on direct links, with -nats or -leaf-of on NATS.
func ExampleFlags() {
	fs := flag.NewFlagSet("room", flag.ContinueOnError)
	var links nats.Flags
	links.Register(fs)
	_ = fs.Parse([]string{"-node", "berlin", "-nats", "embedded"}) // or what os.Args has
	network, end, err := links.Network(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer end()
	fmt.Println(network.NetworkName())
	// Output: nats "berlin"
}
