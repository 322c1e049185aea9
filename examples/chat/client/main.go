// Client talks to a chat server, line by line.
//
//	go run ./examples/chat/client -addr 127.0.0.1:5999
//
// What is typed goes to the server, and what the server says is printed. The
// client ends with the input, or when the server goes away.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:5999", "`host:port` of the server")
	flag.Parse()
	server, err := tcp.ParseRemote(*addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := vm.Run(ctx, tcp.Driver(), console.Driver(), actions.Spawn(talk(server)).Named("client")); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

// A client joins the console to a connection.
type client struct {
	us, server tcp.Addr
}

func talk(server tcp.Addr) actions.Process {
	c := client{us: tcp.Handle("client"), server: server}
	return actions.Stateless(
		endpoint.Subscriber(tcp.Flow(c.server, c.us),
			endpoint.OnPresence(func(tcp.Data) actions.Action {
				return actions.Tree{
					tcp.SetMode(c.server, c.us, tcp.Lines(tcp.DefaultMaxLine), tcp.Unlimited),
					c.readInput(),
				}
			}),
			endpoint.OnMessage(func(d tcp.Data) actions.Action {
				return actions.When(len(d.Bytes) > 0, actions.Send(console.Text{Text: string(d.Bytes)}))
			}),
			endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action {
				return actions.Tree{
					actions.When(reason != nil, console.Printf("client: %v", reason)),
					actions.Quit(),
				}
			}),
		),
		endpoint.Publisher(tcp.Flow(c.us, c.server)),
	)
}

// readInput sends every line that is typed, and says when there are no more.
func (c client) readInput() actions.Action {
	return endpoint.Subscriber(topic.All[console.Line](),
		endpoint.OnMessage(func(l console.Line) actions.Action { return c.send([]byte(l.Text+"\n"), false) }),
		endpoint.OnAbsence(func(console.Line, error) actions.Action { return c.send(nil, true) }),
	)
}

func (c client) send(b []byte, eof bool) actions.Action {
	return actions.Send(tcp.Data{From: c.us, To: c.server, Bytes: b, EOF: eof})
}
