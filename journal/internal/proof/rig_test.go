package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// keeperEnv is the variable that makes this program a keeper, which a test
// kills: it says where the journal is.
const keeperEnv = "MARKETPLACE_PROOF_KEEPER"

// keeperDropsEnv is the variable that makes the keeper take snapshots, and drop what is old.
const keeperDropsEnv = "MARKETPLACE_PROOF_KEEPER_DROPS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(keeperEnv); dir != "" {
		if err := keep(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// A Note is what somebody hands in at a desk.
type Note struct{ Key, Text string }

// An Ack is what is handed out for a note.
type Ack struct {
	Key string
	N   int    // notes so far
	Was string // what there is to say
}

// Opened is the first value of a desk.
type Opened struct{}

func init() {
	world.Register[Note]("proof.Note")
	world.Register[Ack]("proof.Ack")
	world.Register[Opened]("proof.Opened")
}

// A desk is a device at which notes come in, and acks go out.
type desk struct {
	Name    string
	outside *outside
}

func (d desk) DeviceName() string { return "desk " + d.Name }

func (d desk) Open(context.Context, world.Env) (world.Handle, error) {
	h := &openDesk{desk: d, closed: make(chan struct{}), opening: make(chan any, 1)}
	h.opening <- Opened{}
	return h, nil
}

// The outside is where notes come from, and acks go. The zero outside is for
// replays, where there is none.
type outside struct {
	notes chan any
	acked chan any
}

func newOutside() *outside { return &outside{make(chan any), make(chan any, 1<<10)} }

type openDesk struct {
	desk
	opening chan any
	once    sync.Once
	closed  chan struct{}
}

func (h *openDesk) Recv() (any, error) {
	select {
	case v := <-h.opening:
		return v, nil
	default:
	}
	select {
	case v := <-h.outside.notes:
		return v, nil
	case <-h.closed:
		return nil, io.EOF
	}
}

func (h *openDesk) Try(commands []any) (int, error) {
	for _, c := range commands {
		h.outside.acked <- c
	}
	return len(commands), nil
}

func (h *openDesk) Do(command any) error {
	_, err := h.Try([]any{command})
	return err
}

func (h *openDesk) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// A tape has everything that happens in a machine, in a text for each input.
// Commands are in it with their values as a journal would have them.
type tape struct{ inputs []string }

func (t *tape) note(r *vm.Record) {
	if r.Kind == vm.Entered {
		t.inputs = append(t.inputs, "")
	}
	line := r.String()
	if r.Kind == vm.Commanded && r.Command.Value != nil {
		b, err := codec.Append(nil, r.Command.Value)
		line += fmt.Sprintf(" %x %v", b, err)
	}
	t.inputs[len(t.inputs)-1] += line + "\n"
}

// differs returns where t is not what other begins with, or "".
func (t *tape) differs(other *tape) string {
	for i, in := range t.inputs {
		switch {
		case i >= len(other.inputs):
			return fmt.Sprintf("there are %d inputs, and there were %d", len(t.inputs), len(other.inputs))
		case in != other.inputs[i]:
			return fmt.Sprintf("input %d results in\n%s\nand resulted in\n%s", i+1, in, other.inputs[i])
		}
	}
	return ""
}

// A life is the result of one run of a program.
type life struct {
	tape
	acks []any
	err  error
}

// live runs a program on the journal in a store, hands in notes, waits for the ack
// of each, and stops the program.
func live(t interface{ Context() context.Context }, store wal.Store, c journal.Config, program func(*outside) journal.Program, notes ...Note) *life {
	l := &life{}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	j, err := c.OpenStore(store)
	if err != nil {
		l.err = err
		return l
	}
	o := newOutside()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	over := make(chan struct{})
	var feeding sync.WaitGroup
	feeding.Go(func() {
		defer stop()
		for _, n := range notes {
			select {
			case o.notes <- n:
			case <-over:
				return
			}
			for acked := false; !acked; {
				select {
				case a := <-o.acked:
					l.acks = append(l.acks, a)
					acked = a.(Ack).Key == n.Key
				case <-over:
					return
				}
			}
		}
	})
	g := ground.Ground{Journal: j, Watch: l.note, Limits: vm.Limits{Steps: 60}}
	l.err = g.RunFunc(ctx, program(o).Boot)
	close(over)
	feeding.Wait()
	for len(o.acked) > 0 {
		l.acks = append(l.acks, <-o.acked)
	}
	return l
}

// relive replays what is in a store. The error is that of the replay, or of what
// cannot be read.
func relive(t interface{ Context() context.Context }, store wal.Store, program func(*outside) journal.Program) (*life, error) {
	l := &life{}
	h, err := journal.ReadStore(store)
	if err != nil {
		return l, err
	}
	_, err = h.Replay(t.Context(), program(nil), journal.ReplayConfig{Watch: func(_ uint64, r *vm.Record) {
		l.note(r)
		if r.Kind == vm.Commanded && r.Command.Kind == vm.Tell {
			l.acks = append(l.acks, r.Command.Value)
		}
	}})
	return l, err
}

// refused reports whether an error is a refusal that says where the journal is
// damaged.
func refused(err error) bool {
	damage, ok := errors.AsType[*wal.DamageError](err)
	return ok && damage.Segment != "" && strings.Contains(err.Error(), damage.Segment)
}

// booting returns a program of processes that may hold a desk.
func booting(boot func(desk) []actions.Action) func(*outside) journal.Program {
	return func(o *outside) journal.Program { return journal.Booting(boot(desk{"d", o})...) }
}
