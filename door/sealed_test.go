package door_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/keys"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/sealed"
	"github.com/go-marketplace/marketplace/world"
)

type contact struct{ Mail sealed.Value[string] }

var register = rpc.Define[contact, string]("door_test.register")

func init() { world.Register[contact]("door_test.contact") }

// TestIssue14SealedThroughDoor: a door takes calls with sealed values, whose contents are not in
// the journal.
func TestIssue14SealedThroughDoor(t *testing.T) {
	const secret = "ann@example.org"
	d := door.New("registry")
	store := wal.NewMemory()
	j, err := journal.Config{Keys: keys.InStore(wal.NewMemory(), nil), Trace: true, Logger: slog.New(slog.DiscardHandler)}.OpenStore(store)
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		stopped <- (&ground.Ground{Journal: j, Logger: slog.New(slog.DiscardHandler)}).Run(ctx, d.Driver(), actions.Spawn(rpc.Serve(0, rpc.Handle(register, func(n int, c contact) (int, string, error) {
			mail, ok := c.Mail.Get()
			if !ok {
				return n, "", errors.New("it has no content")
			}
			return n + 1, "welcome, " + c.Mail.Subject + mail[:3], nil
		}))))
	}()
	for range 2 { // the second time it is answered from memory
		got, err := rpc.Do(soon(t), d, register, contact{sealed.For("c17", secret)}, door.Key("1"))
		if err != nil || got != "welcome, c17ann" {
			t.Errorf("%q, %v", got, err)
		}
	}
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	names, _ := store.List()
	for _, name := range names {
		if bytes.Contains(store.ReadFile(name), []byte(secret)) {
			t.Errorf("it is in %s", name)
		}
	}
}
