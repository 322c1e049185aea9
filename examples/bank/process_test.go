package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/ground"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/google/go-cmp/cmp"
)

// want is what the client prints, everywhere, when the accounts are new.
var want = []string{
	"tuple.set({user0 100}): 100",
	"tuple.set({user2 200}): 200",
	"tuple.get(user0): 100",
	"tuple.get(user2): 200",
	"tuple.unset(user2)",
	"tuple.get(user2): tuple: not found",
	"bank.open(user0): 0",
	"bank.add({user0 10}): 10",
	"bank.remove({user0 5}): 5",
	"bank.remove({user0 1000}): bank: not enough in the account",
	"bank.open(user0): bank: the account exists",
	"bank.add({nobody 10}): bank: no such account",
}

// The client and the servers in one machine, which can be saved at any moment: the zero
// Place. DP-18.
func TestHere(t *testing.T) {
	m := vmtest.Config{Types: here().Types}.Run(t)
	printed := vmtest.Subscriber(m, topic.All[console.Text]())
	m.Perform(here().Start())
	var got []string
	for _, h := range printed.Take() {
		if h.Kind == actions.Delivery {
			got = append(got, h.About.Text[:len(h.About.Text)-1])
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// The same client and servers in one machine, nested, and on two nodes print the same, and
// two clients share the table and the accounts. DP-18, DP-37.
func TestPlaces(t *testing.T) {
	config := func(n *distributed.MemoryNetwork, node string) distributed.Config {
		return distributed.Config{Network: n.Node(node)}
	}
	for name, of := range map[string]func(*distributed.MemoryNetwork) marketplace.Program{
		"here":      func(*distributed.MemoryNetwork) marketplace.Program { return here() },
		"nested":    func(n *distributed.MemoryNetwork) marketplace.Program { return inside(config(n, "home")) },
		"two nodes": func(n *distributed.MemoryNetwork) marketplace.Program { return client(config(n, "client"), "bank") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := distributed.Memory()
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error)
				go func() {
					_, err := run(ctx, server(config(network, "bank")))
					ended <- err
				}()
				synctest.Wait()
				got, err := run(ctx, of(network))
				if d := cmp.Diff(strings.Join(want, "\n")+"\n", got); d != "" || err != nil {
					t.Error(err, d)
				}
				if name == "two nodes" {
					got, err := run(ctx, client(config(network, "other"), "bank"))
					if !strings.Contains(got, "bank.open(user0): bank: the account exists\nbank.add({user0 10}): 15\n") || err != nil {
						t.Error(err, got)
					}
				}
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// If the bank is not there, the client ends with the reason. A refusal of the bank is no
// such reason: all steps follow it.
func TestNoBank(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := distributed.Config{Network: distributed.Memory().Node("client")}
		if got, err := run(t.Context(), client(c, "bank")); got != "" || !errors.Is(err, rpc.ErrUnreachable) {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// run runs a program without the flags, and returns what it prints and its result.
func run(ctx context.Context, p marketplace.Program) (string, error) {
	var out bytes.Buffer
	c := console.Config{Out: &out}
	err := (&ground.Ground{Logger: slog.New(slog.DiscardHandler)}).Run(ctx, c.Driver(), p.Start())
	return out.String(), err
}

// All processes of the programs are of types, so that journals have snapshots.
func TestSaved(t *testing.T) {
	c := distributed.Config{Network: distributed.Memory().Node("home")}
	for _, p := range []marketplace.Program{here(), inside(c), server(c), client(c, "bank")} {
		vmtest.Config{Types: p.Types}.Run(t, p.Start())
	}
}
