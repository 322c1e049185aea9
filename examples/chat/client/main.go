// Client talks to a chat server, line by line.
//
//	go run ./examples/chat/client -addr 127.0.0.1:5999
//
// What is typed goes to the server, and what the server says is printed, but for
// what one has said oneself. On a terminal, the line being typed can be edited,
// and stays whole whatever comes in meanwhile. The client ends with the input,
// or when the server goes away. Its exit status is 0 if all that was typed has
// gone to the server, 1 if the connection has failed or the server has closed it
// before that, and 2 if the arguments make no sense.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/interrupt"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:5999", "`host:port` of the server")
	flag.Parse()
	server, err := tcp.ParseRemote(*addr)
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("%q is one argument too many", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(2)
	}
	if err := run(server); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

// run talks to a server. It returns an error if that could not be done to the
// end.
func run(server tcp.Addr) error {
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	people, restore, err := openConsole()
	if err != nil {
		return err
	}
	defer restore()
	return ground.Run(ctx, tcp.Driver(), people.Driver(), actions.Spawn(talk(server)).Named("client"))
}
