// Printer prints numbered lines, all in one turn, and ends.
//
//	go run ./bench/attack/internal/printer -lines 10000
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
	"github.com/go-marketplace/marketplace/ground"
)

func main() {
	lines := flag.Int("lines", 10_000, "how `many` to print")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := ground.Run(ctx, console.Driver(), actions.Spawn(printer(*lines)).Named("printer")); err != nil {
		fmt.Fprintln(os.Stderr, "printer:", err)
		os.Exit(1)
	}
}

// printer prints that many lines.
func printer(lines int) actions.Process {
	var prints actions.Tree
	for i := range lines {
		prints = append(prints, console.Printf("this is line %d", i))
	}
	return actions.Stateless(prints)
}
