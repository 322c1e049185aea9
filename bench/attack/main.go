// Attack starts the example programs and attacks them, each in a process of its
// own, over loopback, and prints what has become of them.
//
//	go run ./bench/attack
//	go run ./bench/attack -run flood,newlines
//	go run ./bench/attack -short
//	go run ./bench/attack -programs before
//
// A server that hangs, loses what it was told, or hides what went wrong, fails:
// then the exit status is 1. Memory and times are figures, which depend on the
// computer; they are printed with the goal beside them, and fail nothing. The
// newcomer is a client that connects, waits for the first byte, and leaves,
// again and again during the attack; the figure is that of the slowest.
//
// An attack ends after five minutes at most, whatever the server does. Attacks
// that need what the system does not have are skipped, with the reason: all of
// them need signals, some need Linux. The results of a whole run are in
// docs/attacks.md.
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
	names := flag.String("run", "", "the `names` of the attacks to carry out, separated by commas; all if empty")
	list := flag.Bool("list", false, "list the attacks, and carry out none")
	short := flag.Bool("short", false, "make the attacks small")
	folder := flag.String("programs", "", "attack the programs in this `folder`, as go build made them, instead of building them")
	flag.Parse()
	chosen, err := choose(*names)
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("%q is one argument too many", flag.Arg(0))
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

// run carries out the attacks, one after another, and prints the results. It
// reports whether one has failed.
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
