package journal_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/keys"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/sealed"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// The program of these tests is a club. At the desk, guests say their names, and are greeted.
// Who says a long name gets a process, so what the club does depends on what is sealed.

// A Visit is a value of the desk.
type Visit struct {
	ID   string
	Name sealed.Value[string]
}

// A Welcome is a command to the desk.
type Welcome struct {
	ID    string
	Words sealed.Value[string]
	Times int
}

func init() {
	world.Register[Visit]("sealedtest.Visit")
	world.Register[Welcome]("sealedtest.Welcome")
}

// A desk is a device.
type desk struct{ in chan any }

func (desk) DeviceName() string { return "desk" }

func (d desk) Open(ctx context.Context, env world.Env) (world.Handle, error) {
	return goldenCounter(d).Open(ctx, env)
}

// A club is the process at the desk.
type club struct {
	Guests map[string]guest
	Last   sealed.Value[string]
}

type guest struct {
	Name  sealed.Value[string]
	Times int
}

var (
	visitID   = topic.FieldOf(func(v *Visit) *string { return &v.ID })
	visitName = topic.FieldOf(func(v *Visit) *sealed.Value[string] { return &v.Name })
)

func openClub(in chan any) func(club) actions.Action {
	return func(club) actions.Action {
		return actions.Group(
			endpoint.Device(desk{in}, endpoint.OnValueState(func(c club, v Visit) actions.Transition[club] { return c.greet(desk{in}, v) })),
			// Somebody waits for a name.
			endpoint.Subscriber(topic.Where(visitName.Is(sealed.For("bob", "robert"))), endpoint.OnMessage(func(Visit) actions.Action { return nil })).As("waiting"),
		)
	}
}

func (c club) greet(d desk, v Visit) actions.Transition[club] {
	all := map[string]guest{}
	for id, g := range c.Guests {
		all[id] = g
	}
	g := guest{v.Name, all[v.ID].Times + 1}
	all[v.ID] = g
	name, ok := v.Name.Get()
	words := sealed.Value[string]{Subject: v.Name.Subject}
	if ok {
		words = sealed.For(v.Name.Subject, "hello, "+name)
	}
	var more actions.Action
	if len(name) > 5 {
		more = actions.Spawn(member{v.ID}.process()).Named("member " + v.ID)
	}
	return actions.Next(club{all, v.Name}, actions.Tell(d, Welcome{v.ID, words, g.Times}), actions.Send(v), more)
}

type member struct{ ID string }

func (m member) process() actions.Process { return actions.Next(m, m.open()) }

func (m member) open() actions.Action {
	return endpoint.Subscriber(topic.Where(visitID.Is(m.ID)), endpoint.OnMessage(func(v Visit) actions.Action {
		return actions.Send(Welcome{m.ID, v.Name, 0})
	}))
}

func clubTypes(in chan any) []actions.Type {
	return []actions.Type{
		actions.Define("sealedtest.club", openClub(in)).Type,
		actions.Define("sealedtest.member", member.open).Type,
	}
}

func clubProgram(in chan any) journal.Program {
	p := journal.Booting(actions.Spawn(actions.Next(club{}, openClub(in)(club{}))).Named("club"))
	p.Types, p.Fingerprint = clubTypes(in), "club"
	return p
}

// The names of guests, which no file may have.
const (
	annName  = "annabelle-the-first"
	bobName  = "robert"
	carlName = "otto"
)

var visitors = []Visit{
	{"ann", sealed.For("a1", annName)},
	{"bob", sealed.For("bob", bobName)},
	{"carl", sealed.For("c1", carlName)},
	{"ann", sealed.For("a1", annName)},
	{"dora", sealed.Value[string]{}},
}

// clubConfig is a Config with keys.
func clubConfig(k keys.Store) journal.Config {
	return journal.Config{Keys: k, Program: "club", ID: journal.ID{1}, Logger: quiet, CheckEvery: 1}
}

// visit runs the club for some visits. If kill is true it ends without a stop.
func visit(t *testing.T, c journal.Config, s wal.Store, kill bool, visits ...Visit) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := beginClub(t, c, s)
		for _, v := range visits {
			g.hand(v)
		}
		if kill {
			g.crash()
		} else {
			g.stop()
		}
	})
}

func beginClub(t *testing.T, c journal.Config, s wal.Store) *byHand {
	t.Helper()
	in := make(chan any)
	c.Types = clubTypes(in)
	g := beginByHand(t, c, s, func(chan any) journal.Program { return clubProgram(in) })
	g.in = in
	return g
}

func replayClub(t *testing.T, s wal.Store, k keys.Store) (journal.Report, error) {
	t.Helper()
	h, err := journal.ReadStore(s)
	must(t, err)
	if k != nil {
		h.UseKeys(k)
	}
	return h.Replay(t.Context(), clubProgram(nil), journal.ReplayConfig{})
}

// filesWith returns the files of a store that have one of the texts.
func filesWith(s *wal.Memory, texts ...string) (with []string) {
	names, _ := s.List()
	for _, name := range names {
		for _, text := range texts {
			if bytes.Contains(s.ReadFile(name), []byte(text)) {
				with = append(with, name+": "+text)
			}
		}
	}
	return with
}

// TestIssue14SealedJournal: a journal with sealed values, with a trace of all that happens, with
// snapshots and with the presence of endpoints about such values, is recovered and replayed
// with the keys, verified without them, and no file has what is sealed.
func TestIssue14SealedJournal(t *testing.T) {
	for _, trace := range []bool{false, true} {
		store, k := wal.NewMemory(), keys.InStore(wal.NewMemory(), nil)
		c := clubConfig(k)
		c.Trace = trace
		c.SnapshotEvery = 2
		visit(t, c, store, false, visitors...)
		visit(t, c, store, true, visitors...)
		visit(t, c, store, false, visitors...)
		if with := filesWith(store, annName, bobName, carlName); with != nil {
			t.Errorf("it is in %v", with)
		}
		v, err := journal.VerifyStore(store, nil)
		if err != nil || v.Damage != nil || len(v.BadSnapshots) > 0 || len(v.Summary.Snapshots) == 0 {
			t.Fatalf("%+v, %v", v, err)
		}
		report, err := replayClub(t, store, k)
		if err != nil || report.Seq != v.Summary.Last.Seq || report.Erased > 0 || report.Checks == 0 || report.Machines == 0 || trace && report.States == 0 {
			t.Errorf("%+v, %v", report, err)
		}
		if _, err := replayClub(t, store, nil); err == nil || !strings.Contains(err.Error(), "UseKeys") || !strings.Contains(err.Error(), `"a1"`) {
			t.Errorf("without keys: %v", err)
		}
		if _, err := replayClub(t, store, keys.InStore(wal.NewMemory(), nil)); !errors.Is(err, keys.ErrNoKey) {
			t.Errorf("with other keys: %v", err)
		}
		h, err := journal.ReadStore(store)
		must(t, err)
		sealedOnes := 0
		for d, err := range h.Details(1) {
			must(t, err)
			_, generic, err := d.Input.Generic()
			must(t, err)
			if s := fmt.Sprint(d, d.Input.String(), generic); strings.Contains(s, annName) {
				t.Errorf("input %d shows it: %s", d.Input.Seq, s)
			} else if strings.Contains(s, "map[sealed:a1]") && strings.Contains(s, "Name: sealed(a1)") {
				sealedOnes++
			}
		}
		if sealedOnes != 6 {
			t.Errorf("%d visits show the subject", sealedOnes)
		}
		p, err := h.Presence()
		must(t, err)
		if !slices.ContainsFunc(p.Intervals, func(i journal.Interval) bool { return i.Topic == "journal_test.Visit{Name: sealed(bob)}" }) {
			t.Errorf("the presence of the topic about a sealed value is not there: %v", p.Intervals)
		}
	}
}

// TestIssue14SealedRecording: a recording has the states with what is sealed.
func TestIssue14SealedRecording(t *testing.T) {
	store, k := wal.NewMemory(), keys.InStore(wal.NewMemory(), nil)
	visit(t, clubConfig(k), store, false, visitors...)
	names := func() (last []string) {
		h, err := journal.ReadStore(store)
		must(t, err)
		h.UseKeys(k)
		r, err := h.Record(clubProgram(nil))
		must(t, err)
		for seq := uint64(1); seq <= r.Last(); seq++ {
			m, err := r.At(t.Context(), seq)
			must(t, err)
			for p := range m.Processes() {
				if c, ok := p.State.(club); ok {
					last = append(last, c.Last.Or("-"))
				}
			}
		}
		b, err := r.Branch(t.Context(), journal.Branch{From: 2, Edit: journal.Alter(3, visitors[2])})
		must(t, err)
		m, err := b.At(t.Context(), 3)
		must(t, err)
		if v, err := m.Input.Value(); err != nil || v != any(visitors[2]) {
			t.Errorf("%v, %v", v, err)
		}
		return slices.Compact(last)
	}
	if got, want := names(), []string{"-", annName, bobName, carlName, annName, "-"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	must(t, k.Erase("a1"))
	if got, want := names(), []string{"-", bobName, carlName, "-"}; !slices.Equal(got, want) {
		t.Errorf("with a1 erased: %v, want %v", got, want)
	}
}

// TestIssue14SealedWithoutKeys: without keys, or if a key cannot be made, the device of a value
// with a content ends, and nothing is written.
func TestIssue14SealedWithoutKeys(t *testing.T) {
	for name, k := range map[string]keys.Store{"none": nil, "broken": brokenKeys{}} {
		store := wal.NewMemory()
		c := clubConfig(k)
		synctest.Test(t, func(t *testing.T) {
			g := beginClub(t, c, store)
			err := g.journal.Append(vm.Input{Kind: vm.Value, Address: g.devices[0].address, Value: visitors[0]})
			if !errors.Is(err, world.ErrNotRecordable) || !strings.Contains(err.Error(), `"a1"`) || k != nil && !errors.Is(err, errNoDisk) {
				t.Errorf("%s: %v", name, err)
			}
			g.hand(visitors[4])
			g.stop()
		})
		if with := filesWith(store, annName); with != nil {
			t.Errorf("%s: it is in %v", name, with)
		}
		if report, err := replayClub(t, store, nil); err != nil || report.Seq != 5 {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
}

type brokenKeys struct{}

var errNoDisk = errors.New("no disk")

func (brokenKeys) Current(string) (keys.Key, error)      { return keys.Key{}, errNoDisk }
func (brokenKeys) Find(string, uint64) (keys.Key, error) { return keys.Key{}, errNoDisk }
func (brokenKeys) Erase(string) error                    { return errNoDisk }

// TestIssue14SealedErasure: with a key erased, a replay runs, says from where on it compares
// nothing, and does not call it a difference, although the machine behaves differently. The
// program goes on, and takes a snapshot, from which on everything is compared again.
func TestIssue14SealedErasure(t *testing.T) {
	for _, trace := range []bool{false, true} {
		for _, snapshots := range []bool{false, true} {
			t.Run(fmt.Sprintf("trace %v, snapshots %v", trace, snapshots), func(t *testing.T) { erasure(t, trace, snapshots) })
		}
	}
}

func erasure(t *testing.T, trace, snapshots bool) {
	store, k := wal.NewMemory(), keys.InStore(wal.NewMemory(), nil)
	var log bytes.Buffer
	c := clubConfig(k)
	c.Trace = trace
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	c.SnapshotEvery = -1
	visit(t, c, store, true, visitors...) // inputs 1 to 7
	before, err := replayClub(t, store, k)
	if err != nil || before.Seq != 7 || before.Checks != 7 {
		t.Fatalf("%+v, %v", before, err)
	}
	must(t, k.Erase("c1"))
	report, err := replayClub(t, store, k)
	if err != nil || report.Seq != 7 || report.Erased != 3 || report.ErasedFrom != 5 || report.Checks != 4 || report.Uncompared != 0 {
		t.Fatalf("without c1: %+v, %v", report, err)
	}
	must(t, k.Erase("a1"))
	report, err = replayClub(t, store, k)
	if err != nil || report.Seq != 7 || report.Erased != 5 || report.ErasedFrom != 3 || report.Checks != 2 {
		t.Fatalf("without a1: %+v, %v", report, err)
	}
	if s := report.State.Machine(nil).Stats(); s == before.State.Machine(nil).Stats() {
		t.Error("the machine behaves as before, so nothing was tested")
	}
	v, err := journal.VerifyStore(store, nil)
	if err != nil || v.Damage != nil {
		t.Fatalf("%+v, %v", v, err)
	}

	// The program goes on.
	log.Reset()
	if snapshots {
		c.SnapshotEvery = 1000
	}
	visit(t, c, store, true, visitors[1], Visit{"eve", sealed.For("e1", "eve")})
	if !strings.Contains(log.String(), `level=WARN msg="journal: values were erased`) || !strings.Contains(log.String(), `"from input"=3`) {
		t.Errorf("the log says: %s", log.String())
	}
	report, err = replayClub(t, store, k)
	if err != nil || report.ErasedFrom != 3 {
		t.Fatalf("%+v, %v", report, err)
	}
	if compares := report.LastCheck == report.Seq; compares != snapshots || report.Seq < 10 {
		t.Errorf("after the run with a snapshot: %v: %+v", snapshots, report)
	}
	if with := filesWith(store, annName, bobName, carlName); with != nil {
		t.Errorf("it is in %v", with)
	}

	// Another start goes on from there.
	log.Reset()
	visit(t, c, store, false, visitors[1])
	if warned := strings.Contains(log.String(), "values were erased"); warned == snapshots {
		t.Errorf("with a snapshot: %v, the log says: %s", snapshots, log.String())
	}
	h, err := journal.ReadStore(store)
	must(t, err)
	p, err := h.Presence()
	must(t, err)
	for _, i := range p.Intervals {
		if i.Name == "member ann" && (i.Still() || !strings.Contains(i.Reason, "erased")) {
			t.Errorf("the member that an erased name has made is present: %v: %s", i, i.Reason)
		}
	}
}

// TestIssue14SealedErasedWhileRunning: after an erasure, a program that runs does not write what
// it still has in its memory, and what it does from then on is not compared.
func TestIssue14SealedErasedWhileRunning(t *testing.T) {
	store, k := wal.NewMemory(), keys.InStore(wal.NewMemory(), nil)
	c := clubConfig(k)
	synctest.Test(t, func(t *testing.T) {
		g := beginClub(t, c, store)
		g.hand(visitors[0])
		g.hand(visitors[2])
		must(t, k.Erase("a1"))
		g.hand(visitors[0])
		g.hand(visitors[2])
		g.stop() // and takes a snapshot
	})
	report, err := replayClub(t, store, k)
	if err != nil || report.Erased != 6 || report.ErasedFrom != 3 || report.Seq != 8 {
		t.Errorf("%+v, %v", report, err)
	}
	h, err := journal.ReadStore(store)
	must(t, err)
	var all []string
	for in, err := range h.Inputs(1) {
		must(t, err)
		_, v, err := in.Generic()
		must(t, err)
		all = append(all, fmt.Sprint(v))
	}
	if s := strings.Join(all, "\n"); !strings.Contains(s, "erased:a1") || !strings.Contains(s, "sealed:a1") {
		t.Error(s)
	}
	// The next run goes on from the snapshot, which has the club without the name.
	var log bytes.Buffer
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	visit(t, c, store, false, visitors[2])
	if !strings.Contains(log.String(), "values were erased") || !strings.Contains(log.String(), "snapshot=6") {
		t.Error(log.String())
	}
	log.Reset()
	visit(t, c, store, false, visitors[2])
	if strings.Contains(log.String(), "values were erased") {
		t.Errorf("its snapshot has erased values again: %s", log.String())
	}
	if report, err = replayClub(t, store, k); err != nil || report.LastCheck != report.Seq {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestIssue14SealedTampering: whatever is changed in what is sealed, also if all hashes are
// computed anew, the machine does not get it.
func TestIssue14SealedTampering(t *testing.T) {
	store, k := wal.NewMemory(), keys.InStore(wal.NewMemory(), nil)
	visit(t, clubConfig(k), store, false, visitors[0])
	// As if it were of bob, who has a key.
	if _, err := k.Current("b1"); err != nil {
		t.Fatal(err)
	}
	forged := wal.NewMemory()
	log, _, err := wal.Open(forged, wal.Options{})
	must(t, err)
	r, err := wal.Read(store)
	must(t, err)
	changed := 0
	for rec, err := range r.Records(1) {
		must(t, err)
		payload := bytes.Clone(rec.Payload)
		changed += bytes.Count(payload, []byte("\x62a1"))
		_, err := log.Append(bytes.ReplaceAll(payload, []byte("\x62a1"), []byte("\x62b1")))
		must(t, err)
	}
	must(t, log.Close())
	if changed == 0 {
		t.Fatal("nothing was changed")
	}
	if v, err := journal.VerifyStore(forged, nil); err != nil || v.Damage != nil {
		t.Fatalf("%+v, %v", v, err)
	}
	if _, err := replayClub(t, forged, k); err == nil || !strings.Contains(err.Error(), `for "b1"`) {
		t.Errorf("%v", err)
	}
}

// TestIssue14GoldenSealed: a journal with sealed values opens with its keys, for ever.
func TestIssue14GoldenSealed(t *testing.T) {
	dir := filepath.Join("testdata", "goldensealed")
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		must(t, os.RemoveAll(dir))
		store, keyStore := wal.NewMemory(), wal.NewMemory()
		k := keys.InStore(keyStore, nil)
		visit(t, clubConfig(k), store, false, visitors...)
		must(t, k.Erase("c1"))
		writeFiles(t, filepath.Join(dir, "journal"), store)
		writeFiles(t, filepath.Join(dir, "keys"), keyStore)
	}
	h := read(t, filepath.Join(dir, "journal"))
	h.UseKeys(keys.Dir(filepath.Join(dir, "keys"), nil))
	report, err := h.Replay(t.Context(), clubProgram(nil), journal.ReplayConfig{Until: 4})
	if err != nil || report.Checks != 4 || report.Erased != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	for p := range report.State.Machine(nil).Processes() {
		if c, ok := p.State.(club); ok && (c.Guests["ann"].Name.Or("") != annName || c.Last.Or("") != bobName) {
			t.Errorf("%v", c)
		}
	}
	if report, err = h.Replay(t.Context(), clubProgram(nil), journal.ReplayConfig{}); err != nil || report.ErasedFrom != 5 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestIssue14SealedFollow: who follows a journal with keys gets the contents of sealed values, as
// long as they are not erased.
func TestIssue14SealedFollow(t *testing.T) {
	store, k := wal.NewMemory(), keys.InStore(wal.NewMemory(), nil)
	visit(t, clubConfig(k), store, false, visitors...)
	values := func(with bool) (all []Visit, err error) {
		h, e := journal.ReadStore(store)
		must(t, e)
		if with {
			h.UseKeys(k)
		}
		for page, e := range h.Follow(t.Context(), journal.Position{}) {
			must(t, e)
			for i := range page.Inputs {
				v, e := page.Inputs[i].Value()
				err = errors.Join(err, e)
				if v, ok := v.(Visit); ok && slices.Contains(visitors, v) {
					all = append(all, v)
				}
			}
			if page.Position.Seq == h.Last() {
				break
			}
		}
		return all, err
	}
	if got, err := values(true); err != nil || !slices.Equal(got, visitors) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := values(false); err == nil || !strings.Contains(err.Error(), "UseKeys") {
		t.Errorf("without keys: %v, %v", got, err)
	}
	must(t, k.Erase("a1"))
	if got, err := values(true); err != nil || len(got) != len(visitors)-2 {
		t.Errorf("with a1 erased: %v, %v", got, err)
	}
}
