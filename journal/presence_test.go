package journal_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// The law of presence is about a crowd: members, some of them in machines of their
// own, open and close endpoints on orders.

// An Order tells a member what to do.
type Order struct {
	To     int // the number of the member
	What   string
	ID     string // of the endpoint; empty for an anonymous one
	Watch  int    // the interest
	Among  bool   // on the side of the subscribers
	About  string // the topic; empty for all
	Nested bool   // of a new member: it lives in a machine of its own
	Meta   bool   // at the meta-level
}

func init() { world.Register[Order]("journaltest.Order") }

var orderTo = topic.FieldOf(func(o *Order) *int { return &o.To })

func crowd(s *street) journal.Program {
	return journal.Booting(actions.Spawn(actions.Stateless(endpoint.Device(counter{"orders", s},
		endpoint.OnValue(func(o Order) actions.Action {
			return actions.Tree{actions.When(o.What == "join", join(o)), actions.Send(o)}
		}),
		endpoint.OnEnded(func(error) actions.Action { return actions.Quit() }),
	))).Named("usher"))
}

func join(o Order) actions.Action {
	name := fmt.Sprint("member ", o.To)
	listen := endpoint.Subscriber(topic.Where(orderTo.Is(o.To)), endpoint.OnMessage(func(o Order) actions.Action { return obey(o) }))
	if o.Nested {
		return actions.Spawn(vm.Nested(actions.Spawn(actions.Stateless(actions.AtMeta(listen))).Named(name))).Named("machine")
	}
	return actions.Spawn(actions.Stateless(listen.As("orders"))).Named(name)
}

func obey(o Order) actions.Action {
	about := topic.All[Slip]()
	if o.About != "" {
		about = topic.Where(slipAccount.Is(o.About))
	}
	side := topic.Publisher
	if o.Among {
		side = topic.Subscriber
	}
	e := endpoint.New[Slip](side, topic.Interest(o.Watch), about)
	if o.ID != "" {
		e = e.As(o.ID)
	}
	var a actions.Action
	switch o.What {
	case "open":
		a = e
	case "move":
		a = actions.Replace(e)
	case "close":
		a = actions.Delete(o.ID).Because(errors.New("as ordered"))
	case "quit":
		return actions.Quit()
	}
	if o.Meta && a != nil {
		return actions.AtMeta(a)
	}
	return a
}

func anOrder(t *rapid.T) Order {
	return Order{
		To:     rapid.IntRange(1, 4).Draw(t, "to"),
		What:   rapid.SampledFrom([]string{"join", "open", "open", "open", "move", "move", "close", "close", "quit"}).Draw(t, "what"),
		ID:     rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "id"),
		Watch:  rapid.IntRange(0, 2).Draw(t, "interest"),
		Among:  rapid.Bool().Draw(t, "side"),
		About:  rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "about"),
		Nested: rapid.Bool().Draw(t, "nested"),
		Meta:   rapid.IntRange(0, 3).Draw(t, "meta") == 0,
	}
}

// TestPresenceLaw: the presence history from the journal alone is the same as that of
// the machine in a replay, also across stops and crashes. U-15.
func TestPresenceLaw(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		c := journal.Config{Durability: journal.Memory, SegmentSize: rapid.SampledFrom([]int64{300, 1 << 20}).Draw(rt, "segment size")}
		for range rapid.IntRange(1, 3).Draw(rt, "incarnations") {
			orders := rapid.SliceOfN(rapid.Custom(anOrder), 0, 20).Draw(rt, "orders")
			s := newStreet()
			ctx, cancel := context.WithCancel(t.Context())
			if err := run(ctx, dir, c, crowd(s), func() {
				defer cancel()
				for _, o := range orders {
					s.slips <- o
				}
			}); err != nil && !errors.Is(err, context.Canceled) { // it may be before the machine has begun
				rt.Fatal(err)
			}
			cutOff(rt, dir, rapid.IntRange(0, 400).Draw(rt, "bytes that are lost"))
		}
		h, err := journal.Read(dir)
		if err != nil {
			rt.Fatal(err)
		}
		if h.Last() == 0 {
			return // all is lost
		}
		p, err := h.Presence()
		if err != nil {
			rt.Fatal(err)
		}
		r, err := h.Record(crowd(newStreet()))
		if err != nil {
			rt.Fatal(err)
		}
		starts := map[uint64]bool{h.Last() + 1: true}
		for in, err := range h.Inputs(1) {
			if err != nil {
				rt.Fatal(err)
			}
			starts[in.Seq] = starts[in.Seq] || in.Kind == vm.Start
		}
		for seq := uint64(1); seq <= h.Last(); seq++ {
			m, err := r.At(t.Context(), seq)
			if err != nil {
				rt.Fatal(err)
			}
			if starts[seq+1] {
				continue // what the journal knows of the last input of a run may not be all
			}
			var want []string
			for info := range m.Processes() {
				for _, e := range info.Endpoints {
					id := ""
					if e.ID != nil {
						id = text.Value(e.ID)
					}
					want = append(want, fmt.Sprint(info.Path, info.Name, e.Level, id, e.Role))
				}
			}
			var got []string
			at := p.At(seq)
			for _, i := range at.Intervals {
				got = append(got, fmt.Sprint(i.Path, i.Name, i.Level, i.ID, i.Role()))
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				rt.Fatalf("after input %d (%v): %s", seq, &m.Input, gocmp.Diff(want, got))
			}
			checkCount(rt, p, at, seq)
		}
		if !slices.IsSortedFunc(p.Intervals, func(a, b journal.Interval) int { return cmp.Compare(a.From.Seq, b.From.Seq) }) {
			rt.Fatal("the intervals are not in order")
		}
	})
}

// checkCount checks the count of the timeline at a moment.
func checkCount(t *rapid.T, p, at *journal.Presence, seq uint64) {
	var n int
	for _, c := range p.Timeline() {
		if c.From.Seq <= seq && (seq < c.To.Seq || c.To == p.End) {
			n = c.Publishers + c.Subscribers + c.PublisherObservers + c.SubscriberObservers
		}
	}
	if n != len(at.Intervals) {
		t.Fatalf("after input %d, the timeline has %d, and there are %d", seq, n, len(at.Intervals))
	}
}

// cutOff removes bytes from the end of a journal, as a crash may.
func cutOff(t *rapid.T, dir string, n int) {
	files, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	last := files[len(files)-1]
	info, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	const header = 48
	if err := os.Truncate(last, max(header, info.Size()-int64(n))); err != nil {
		t.Fatal(err)
	}
}

// TestPresence: the journal of the bank shows who was present, and for what. U-15.
func TestPresence(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, journal.Config{}, someSlips...)
	p, err := read(t, dir).Presence()
	if err != nil {
		t.Fatal(err)
	}
	show := func(p *journal.Presence) (lines []string) {
		for _, i := range p.Intervals {
			to := fmt.Sprint(i.To.Seq)
			if i.Still() {
				to = "now"
			}
			lines = append(lines, strings.TrimRight(fmt.Sprintf("%v, from %d to %s %s", &i, i.From.Seq, to, i.Reason), " "))
		}
		return lines
	}
	clerk := `2 clerk: subscriber of journal_test.Receipt{}, from 1 to 10`
	ann := `3 ann: subscriber of journal_test.Slip{Account: "ann"} as "slips", from 3 to now`
	bob := `4 bob: subscriber of journal_test.Slip{Account: "bob"} as "slips", from 5 to 8 bob was closed with 7`
	for _, tt := range []struct {
		name string
		p    *journal.Presence
		want []string
	}{
		{"all", p, []string{clerk, ann, bob}},
		{"at an input", p.At(4), []string{clerk, ann}},
		{"when it comes", p.At(5), []string{clerk, ann, bob}},
		{"when it goes", p.At(8), []string{clerk, ann}},
		{"about a topic", p.About(`*{Account: "b*"}`), []string{bob}},
		{"at a time", p.AtTime(p.Intervals[1].From.Time).At(3), []string{clerk, ann}},
		{"chosen", p.Where(func(i *journal.Interval) bool { return i.Name == "ann" }), []string{ann}},
	} {
		if diff := gocmp.Diff(tt.want, show(tt.p)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	var counts []string
	slips := p.About("journal_test.Slip*")
	for _, c := range slips.Timeline() {
		counts = append(counts, fmt.Sprintf("%d-%d: %d", c.From.Seq, c.To.Seq, c.Subscribers))
	}
	if want := []string{"3-5: 1", "5-8: 2", "8-10: 1"}; !slices.Equal(counts, want) {
		t.Errorf("counts %v", counts)
	}
	spans := slips.Spans(func(c journal.Count) bool { return c.Subscribers > c.Publishers })
	if len(spans) != 1 || spans[0].From.Seq != 3 || spans[0].To.Seq != 10 {
		t.Errorf("spans %v", spans)
	}
	if s, ok := journal.Longest(spans); !ok || s != spans[0] || s.Duration() < 0 {
		t.Errorf("the longest is %v", s)
	}
	if _, ok := journal.Longest(nil); ok {
		t.Error("the longest of none")
	}
}

// TestPresenceGoesOn: if the beginning of a journal has been dropped, its presence
// history begins with the oldest readable snapshot, and is the same as in the whole
// journal from there on.
func TestPresenceGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slips := manySlips(690)
		c := journal.Config{SnapshotEvery: 100, SegmentSize: 600}
		whole, cut := wal.NewMemory(), wal.NewMemory()
		for store, drop := range map[*wal.Memory]bool{whole: false, cut: true} {
			c.DropOld = drop
			if d := drive(t, c, store, slips, synctest.Wait); d.err != nil {
				t.Fatal(d.err)
			}
		}
		at := func(p *journal.Presence, seq uint64) (lines []string) {
			for _, i := range p.At(seq).Intervals {
				lines = append(lines, fmt.Sprint(&i, i.To.Seq, i.Reason))
			}
			slices.Sort(lines)
			return lines
		}
		want := presence(t, whole)
		if want.Begin.Seq != 0 {
			t.Fatalf("the whole begins with %d", want.Begin.Seq)
		}
		names, err := cut.List()
		if err != nil {
			t.Fatal(err)
		}
		var snapshots []string
		for _, name := range names {
			if strings.HasSuffix(name, ".snapshot") {
				snapshots = append(snapshots, name)
			}
		}
		begin, gone := uint64(0), 0
		for _, name := range snapshots {
			p := presence(t, cut)
			if p.Begin.Seq <= begin || fmt.Sprintf("%020d.snapshot", p.Begin.Seq) != name || p.Begin.Time.IsZero() {
				t.Fatalf("it begins with %v, and not with %s", p.Begin, name)
			}
			begin = p.Begin.Seq
			for seq := begin; seq <= p.End.Seq; seq++ {
				if diff := gocmp.Diff(at(want, seq), at(p, seq)); diff != "" {
					t.Fatalf("after input %d: %s", seq, diff)
				}
			}
			for _, i := range p.Intervals {
				if i.Earlier != (i.From == p.Begin) {
					t.Errorf("%v, from %d, earlier: %t", &i, i.From.Seq, i.Earlier)
				}
				if i.Earlier && !i.Still() {
					gone++
				}
			}
			if n := len(p.At(begin - 1).Intervals); n > 0 {
				t.Errorf("%d were there before it begins", n)
			}
			// The next one has to do.
			b := cut.ReadFile(name)
			b[len("marketplace snapshot\n")+8+32+8]++ // the first byte of the roll
			cut.WriteFile(name, b)
		}
		if gone == 0 {
			t.Error("nobody has gone who was there")
		}
		h, err := journal.ReadStore(cut)
		if err != nil {
			t.Fatal(err)
		}
		p, err := h.Presence()
		if err == nil || !strings.Contains(err.Error(), "checksum") || !strings.Contains(err.Error(), snapshots[0]) {
			t.Errorf("error %v", err)
		}
		if len(p.Intervals) == 0 || p.Begin.Seq != 0 {
			t.Errorf("without a snapshot, %d have come since %d", len(p.Intervals), p.Begin.Seq)
		}
	})
}

func presence(t *testing.T, s wal.Store) *journal.Presence {
	t.Helper()
	h, err := journal.ReadStore(s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Presence()
	if err != nil {
		t.Fatal(err)
	}
	return p
}
