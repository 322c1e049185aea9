// Sender sends a million bytes to everybody who connects, all in one turn, and
// then the end: in one piece, or in many small ones.
//
//	go run ./bench/attack/internal/sender -addr 127.0.0.1:0 -size 10
//
// The peer that reads at full speed has to get all of it. The byte at place i is
// i mod 251.
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
	"github.com/go-marketplace/marketplace/ground"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "`host:port` to listen on")
	total := flag.Int("total", 1_048_513, "how many `bytes` to send")
	size := flag.Int("size", 1_048_513, "how many `bytes` are in a piece")
	flag.Parse()
	at, err := tcp.ParseListener(*addr)
	if err == nil && (*total < 1 || *size < 1) {
		err = fmt.Errorf("-total is %d and -size %d: they must be positive", *total, *size)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sender:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := ground.Run(ctx, tcp.Driver(), console.Driver(), serve(at, pieces(*total, *size)), report(at)); err != nil {
		fmt.Fprintln(os.Stderr, "sender:", err)
		os.Exit(1)
	}
}

// pieces returns what is sent.
func pieces(total, size int) [][]byte {
	var all [][]byte
	for at := 0; at < total; at += size {
		piece := make([]byte, min(size, total-at))
		for i := range piece {
			piece[i] = byte((at + i) % 251)
		}
		all = append(all, piece)
	}
	return all
}

// serve sends the pieces to everybody who connects.
func serve(at tcp.Addr, pieces [][]byte) actions.Action {
	return endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(d tcp.Data) actions.Action {
		c := d.Connection()
		var sends actions.Tree
		for i, piece := range pieces {
			sends = append(sends, c.Pass(tcp.Data{Bytes: piece, EOF: i == len(pieces)-1}))
		}
		return actions.Spawn(actions.Stateless(
			c.Publisher(),
			c.Subscriber(endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() })),
			sends,
		)).Named("sender")
	}))
}

// report says where the program listens.
func report(at tcp.Addr) actions.Action {
	return endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(l tcp.Listening) actions.Action {
		return actions.When(l.Bound != tcp.Addr{}, console.Printf("sender: listening on %v", l.Bound))
	}))
}
