// Shop is an HTTP service with a machine inside: customers order, the stock is reserved,
// and an order that nobody pays in time is cancelled.
//
//	go run ./examples/shop -stock tea=5,milk=3 -pay-within 10m -journal shop.journal
//
// Customers use it like this:
//
//	curl http://127.0.0.1:8080/stock
//	curl -d '{"item":"tea","quantity":2}' -H 'Idempotency-Key: 4711' http://127.0.0.1:8080/orders
//	curl http://127.0.0.1:8080/orders/1
//	curl -d '{"accepted":true}' http://127.0.0.1:8080/payments/1
//	curl -N http://127.0.0.1:8080/stock/events
//
// The last command does not end: it shows each change of the stock.
//
// With -journal, the shop continues where it was when it was killed, even with kill -9.
// With -durability sync, which a real shop needs, it also keeps everything that it has
// answered if the power fails. A client that gets no answer, or status 503 or 504, repeats
// its request with the same Idempotency-Key. Then the request is carried out once, and each
// repetition gets the same answer. The shop remembers the last 10,000 answers, for a day.
//
// There is a file for each idea. Processes, which know nothing of HTTP, are in stock.go,
// payments.go, order.go and book.go: order.go leads an order through its steps, and book.go
// starts and remembers orders. machine.go puts the processes together. http.go and
// events.go lead from HTTP into the machine, through a door. serve.go starts and stops
// everything in the right order.
//
// The exit status is 0 if a signal has stopped the program, 1 if something has failed, and
// 2 if the command line is wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/go-marketplace/marketplace/interrupt"
	"github.com/go-marketplace/marketplace/journal/cli"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // almost all that a machine allocates is garbage soon
	}
	history := cli.Flags{}
	history.Config.SnapshotEvery = 250 // under load, an input has hundreds of requests
	history.Register(flag.CommandLine)
	s := shop{Stock: Levels{"tea": 100, "milk": 100}}
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen at")
	flag.Func("stock", "what there is at the beginning, as `item=n,…` (default milk=100,tea=100)", s.Stock.parse)
	flag.DurationVar(&s.PayWithin, "pay-within", 15*time.Minute, "how long an order waits for its payment")
	flag.Parse()

	ctx, stop := interrupt.Context(context.Background())
	signals, ignore := cli.SnapshotSignals()
	history.Snapshots = signals
	err := history.Recall()
	switch {
	case err != nil:
	case flag.NArg() > 0:
		err = fmt.Errorf("%w: %q is one argument too many", cli.ErrUsage, flag.Arg(0))
	default:
		err = run(ctx, s, &history, *addr, os.Stdout)
	}
	ignore()
	stop()
	switch {
	case errors.Is(err, cli.ErrUsage):
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}
