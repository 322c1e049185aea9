package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// The journals of the tests are of a bakery: an order comes in every second, and
// each kind of bread has a baker, who is there as long as it is wanted.

type order struct {
	Bread string
	Count int
	Note  []byte
}

func init() { world.Register[order]("bakery.order") }

var bread = topic.FieldOf(func(o *order) *string { return &o.Bread })

type counter struct{ name string }

func (c counter) DeviceName() string { return c.name }

func (c counter) Open(context.Context, world.Env) (world.Handle, error) {
	return &till{orders: []order{{"rye", 2, nil}, {"rye", 1, []byte("sliced\n")}, {"spelt", 3, []byte{0xff, 0}}, {"spelt", 0, nil}, {"rye", 4, nil}}, closed: make(chan struct{})}, nil
}

type till struct {
	orders []order
	closed chan struct{}
}

func (h *till) Recv() (any, error) {
	wait := time.Second
	if len(h.orders) == 0 {
		wait = time.Hour
	}
	select {
	case <-time.After(wait):
	case <-h.closed:
		return nil, world.ErrClosed
	}
	if len(h.orders) == 0 {
		return nil, &world.Error{Op: "read", Addr: "counter", Text: "the door is locked"}
	}
	o := h.orders[0]
	h.orders = h.orders[1:]
	return o, nil
}

func (h *till) Do(any) error { return nil }

func (h *till) Try(commands []any) (int, error) { return len(commands), nil }

func (h *till) Close() error { close(h.closed); return nil }

// A baker is told of orders for one kind of bread.
type baker struct{ Bread string }

func (b baker) endpoints() actions.Action {
	return endpoint.Subscriber(topic.Where(bread.Is(b.Bread)), endpoint.OnMessage(func(o order) actions.Action {
		return actions.When(o.Count == 0, actions.Fail(errors.New("nobody wants "+o.Bread)))
	})).As("orders")
}

// A shop takes orders, for what it knows.
type shop struct{}

func (shop) endpoints() actions.Action {
	known := map[string]bool{"rye": true, "spelt": true}
	return actions.Tree{
		endpoint.Device(counter{"counter"},
			endpoint.OnValue(func(o order) actions.Action { return actions.When(known[o.Bread], actions.Send(o)) }),
			endpoint.OnEnded(func(err error) actions.Action { return actions.Quit() }),
		),
		endpoint.Publisher(topic.All[order]()),
	}
}

// bake starts the bakery.
func bake() actions.Action {
	var all actions.Tree
	for _, b := range []baker{{"rye"}, {"spelt"}} {
		all = append(all, actions.Spawn(actions.Next(b, b.endpoints())).Named("baker of "+b.Bread))
	}
	return append(all, actions.Spawn(actions.Next(shop{}, shop{}.endpoints())).Named("shop"))
}

var types = []actions.Type{
	actions.Define("bakery.baker", baker.endpoints).Type,
	actions.Define("bakery.shop", shop.endpoints).Type,
}

// bakery writes a journal, always the same one: of a run that comes to rest, or
// of one that is stopped after some seconds, and goes on.
func bakery(t *testing.T, stop time.Duration, trace bool) string {
	t.Helper()
	return bakeryWith(t, stop, journal.Config{CheckEvery: 3, Trace: trace, SegmentSize: 400})
}

func bakeryWith(t *testing.T, stop time.Duration, c journal.Config) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bakery.journal")
	c.ID = journal.ID{0xba, 0xce}
	c.Schema, c.Program, c.Logger = 7, "bakery@v1", slog.New(slog.DiscardHandler)
	changes := c.Settings != nil // at the second start
	synctest.Test(t, func(t *testing.T) {
		for run := time.Duration(0); run < 2 && (run == 0 || stop > 0); run++ {
			if changes && run == 1 {
				c.Program, c.Settings = "bakery@v2", []journal.Setting{{Name: "addr", Value: ":80"}, {Name: "name", Value: "Bread & \x1b[1mRolls"}}
			}
			j, err := c.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			if stop > 0 {
				time.AfterFunc(stop-time.Second/2, cancel)
			}
			if err := (&ground.Ground{Journal: j}).Run(ctx, bake()); err != nil {
				t.Fatal(err)
			}
			cancel()
		}
	})
	return dir
}

// result returns the output and the status of a call of the program, without
// the name of dir.
func result(dir string, args ...string) string {
	var out, err bytes.Buffer
	status := run(append([]string{"journal"}, args...), &out, &err)
	return shown(dir, args, &out, &err, status)
}

// shown describes the result of a call, without the name of dir.
func shown(dir string, args []string, out, err *bytes.Buffer, status int) string {
	s := "$ marketplace journal " + strings.Join(args, " ") + "\n" + out.String()
	if err.Len() > 0 {
		s += "--- standard error\n" + err.String()
	}
	if status != 0 {
		s += "--- status " + string(rune('0'+status)) + "\n"
	}
	return strings.ReplaceAll(s, dir, "DIR") + "\n"
}

// TestGolden: what the commands say.
func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stop  time.Duration
		trace bool
		args  [][]string
	}{
		{"whole", 0, false, [][]string{
			{"info"}, {"verify"}, {"list"}, {"list", "-kind", "value,end", "-from", "3", "-to", "6"}, {"list", "-device", "c*r", "-kind", "start"},
			{"cat", "1", "4-5", "7"}, {"export"}, {"presence"}, {"presence", "-topic", "*spelt*"}, {"presence", "-at", "5"},
			{"presence", "-topic", "main.order*", "-timeline"},
		}},
		{"stopped", 3 * time.Second, false, [][]string{{"info"}, {"list"}, {"presence"}, {"presence", "-timeline"}}},
		{"traced", 0, true, [][]string{{"info"}, {"cat", "-kind", "end"}, {"cat", "5"}}},
		{"wrong", 0, false, [][]string{
			{"cat", "99"}, {"cat", "x"}, {"cat", "5-3"}, {"list", "-kind", "valve"}, {"list", "-x"}, {"info", "another"}, {"bake"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := bakery(t, tt.stop, tt.trace)
			var all strings.Builder
			for _, args := range tt.args {
				all.WriteString(result(dir, append([]string{args[0], dir}, args[1:]...)...))
			}
			vmtest.Golden(t, "testdata/"+tt.name+".golden", all.String())
		})
	}
}

// TestDamage: damage is found, said where, and the status is 1.
func TestDamage(t *testing.T) {
	var all strings.Builder
	for _, tt := range []struct {
		name string
		harm func(t *testing.T, files []string)
	}{
		{"a torn end", func(t *testing.T, files []string) {
			change(t, files[len(files)-1], func(b []byte) []byte { return b[:len(b)-7] })
		}},
		{"a change in an old segment", func(t *testing.T, files []string) {
			change(t, files[0], func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}},
		{"a change at the end", func(t *testing.T, files []string) {
			change(t, files[len(files)-1], func(b []byte) []byte { b[len(b)-30] ^= 1; return b })
		}},
		{"a missing segment", func(t *testing.T, files []string) {
			if err := os.Remove(files[1]); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		dir := bakery(t, 0, false)
		files, err := filepath.Glob(filepath.Join(dir, "*.journal"))
		if err != nil || len(files) < 3 {
			t.Fatal(files, err)
		}
		tt.harm(t, files)
		all.WriteString("# " + tt.name + "\n" + result(dir, "verify", dir) + result(dir, "list", "-kind", "end", dir))
	}
	vmtest.Golden(t, "testdata/damaged.golden", all.String())
}

// TestOld: what the commands say of a journal whose beginning has been dropped,
// also when its snapshots are damaged.
func TestOld(t *testing.T) {
	dir := bakeryWith(t, 0, journal.Config{Types: types, SnapshotEvery: 2, SegmentSize: 200, DropOld: true})
	all := result(dir, "info", dir) + result(dir, "verify", dir) + result(dir, "list", dir) + result(dir, "presence", dir)
	snapshots, err := filepath.Glob(filepath.Join(dir, "*.snapshot"))
	if err != nil || len(snapshots) != 3 {
		t.Fatal(snapshots, err)
	}
	for _, file := range snapshots {
		change(t, file, func(b []byte) []byte { b[len(b)-1]++; return b })
		all += "# a damaged snapshot\n" + result(dir, "verify", dir) + result(dir, "presence", dir)
	}
	vmtest.Golden(t, "testdata/old.golden", all+result(dir, "info", dir))
}

// TestIssue14Info: info shows which programs have written a journal, from where they have
// gone on, and with which settings.
func TestIssue14Info(t *testing.T) {
	c := journal.Config{Types: types, Settings: []journal.Setting{{Name: "addr", Value: ":8080"}, {Name: "name", Value: ""}}}
	dir := bakeryWith(t, 3*time.Second, c)
	vmtest.Golden(t, "testdata/changed.golden", result(dir, "info", dir))
}

func change(t *testing.T, file string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, f(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestHelp: every command says what it is for.
func TestHelp(t *testing.T) {
	var all strings.Builder
	for _, c := range commands {
		all.WriteString(result("no folder", c.name, "-h"))
	}
	vmtest.Golden(t, "testdata/help.golden", all.String())
	for _, args := range [][]string{nil, {"journal"}, {"bakery"}, {"journal", "info"}} {
		var out, err bytes.Buffer
		if status := run(args, &out, &err); status != 2 || out.Len() > 0 || !strings.Contains(err.String(), "usage: marketplace journal") {
			t.Errorf("%q: status %d, %s%s", args, status, &out, &err)
		}
	}
	var out bytes.Buffer
	if status := run([]string{"-h"}, &out, io.Discard); status != 0 || out.String() != usage {
		t.Errorf("status %d, %s", status, &out)
	}
}

// brokenPipe is a pipe that nobody reads any more.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}
}

// TestBrokenPipe: it is no error if nobody reads the rest of the output, but a
// damaged journal is one in any case.
func TestBrokenPipe(t *testing.T) {
	whole, damaged := bakery(t, 0, false), damagedBakery(t)
	for _, tt := range []struct {
		command, dir string
		status       int
	}{
		{"export", whole, 0},
		{"verify", whole, 0},
		{"verify", damaged, 1},
		{"info", damaged, 1},
	} {
		var err bytes.Buffer
		if status := run([]string{"journal", tt.command, tt.dir}, brokenPipe{}, &err); status != tt.status || (err.Len() > 0) != (status != 0) {
			t.Errorf("%s: status %d, and not %d; %s", tt.command, status, tt.status, &err)
		}
	}
}

// damagedBakery is the journal of a bakery with damage in its second segment.
func damagedBakery(t *testing.T) string {
	t.Helper()
	dir := bakery(t, 0, false)
	files, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	change(t, files[1], func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	return dir
}

// TestExportToFile: an export can be written to a file, which has what standard
// output would have: of a damaged journal, all that comes before the damage.
func TestExportToFile(t *testing.T) {
	for _, tt := range []struct {
		name, dir string
		status    int
	}{
		{"whole", bakery(t, 0, false), 0},
		{"damaged", damagedBakery(t), 1},
	} {
		file := filepath.Join(t.TempDir(), "out.json")
		var out, toFile bytes.Buffer
		if status := run([]string{"journal", "export", tt.dir}, &out, io.Discard); status != tt.status || out.Len() == 0 {
			t.Fatalf("%s: status %d, %s", tt.name, status, &out)
		}
		if status := run([]string{"journal", "export", "-o", file, tt.dir}, &toFile, io.Discard); status != tt.status || toFile.Len() > 0 {
			t.Fatalf("%s: status %d, %s", tt.name, status, &toFile)
		}
		b, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(b, out.Bytes()) {
			t.Errorf("%s: %v: %s", tt.name, err, b)
		}
	}
}

// TestProgram: the program can be built, and its exit status is that of run.
func TestProgram(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "marketplace")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dir := bakery(t, 0, false)
	out, err := exec.Command(binary, "journal", "verify", dir).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "ok: ") {
		t.Errorf("%v: %s", err, out)
	}
	var exit *exec.ExitError
	if out, err := exec.Command(binary, "journal", "verify").CombinedOutput(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("%v: %s", err, out)
	}
}
