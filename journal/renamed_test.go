package journal_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// The types of a shop, and the same types after somebody has renamed them. An order
// comes from a device, which gets a bill; both are registered. The device gets a
// hint, too. Shelves hear of demands.
type (
	order  struct{ Item string }
	bill   struct{ Total int }
	hint   struct{ Text string }
	demand struct {
		Item  string
		Parts []part
	}
	part  struct{ N int }
	place struct{ Row int }
	shelf struct{ Sold int }

	purchase struct{ Item string }
	invoice  struct{ Total int }
	advice   struct{ Text string }
	wish     struct {
		Item  string
		Parts []piece
	}
	piece struct{ N int }
	spot  struct{ Row int }
	rack  struct{ Sold int }
)

const (
	renamedTypes   = "MARKETPLACE_RENAMED_TYPES"   // the program has the renamed types
	renamedJournal = "MARKETPLACE_RENAMED_JOURNAL" // that it replays
)

func init() {
	if os.Getenv(renamedTypes) == "" {
		world.Register[order]("renamed.Order")
		world.Register[bill]("renamed.Bill")
	} else {
		world.Register[purchase]("renamed.Order")
		world.Register[invoice]("renamed.Bill")
	}
}

// A trade is the difference between two builds of the shop.
type trade struct {
	price  int // of an item
	secret int // a part of messages, and in nothing else
	row    int // a part of the name of an endpoint
	named  string
}

var usual = trade{price: 2, secret: 1, row: 1, named: "tea"}

var (
	itemOfDemand = topic.FieldOf(func(d *demand) *string { return &d.Item })
	itemOfWish   = topic.FieldOf(func(w *wish) *string { return &w.Item })
)

// shopOf is the shop with its first types.
func shopOf(t trade, in chan any) journal.Program {
	return anyShop[order, bill, hint, place, shelf](t, in, itemOfDemand, func(item string) demand { return demand{item, []part{{t.secret}}} })
}

// renamedShopOf is the shop with the types that were renamed.
func renamedShopOf(t trade, in chan any) journal.Program {
	return anyShop[purchase, invoice, advice, spot, rack](t, in, itemOfWish, func(item string) wish { return wish{item, []piece{{t.secret}}} })
}

func anyShop[
	O interface{ ~struct{ Item string } },
	B interface{ ~struct{ Total int } },
	H interface{ ~struct{ Text string } },
	P interface{ ~struct{ Row int } },
	S interface{ ~struct{ Sold int } },
	D any,
](t trade, in chan any, item topic.Field[D, string], demandFor func(string) D) journal.Program {
	c := goldenCounter{in}
	sell := func(s S, _ D) actions.Transition[S] {
		sold := shelf(s).Sold + 1
		b := actions.Send(B(bill{sold * t.price}))
		if sold == 3 {
			return actions.Next(S(shelf{sold}), b, actions.Delete(P(place{t.row})), actions.Fail(errors.New("sold out")))
		}
		return actions.Next(S(shelf{sold}), b)
	}
	open := func(S) actions.Action {
		return endpoint.Subscriber(topic.Where(item.Is(t.named)), endpoint.OnMessageState(sell)).As(P(place{t.row}))
	}
	p := journal.Booting(
		actions.Spawn(actions.Stateless(
			endpoint.Device(c,
				endpoint.OnValue(func(Deposit) actions.Action { return nil }),
				endpoint.OnValue(func(o O) actions.Action { return actions.Send(demandFor(order(o).Item)) })),
			endpoint.Subscriber(topic.All[B](), endpoint.OnMessage(func(b B) actions.Action {
				return actions.Group(actions.Tell(c, b), actions.Tell(c, H(hint{"thank you"})))
			})),
		)).Named("clerk"),
		actions.Spawn(actions.Next(S(shelf{}), open(S(shelf{})))).Named("shelf"),
	)
	p.Types = []actions.Type{actions.Define("renamed.shelf", func(s S) actions.Action { return open(s) }).Type}
	return p
}

// keepShop runs the shop with a journal, and returns its folder.
func keepShop(t *testing.T, c journal.Config) string {
	t.Helper()
	store := wal.NewMemory()
	synctest.Test(t, func(t *testing.T) {
		c.Durability, c.SnapshotEvery, c.Logger = journal.Memory, -1, quiet
		program := func(in chan any) journal.Program { return shopOf(usual, in) }
		c.Types = program(nil).Types
		g := beginByHand(t, c, store, program)
		for _, item := range []string{"tea", "milk", "tea", "tea"} {
			g.hand(order{item})
		}
		g.stop()
	})
	dir := t.TempDir()
	names, err := store.List()
	must(t, err)
	for _, name := range names {
		must(t, os.WriteFile(filepath.Join(dir, name), store.ReadFile(name), 0o644))
	}
	return dir
}

// TestRenamedTypes: a program with renamed types replays the journals of the former
// program. That holds for registered types, which keep their registered names, and
// for all others; and a replay still finds other values.
func TestRenamedTypes(t *testing.T) {
	if dir := os.Getenv(renamedJournal); dir != "" {
		report, err := read(t, dir).Replay(t.Context(), renamedShopOf(usual, nil), journal.ReplayConfig{})
		fmt.Printf("inputs %d, checks %d, traced %d, samples %d, states %d, error %v\n", report.Seq, report.Checks, report.Traced, report.Samples, report.States+report.SampleStates, err)
		for name, other := range otherTrades {
			_, err := read(t, dir).Replay(t.Context(), renamedShopOf(other, nil), journal.ReplayConfig{})
			_, diverges := errors.AsType[*journal.DivergenceError](err)
			fmt.Printf("another %s: diverges %v\n", name, diverges)
		}
		return
	}
	for _, tt := range []struct {
		name   string
		config journal.Config
		report string
		misses string // what nobody can see without a trace
	}{
		{"with a trace", journal.Config{Trace: true}, "inputs 8, checks 8, traced 7, samples 0, states 7, error <nil>\n", ""},
		{"with samples", journal.Config{CheckEvery: 1}, "inputs 8, checks 8, traced 0, samples 7, states 7, error <nil>\n", ""},
		{"without", journal.Config{}, "inputs 8, checks 2, traced 0, samples 0, states 0, error <nil>\n", "part of a message"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := keepShop(t, tt.config)
			renamed := exec.Command(os.Args[0], "-test.run", "^TestRenamedTypes$")
			renamed.Env = append(os.Environ(), renamedTypes+"=yes", renamedJournal+"="+dir)
			out, err := renamed.CombinedOutput()
			if err != nil {
				t.Fatalf("%v:\n%s", err, out)
			}
			if !strings.Contains(string(out), tt.report) {
				t.Errorf("no %q in\n%s", tt.report, out)
			}
			for name := range otherTrades {
				if want := fmt.Sprintf("another %s: diverges %v\n", name, name != tt.misses); !strings.Contains(string(out), want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
		})
	}
}

// otherTrades are shops with another behaviour.
var otherTrades = map[string]trade{
	"value of a command":  {price: 3, secret: 1, row: 1, named: "tea"},
	"part of a message":   {price: 2, secret: 2, row: 1, named: "tea"},
	"name of an endpoint": {price: 2, secret: 1, row: 2, named: "tea"},
	"topic":               {price: 2, secret: 1, row: 1, named: "milk"},
}
