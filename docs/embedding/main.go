package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/interrupt"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "the address to listen at")
	flag.Parse()
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	l, err := net.Listen("tcp", *addr)
	if err == nil {
		err = run(ctx, l)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves at l until ctx is done, or the machine or the server fails.
func run(ctx context.Context, l net.Listener) error {
	s := start(new(ground.Ground))
	server := &http.Server{Handler: s}
	server.RegisterOnShutdown(s.endStreams) // Shutdown waits for streams, which have no end
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	case err = <-s.done: // the machine has ended by itself
		s.done <- nil
	}
	// First the requests end, then the machine that they need.
	limit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(limit), s.stop())
}
