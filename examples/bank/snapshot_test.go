package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
)

// The bank goes on from a snapshot of its machine, with its accounts. DP-13.
func TestSnapshot(t *testing.T) {
	dir, network := t.TempDir(), distributed.Memory()
	terminal := console.Config{Out: new(bytes.Buffer)}
	p := server(distributed.Config{Network: network.Node("bank")})
	for life := range 3 {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		j, err := journal.Config{SnapshotEvery: 10, Types: slices.Concat(p.Types, marketplace.Types(), terminal.Types()), Logger: logger}.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- (&ground.Ground{Journal: j, Logger: logger}).Run(ctx, terminal.Driver(), p.Start()) }()
		said, err := run(t.Context(), client(distributed.Config{Network: network.Node(fmt.Sprint("client", life))}, "bank"))
		if want := fmt.Sprintf("bank.add({user0 10}): %d\n", 10+5*life); !strings.Contains(said, want) || err != nil {
			t.Errorf("life %d: %v, the client prints\n%s", life, err, said)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("life %d: %v", life, err)
		}
		if strings.Count(log.String(), "WARN") != strings.Count(log.String(), "a new journal begins") || life > 0 && !strings.Contains(log.String(), " snapshot=") {
			t.Errorf("life %d: the log has\n%s", life, &log)
		}
	}
}
