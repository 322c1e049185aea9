package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/vm"
)

// TestBitForBit: a run of the room with real sockets, with all the chance of the
// system, is replayed bit for bit from its journal: after every input it has the
// same digest, and it wants the same commands, byte for byte, however many
// processors there are. Names, too, go to the same people. Issue 9.13. U-01.
func TestBitForBit(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, d := range []journal.Durability{journal.Memory, journal.Batch} {
		t.Run(d.String(), func(t *testing.T) {
			dir := t.TempDir()
			live := party(t, journal.Config{Durability: d, Trace: true, Logger: slog.New(slog.DiscardHandler)}, dir, 50)
			h, err := journal.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(live.commands); n < 500 || h.Last() != live.seq {
				t.Fatalf("%d commands of %d inputs, of which the journal has %d", n, live.seq, h.Last())
			}
			for _, heard := range []string{" is here.\n", " arrived.\n", " is now ann", "You are ann", " is taken.\n", " departed.\n", " is gone: "} {
				if !strings.Contains(strings.Join(live.commands, ""), heard) {
					t.Errorf("nobody has read %q", heard)
				}
			}
			var first []vm.Digest
			for _, processors := range []int{1, 2, runtime.NumCPU()} {
				var digests []vm.Digest
				again := replay(t, h, processors, func(d vm.Digest) { digests = append(digests, d) })
				live.compare(t, again)
				if first == nil {
					first = digests
				}
				for i := range first {
					if digests[i] != first[i] {
						t.Fatalf("input %d has digest %v on %d processors, and %v on one", i+1, digests[i], processors, first[i])
					}
				}
			}
		})
	}
}

// TestWhyReachesInput: every command of the room results from one input in the
// journal, which came from outside. In a branch with only that input, the machine
// gives the same commands; in one without it, the machine stays at rest. U-10,
// within one node.
func TestWhyReachesInput(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	live := party(t, journal.Config{Durability: journal.Memory, Logger: slog.New(slog.DiscardHandler)}, dir, 5)
	h, err := journal.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Record(journal.Booting(hall()...))
	if err != nil {
		t.Fatal(err)
	}
	all, err := r.Commands(t.Context(), 0, r.Last())
	if err != nil || len(all) < 50 || len(all) != len(live.commands) {
		t.Fatalf("the replay has %d commands, and the run had %d: %v", len(all), len(live.commands), err)
	}
	for i, c := range all {
		if seq, _ := binary.Uvarint([]byte(live.commands[i])); c.Seq != seq {
			t.Fatalf("command %d resulted from input %d in the run, and from %d in the replay", i, seq, c.Seq)
		}
	}
	only := func(seq uint64, inputs ...uint64) *journal.Recording {
		b, err := r.Branch(t.Context(), journal.Branch{From: seq - 1, Edit: func(seq uint64, in vm.Input) []vm.Input {
			if !slices.Contains(inputs, seq) {
				return nil
			}
			return []vm.Input{in}
		}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for len(all) > 0 {
		seq := all[0].Seq
		n := slices.IndexFunc(all, func(c journal.Command) bool { return c.Seq != seq })
		if n < 0 {
			n = len(all)
		}
		if with := only(seq, seq); with.Last() != seq {
			t.Errorf("input %d is not enough for its commands", seq)
		} else if m, err := with.At(t.Context(), seq); err != nil || m.Input.Kind == vm.Continue || !reflect.DeepEqual(m.Commands, all[:n]) {
			t.Errorf("with input %d, %v, the machine gives %v, and not %v: %v", seq, &m.Input, m.Commands, all[:n], err)
		}
		if without := only(seq); without.Last() != seq-1 {
			t.Errorf("without input %d, the machine still works", seq)
		}
		all = all[n:]
	}
}

// replay replays a history on some processors, and returns what the machine
// wants.
func replay(t *testing.T, h *journal.History, processors int, each func(vm.Digest)) *wishes {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
	w := &wishes{}
	report, err := h.Replay(t.Context(), journal.Booting(hall()...), journal.ReplayConfig{
		Watch:   func(_ uint64, r *vm.Record) { w.note(r) },
		Digests: func(_ uint64, d vm.Digest) { each(d) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.Seq != h.Last() || report.Checks != h.Last() {
		t.Fatalf("%d inputs were replayed and %d compared, of %d", report.Seq, report.Checks, h.Last())
	}
	return w
}

// hall is the program, with a console of its own.
func hall() []actions.Action {
	at := tcp.Listener("127.0.0.1", 0)
	return []actions.Action{tcp.Driver(), console.Config{Out: &strings.Builder{}}.Driver(), room(at), marketplace.Report("chat", at)}
}

// wishes are the commands of a run, written down, each with the number of the
// input that it resulted from.
type wishes struct {
	seq      uint64
	commands []string
	err      error
}

// note writes down a command.
func (w *wishes) note(r *vm.Record) {
	switch r.Kind {
	case vm.Entered:
		w.seq++
	case vm.Commanded:
		c := r.Command
		b := binary.AppendUvarint(nil, w.seq)
		b = append(b, byte(c.Kind))
		b = fmt.Appendf(b, "%v %s %d %v ", c.Address.Path, c.Address.Device.DeviceName(), c.Address.Generation, c.Paused)
		if c.Value != nil {
			var err error
			if b, err = codec.Append(b, c.Value); err != nil {
				w.err = err
			}
		}
		w.commands = append(w.commands, string(b))
	}
}

// compare compares what came in a replay to what the run had.
func (w *wishes) compare(t *testing.T, again *wishes) {
	t.Helper()
	if w.err != nil || again.err != nil {
		t.Fatal(w.err, again.err)
	}
	for i := range max(len(w.commands), len(again.commands)) {
		switch {
		case i == len(w.commands):
			t.Fatalf("command %d of the replay is one more: %q", i, again.commands[i])
		case i == len(again.commands):
			t.Fatalf("command %d of the run is missing: %q", i, w.commands[i])
		case w.commands[i] != again.commands[i]:
			t.Fatalf("command %d is %q in the replay, and was %q", i, again.commands[i], w.commands[i])
		}
	}
}

// party runs the room with a journal, while people come and go. It returns what
// the machine wanted.
func party(t *testing.T, c journal.Config, dir string, people int) *wishes {
	t.Helper()
	w := &wishes{}
	host(t, c, dir, people, w.note, func(addr string, i int) error {
		const seed = 20261128
		return visit(addr, rand.New(rand.NewPCG(seed, uint64(i))))
	})
	return w
}

// printed returns what the console is told to print, if that is what a record is
// of.
func printed(r *vm.Record) (text string, ok bool) {
	if r.Kind != vm.Told || r.Event.Kind != actions.Delivery {
		return "", false
	}
	t, ok := r.Event.Message.Value().(console.Text)
	return t.Text, ok
}

// host runs the room with a journal until all people have made their visits. A spy
// is told what happens in the machine.
func host(t testing.TB, c journal.Config, dir string, people int, spy func(*vm.Record), visit func(addr string, i int) error) {
	t.Helper()
	j, err := c.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	where := make(chan string, 1)
	g := ground.Ground{Journal: j, Watch: func(r *vm.Record) {
		spy(r)
		if text, ok := printed(r); ok {
			if _, addr, ok := strings.Cut(text, "listening on "); ok {
				where <- strings.TrimSpace(addr)
			}
		}
	}}
	over := make(chan error)
	go func() { over <- g.Run(ctx, hall()...) }()
	addr := <-where
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			if err := visit(addr, i); err != nil {
				t.Errorf("visitor %d: %v", i, err)
			}
		})
	}
	all.Wait()
	stop()
	if err := <-over; err != nil {
		t.Fatal(err)
	}
}

// visit enters the room, says and hears something at random, asks for names that
// others want as well, and leaves: for good, in the middle of a line, or by saying
// too much.
func visit(addr string, random *rand.Rand) error {
	for range random.IntN(20) {
		runtime.Gosched() // some come later
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "You are ") {
		return fmt.Errorf("the room says %q, %v", line, err)
	}
	for i := range 3 + random.IntN(6) {
		line := strings.Repeat("la", random.IntN(40)) + "\n"
		if random.IntN(3) == 0 {
			line = fmt.Sprintf("/nick ann%d\n", random.IntN(10))
		}
		cut := random.IntN(len(line))
		for _, piece := range []string{line[:cut], line[cut:]} {
			if _, err := io.WriteString(c, piece); err != nil {
				return err
			}
		}
		if i == 0 || random.IntN(3) > 0 { // one hears at least oneself
			if _, err := in.ReadString('\n'); err != nil {
				return err
			}
		}
	}
	switch random.IntN(3) {
	case 0:
		_, err = io.WriteString(c, "and what I al")
	case 1:
		_, err = io.WriteString(c, strings.Repeat("x", maxLine+1))
	}
	if err != nil {
		return err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, in) // until the room has closed, or reset, the connection
	return nil
}
