// Writing-a-driver prints what is appended to files, such as logs, until none of
// them can be followed any more.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/docs/writing-a-driver/follow"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/interrupt"
)

// show prints the lines of a file.
func show(file string) actions.Action {
	return endpoint.Subscriber(follow.In(file),
		endpoint.OnPresence(func(follow.Line) actions.Action { return console.Printf("%s: following", file) }),
		endpoint.OnMessage(func(l follow.Line) actions.Action { return console.Printf("%s: %s", file, l.Text) }),
		endpoint.OnAbsence(func(_ follow.Line, reason error) actions.Action { return console.Printf("%s: %v", file, reason) }),
	)
}

func run(ctx context.Context, c console.Config, files ...string) error {
	boot := []actions.Action{c.Driver(), follow.Config{}.Driver()}
	for _, f := range files {
		boot = append(boot, show(f))
	}
	return ground.Run(ctx, boot...)
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: writing-a-driver file ...")
		os.Exit(2)
	}
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	if err := run(ctx, console.Config{}, os.Args[1:]...); err != nil {
		log.Fatal(err)
	}
}
