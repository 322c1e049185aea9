package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/journal/cli"
	"github.com/go-marketplace/marketplace/rpc"
)

// run runs the shop until ctx is done, or until something fails. First it starts the
// machine, and then what uses it; it stops them in the other order. If the flags only
// replay a journal, the machine does not run, and so nothing is served.
func run(ctx context.Context, s shop, history *cli.Flags, addr string, out io.Writer) error {
	counter := door.New("counter")
	machine, stopMachine := context.WithCancel(context.WithoutCancel(ctx))
	defer stopMachine()
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	ended := make(chan error, 1)
	go func() {
		ran, err := history.Run(machine, s.program(counter))
		if err == nil && ran && machine.Err() == nil {
			err = cli.ErrEnded
		}
		ended <- err
		stopServing()
	}()
	err := open(serving, counter, addr, out)
	stopMachine()
	return errors.Join(err, <-ended)
}

// open listens when the machine runs, which may take a while if it recovers from a
// journal.
func open(ctx context.Context, counter *door.Door, addr string, out io.Writer) error {
	if _, err := rpc.Do(ctx, counter, Count, All{}); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "shop: listening on %v\n", l.Addr())
	return serve(ctx, counter, l)
}

// serve serves HTTP until ctx is done. Then it lets requests come to their end, but not
// for ever.
func serve(ctx context.Context, counter *door.Door, l net.Listener) error {
	streams, endStreams := context.WithCancel(context.Background())
	defer endStreams()
	server := &http.Server{
		Handler:           front{counter, streams}.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      patience + 10*time.Second, // streams prolong it
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	server.RegisterOnShutdown(endStreams) // Shutdown waits for streams, which have no end
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case <-ctx.Done():
	case err := <-failed:
		return errors.Join(err, server.Close())
	}
	limit, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}
