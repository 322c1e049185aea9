package distributed_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
)

// TestDialFromBothSides: two nodes with a place each, of which each uses that of the other, dial
// at the same time, again and again. Each hears the other come and go once each time.
func TestDialFromBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := []string{"a", "b"}
		hears := make([]heard, 2)
		for i, node := range nodes {
			there := distributed.Place{Node: nodes[1-i], Name: "room"}
			c.run(c.config(node).Driver(), c.config(node).Serve("room"), spawn(hears[i].listener(), there.At(named(node))))
		}
		simtest.Pass(time.Second)
		came := []string{"+b", "+a"}
		for i := range hears {
			hears[i].expect(t, came[i])
		}
		for range 20 {
			c.network.Cut("a", "b")
			simtest.Pass(time.Second)
			for i := range hears {
				got := hears[i].take()
				if len(got) != 2 || got[0][:2] != "-"+came[i][1:] || got[1] != came[i] {
					t.Errorf("%s hears %q", nodes[i], got)
				}
			}
		}
		for _, node := range nodes {
			if n := c.network.Links(node); n != 2 { // one in each direction
				t.Errorf("%d links of %s", n, node)
			}
		}
	})
}

// A barred network reaches no node while it is barred.
type barred struct {
	distributed.Network
	bar *atomic.Bool
}

func (b barred) Dial(ctx context.Context, node, place string) (distributed.Link, error) {
	if b.bar.Load() {
		return nil, errors.New("it is barred")
	}
	return b.Network.Dial(ctx, node, place)
}

// TestOldLifeComesBack: a machine that could reach nobody for a while comes back when another
// one has gone on from its journal. The place refuses it, for as long as it tries, and those
// there hear nothing of it. B-F08.
func TestOldLifeComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var atHome heard
		c.run(c.config("a").Serve("room"), spawn(atHome.listener()))
		dir := t.TempDir()
		client := func(folder string, n distributed.Network) {
			log := slog.New(slog.NewTextHandler(c.log, nil))
			j, err := journal.Config{Durability: journal.Sync, SnapshotEvery: -1, Logger: log}.Open(filepath.Join(dir, folder))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				done <- (&ground.Ground{Journal: j, Logger: log}).Run(ctx, distributed.Config{Network: n}.Driver(), spawn(room.At(named("tony"))))
			}()
			t.Cleanup(func() { cancel(); <-done; _ = j.Close() })
			simtest.Pass(time.Second)
		}
		old := barred{c.network.Node("b"), new(atomic.Bool)}
		client("old", old)
		atHome.expect(t, "+tony")
		old.bar.Store(true)
		c.network.Cut("a", "b")
		simtest.Pass(time.Second)
		if got := atHome.take(); len(got) != 1 || got[0][:5] != "-tony" {
			t.Errorf("heard %q", got)
		}
		if _, err := journal.Backup(filepath.Join(dir, "old"), filepath.Join(dir, "new")); err != nil {
			t.Fatal(err)
		}
		client("new", c.network.Node("b"))
		atHome.expect(t, "+tony")
		old.bar.Store(false)
		simtest.Pass(time.Minute)
		atHome.expect(t)
		if n := c.network.Links("a"); n != 1 {
			t.Errorf("%d links at home", n)
		}
		c.log.mu.Lock()
		defer c.log.mu.Unlock()
		if !strings.Contains(c.log.text.String(), "this one is late") {
			t.Errorf("nobody was refused: %s", c.log.text.String())
		}
	})
}
