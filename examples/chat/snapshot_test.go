package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vm"
)

// TestSnapshot: the server is restored from a snapshot, with people in the room
// when it ended: they are gone, their names are free, and the next one gets the
// next number. Issue 9.13.
func TestSnapshot(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	terminal := console.Config{Out: new(strings.Builder)}
	at := tcp.Listener("127.0.0.1", 0)
	known := terminal.Types()
	for _, k := range types() {
		if !strings.HasPrefix(k.Name, "console.") {
			known = append(known, k)
		}
	}
	boot := actions.Group(tcp.Driver(), terminal.Driver(), room(at), marketplace.Report("chat", at))
	highest := 0
	for incarnation := range 3 {
		var log bytes.Buffer
		j, err := journal.Config{
			Durability: journal.Batch, Types: known, SnapshotEvery: 25,
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
		}.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		where := make(chan string, 1)
		departed := 0
		g := ground.Ground{Journal: j, Watch: func(r *vm.Record) {
			if text, ok := printed(r); ok {
				if _, addr, ok := strings.Cut(text, "listening on "); ok {
					where <- strings.TrimSpace(addr)
				}
			}
			if r.Kind == vm.Ended && r.Name() == "session" {
				departed++
			}
		}}
		over := make(chan error)
		go func() { over <- g.Run(ctx, boot) }()
		addr := <-where
		var people []net.Conn
		for i := range 5 {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			people = append(people, c)
			in := bufio.NewReader(c)
			line, err := in.ReadString('\n')
			var number int
			if _, scanErr := fmt.Sscanf(line, "You are user%d.", &number); err != nil || scanErr != nil || number <= highest {
				t.Fatalf("after user%d the room says %q (%v)", highest, line, err)
			}
			highest = number
			// The person who had the name in the run before has it until their end is
			// known.
			hear := func(said, want, again string) {
				fmt.Fprintln(c, said)
				for line := ""; line != want+"\n"; {
					if line, err = in.ReadString('\n'); err != nil {
						t.Fatal(want, err)
					}
					if line == again+"\n" {
						fmt.Fprintln(c, said)
					}
				}
			}
			hear(fmt.Sprintf("/nick p%d", i), fmt.Sprintf("You are p%d.", i), fmt.Sprintf("p%d is taken.", i))
			for n := range 6 {
				hear(fmt.Sprint("line ", n), fmt.Sprintf("p%d: line %d", i, n), "")
			}
		}
		stop()
		if err := <-over; err != nil {
			t.Fatal(err)
		}
		for _, c := range people {
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}
		if want := 5 * min(incarnation+1, 2); departed != want {
			t.Errorf("run %d: %d sessions have ended, and not %d", incarnation, departed, want)
		}
		if strings.Count(log.String(), "WARN") != strings.Count(log.String(), "a new journal begins") {
			t.Errorf("log:\n%s", &log)
		}
		if names, err := filepath.Glob(filepath.Join(dir, "*.snapshot")); err != nil || len(names) == 0 {
			t.Errorf("snapshots %v, %v", names, err)
		}
	}
}
