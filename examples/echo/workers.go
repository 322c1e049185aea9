package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/journal/cli"
)

var workers = flag.Int("workers", 1, "how many machines share the connections; 0 is one for each processor")

// inWorkers runs several machines that share the connections, until ctx is done, if
// there is to be more than one.
func inWorkers(ctx context.Context, journal bool) (instead bool, err error) {
	switch {
	case *workers == 1:
		return false, nil
	case *workers < 0:
		return false, fmt.Errorf("%w: -workers is %d: it must not be negative", cli.ErrUsage, *workers)
	case journal:
		return false, fmt.Errorf("%w: a journal is of one machine: leave out -workers", cli.ErrUsage)
	}
	l, err := sharded.Config{Workers: *workers}.Listen(ctx, flag.Lookup("addr").Value.String(), func(w sharded.Worker) actions.Process {
		return actions.Stateless(w.Driver(), servers.Spawn(server{w.Listener()}))
	})
	if err != nil {
		return true, err
	}
	fmt.Printf("echo: listening on %v\n", l.Addr())
	select {
	case <-l.Done():
	case <-ctx.Done():
	}
	return true, l.Close(context.Background())
}
