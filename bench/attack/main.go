// Attack starts the example programs and attacks them over loopback, each in a process
// of its own, and prints the results.
//
//	go run ./bench/attack
//	go run ./bench/attack -run flood,newlines
//	go run ./bench/attack -short
//	go run ./bench/attack -programs before
//
// A server fails if it hangs, loses data, or hides an error: then the exit status is 1.
// Memory and times depend on the computer; they are printed beside their goals, and never
// make a server fail. Newcomers are clients that connect, wait for the first byte, and
// leave, again and again during the attack; the time is that of the slowest.
//
// Each attack takes five minutes at most. Attacks that the system does not support are
// skipped, with the reason: all of them need signals, and some need Linux. The results of
// a complete run are in docs/attacks.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	names := flag.String("run", "", "the `names` of the attacks to run, separated by commas; all if empty")
	list := flag.Bool("list", false, "list the attacks, and run none")
	short := flag.Bool("short", false, "make the attacks small")
	folder := flag.String("programs", "", "attack the programs in this `folder`, as go build made them, instead of building them")
	flag.Parse()
	chosen, err := choose(*names)
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("%q: there are flags, and no arguments", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "attack:", err)
		os.Exit(2)
	}
	if *list {
		for _, a := range chosen {
			fmt.Printf("%-16s %s\n", a.name, a.does)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed, err := run(ctx, chosen, *folder, *short, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "attack:", err)
	}
	if failed || err != nil {
		os.Exit(1)
	}
}

// choose returns the attacks of these names.
func choose(names string) ([]attack, error) {
	if names == "" {
		return attacks, nil
	}
	var chosen []attack
	for _, name := range strings.Split(names, ",") {
		i := slices.IndexFunc(attacks, func(a attack) bool { return a.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-run: there is no attack %q; -list lists them", name)
		}
		chosen = append(chosen, attacks[i])
	}
	return chosen, nil
}

// run runs the attacks, one after another, and prints the results. It reports whether one
// has failed.
func run(ctx context.Context, chosen []attack, folder string, short bool, out io.Writer) (failed bool, err error) {
	if folder == "" {
		if folder, err = os.MkdirTemp("", "attack-"); err != nil {
			return false, err
		}
		defer os.RemoveAll(folder)
		if err := build(ctx, folder); err != nil {
			return false, err
		}
	}
	if short {
		fmt.Fprint(out, "the attacks are smaller than they say\n\n")
	}
	var t table
	for _, a := range chosen {
		if reason := a.missing(); reason != "" {
			fmt.Fprintf(out, "%s: skipped: %s\n\n", a.name, reason)
			t.skip(a, reason)
			continue
		}
		r := a.carryOut(ctx, folder, short)
		if ctx.Err() != nil {
			return failed, fmt.Errorf("stopped during the attack %s", a.name)
		}
		r.print(out, a)
		t.add(a, r)
		failed = failed || len(r.failures) > 0
	}
	t.print(out)
	return failed, nil
}
