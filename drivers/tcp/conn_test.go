package tcp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unique"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// env is the Env of devices that a test opens itself.
type env struct {
	kept map[world.Ref]io.Closer
	log  bytes.Buffer
}

func (e *env) Keep(thing io.Closer) world.Ref {
	ref := world.Ref{Device: "test", Number: uint64(len(e.kept) + 1)}
	if e.kept == nil {
		e.kept = map[world.Ref]io.Closer{}
	}
	e.kept[ref] = thing
	return ref
}

func (e *env) Take(ref world.Ref) (io.Closer, error) {
	thing, ok := e.kept[ref]
	if !ok {
		return nil, world.ErrNotKept
	}
	delete(e.kept, ref)
	return thing, nil
}

func (e *env) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(&e.log, nil)) }

var normal = normalTuning

// The driver writes to a connection of an unknown type in a goroutine, which may
// wait.
func TestConnOfAnyKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		e := &env{}
		h, err := acceptedConn{tuning: unique.Make(normal), conn: e.Keep(near)}.Open(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if done, err := h.Try([]any{write{Bytes: []byte("a")}}); done != 0 || err != nil {
			t.Errorf("%d done, %v", done, err)
		}
		if v, err := h.Recv(); v != (opened{Local: Remote("pipe", 0), Remote: Remote("pipe", 0)}) || err != nil {
			t.Errorf("received %v, %v", v, err)
		}
		go func() {
			if err := h.Do(write{Bytes: []byte("hello")}); err != nil {
				t.Error(err)
			}
			if err := h.Do(endWriting{}); err == nil {
				t.Error("half of a pipe has been closed")
			}
			h.Close()
			h.Close()
		}()
		if b, err := io.ReadAll(far); string(b) != "hello" || err != nil {
			t.Errorf("read %q, %v", b, err)
		}
		if v, err := h.Recv(); err == nil {
			t.Errorf("received %v", v)
		}
	})
}

func TestOnlyConnectionsAreTaken(t *testing.T) {
	e := &env{}
	if _, err := (acceptedConn{tuning: unique.Make(normal), conn: e.Keep(io.NopCloser(nil))}).Open(t.Context(), e); err == nil || !strings.Contains(err.Error(), "net.Conn") {
		t.Error(err)
	}
	if _, err := (acceptedConn{conn: world.Ref{Device: "gone"}}).Open(t.Context(), e); !errors.Is(err, world.ErrNotKept) {
		t.Error(err)
	}
}

// A resource that a ground has kept is gone when the machine runs on another ground.
// Users hear that their connection was interrupted.
func TestConnectionsDoNotSurviveTheGround(t *testing.T) {
	gone := world.Ref{Device: "gone"}
	for _, d := range []world.Device{acceptedConn{conn: gone}, idleWatch{gone}} {
		if _, err := d.Open(t.Context(), &env{}); !errors.Is(world.Reduce(err), ErrInterrupted) {
			t.Errorf("%T: %v", d, err)
		}
	}
}

// Close unblocks a Recv, wherever it waits.
func TestCloseUnblocksRecv(t *testing.T) {
	for name, before := range map[string]func(far net.Conn){
		"reading":     func(far net.Conn) {},
		"at the end":  func(far net.Conn) { far.(*simnet.Conn).CloseWrite() },
		"when closed": func(far net.Conn) { far.Close() },
	} {
		for _, wrote := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h, far := simPair(t, normal)
					before(far)
					if wrote {
						if n, err := h.Try([]any{write{Bytes: []byte("x")}}); n != 1 || err != nil {
							t.Fatal(n, err)
						}
					}
					over := make(chan error)
					go func() {
						for {
							if _, err := h.Recv(); err != nil {
								over <- err
								return
							}
						}
					}()
					synctest.Wait()
					began := time.Now()
					if err := h.Close(); err != nil {
						t.Error(err)
					}
					if took := time.Since(began); took > time.Second {
						t.Errorf("closing took %v", took)
					}
					if err := <-over; err == nil {
						t.Error("no error")
					}
					far.Close()
				})
			})
		}
	}
}

// simConns returns the two ends of a connection.
func simConns(t *testing.T) (near, far net.Conn) {
	n := simnet.New("pair")
	l, err := n.Listen(context.Background(), "tcp", ":1")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err = n.Dial(context.Background(), "tcp", "localhost:1")
	if err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// simPair returns a connection, and its other end.
func simPair(t *testing.T, tune tuning) (world.Handle, net.Conn) {
	near, far := simConns(t)
	e := &env{}
	h, err := acceptedConn{tuning: unique.Make(tune), conn: e.Keep(near)}.Open(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := h.Recv(); err != nil || v.(opened).Remote != Remote("127.0.0.1", 1) {
		t.Fatal(v, err)
	}
	return h, far
}

func TestLingerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, far := simPair(t, tuning{linger: 3 * time.Second, buffer: 100})
		h.Try([]any{write{Bytes: []byte("x")}})
		began := time.Now()
		h.Close()
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		far.Close()
	})
}

func TestNothingLingersWithoutCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, far := simPair(t, normal)
		far.Write([]byte("unread"))
		began := time.Now()
		h.Close() // nothing was written, so nothing can be lost
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
		far.Close()
	})
}

// A connection without deadlines is closed in time, too.
func TestLingerWithoutDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := simConns(t)
		h := newConn(timeless{near.(*simnet.Conn)}, normal, &env{})
		h.Recv()
		h.Try([]any{write{Bytes: []byte("x")}})
		over := make(chan error)
		go func() {
			_, err := h.Recv()
			over <- err
		}()
		synctest.Wait()
		began := time.Now()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if err := <-over; err == nil {
			t.Error("no error")
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v", took)
		}
		far.Close()
	})
}

type timeless struct{ *simnet.Conn }

func (timeless) SetReadDeadline(time.Time) error { return nil }

// The cost of a message outside the machine: its bytes, and the value that has them.
func TestConnAllocs(t *testing.T) {
	h := newConn(&narrow{room: 1 << 30, got: make([]byte, 0, 1<<20)}, normal, &env{})
	commands, _ := writes(64)
	if n := testing.AllocsPerRun(100, func() { h.Try(commands) }); n > 0 {
		t.Errorf("writing allocates %v times", n)
	}
	h = newConn(endless{}, normal, &env{})
	if n := testing.AllocsPerRun(100, func() { h.receive() }); n > 2 {
		t.Errorf("reading allocates %v times", n)
	}
}

// An endless connection always has 64 bytes more.
type endless struct{ net.Conn }

func (endless) Read(b []byte) (int, error) { return 64, nil }

func TestBufferGrowsAndShrinks(t *testing.T) {
	b := newBuffer(64 << 10)
	for _, step := range []struct{ read, size int }{
		{10, 4 << 10}, {4 << 10, 8 << 10}, {8 << 10, 16 << 10}, {16 << 10, 32 << 10}, {32 << 10, 64 << 10}, {64 << 10, 64 << 10},
		{60 << 10, 64 << 10}, {10 << 10, 64 << 10}, {10, 32 << 10}, {10, 16 << 10}, {10, 8 << 10}, {10, 4 << 10}, {10, 4 << 10},
	} {
		space := b.space()
		copy(space, "x")
		if got := b.take(step.read); len(got) != step.read || cap(got) > 2*step.read+16 || got[0] != 'x' {
			t.Errorf("took %d bytes, capacity %d, for %d", len(got), cap(got), step.read)
		}
		if len(b.space()) != step.size {
			t.Errorf("after %d bytes the buffer has %d, and not %d", step.read, len(b.space()), step.size)
		}
	}
	if b := newBuffer(10); len(b.space()) != 10 {
		t.Error(len(b.space()))
	}
}

// The device does not write to bytes that it has delivered.
func TestBufferDoesNotReuseWhatItGaveAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBuffer(rapid.SampledFrom([]int{8, 5000, 64 << 10}).Draw(t, "limit"))
		var given [][]byte
		for i := range 20 {
			space := b.space()
			n := rapid.SampledFrom([]int{1, len(space) / 2, len(space)}).Draw(t, "n")
			for j := range space {
				space[j] = byte(i)
			}
			given = append(given, b.take(n))
		}
		for i, g := range given {
			if bytes.Count(g, []byte{byte(i)}) != len(g) {
				t.Fatalf("piece %d was written to", i)
			}
		}
	})
}
