// Bench compares servers made with this library with plain Go servers that do the same:
// echo over TCP, over TLS, over UDP, and over TCP on all processors. It also compares
// echo over TCP with a journal, of each durability, or with a trace, with the same
// server without one.
//
//	go run ./bench
//	go run ./bench -connections 128 -pairs 9 tls
//	go run ./bench -connections 128 batch memory sync trace
//
// Each pair runs both servers, one after the other, as processes of their own, under the
// same load: clients that send 64 bytes and wait for the answer. The order alternates.
// Bench prints the ratios of the two, this library divided by the other: for requests per
// second, and for processor time of the server per request. It prints the median, with
// the lowest and the highest.
//
// The benchmarks of single steps are in their packages, such as that of timers against
// time.AfterFunc:
//
//	go test ./drivers/timer -run '^$' -bench . -count 9 | benchstat -col .name -
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	serve := flag.String("serve", "", "run the `server` with that name, until standard input ends")
	pairs := flag.Int("pairs", 9, "`number` of pairs")
	lasts := flag.Duration("time", time.Second, "how long the load of each server lasts")
	crowds := flag.String("connections", "16,128,1000", "`numbers` of clients")
	flag.Parse()
	if *serve != "" {
		if err := beServer(*serve, os.Stdin, os.Stdout); err != nil {
			fail(err)
		}
		return
	}
	names := flag.Args()
	if len(names) == 0 {
		names = []string{"tcp", "sharded", "tls", "udp"}
	}
	for _, name := range names {
		l, ok := loads[name]
		if !ok {
			fail(fmt.Errorf("there is no %q to compare: it is tcp, sharded, tls, udp, batch, memory, sync or trace", name))
		}
		for _, text := range strings.Split(*crowds, ",") {
			clients, err := strconv.Atoi(text)
			if err != nil || clients < 1 {
				fail(fmt.Errorf("-connections: %q is not a number of clients", text))
			}
			if err := compare(name, l, clients, *pairs, *lasts); err != nil {
				fail(err)
			}
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// A result has the measurements of a server under a load.
type result struct {
	rate      float64 // requests per second
	processor float64 // processor time of the server per request, in microseconds
}

// compare runs pairs of servers.
func compare(name string, l load, clients, pairs int, lasts time.Duration) error {
	var rates, processor []float64
	for i := range pairs {
		var r [2]result // of the server in question, and of the one to compare with
		for j := range r {
			which := (i + j) % 2
			var err error
			if r[which], err = measure([]string{name, l.plain}[which], l, clients, lasts); err != nil {
				return err
			}
		}
		rates = append(rates, r[0].rate/r[1].rate)
		processor = append(processor, r[0].processor/r[1].processor)
	}
	fmt.Printf("%-8s %5d connections: requests %s, processor time %s\n", name, clients, median(rates), median(processor))
	return nil
}

func median(ratios []float64) string {
	slices.Sort(ratios)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1])
}

// measure runs a server under a load.
func measure(server string, l load, clients int, lasts time.Duration) (result, error) {
	cmd := exec.Command(os.Args[0], "-serve", server)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return result{}, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return result{}, err
	}
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	var requests int
	if err == nil {
		requests, err = l.run(strings.TrimSpace(addr), clients, lasts)
	}
	_ = in.Close()
	_, _ = io.Copy(io.Discard, out)
	if wait := cmd.Wait(); err == nil {
		err = wait
	}
	if err == nil && requests == 0 {
		err = fmt.Errorf("the server %s has answered nothing", server)
	}
	if err != nil {
		return result{}, err
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return result{float64(requests) / lasts.Seconds(), float64(used.Microseconds()) / float64(requests)}, nil
}
