package tcp

import (
	"bytes"
	"net"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// A narrow connection takes a number of bytes at once, and then no more.
type narrow struct {
	net.Conn // nil
	room     int
	got      []byte
	calls    int
	err      error
	ended    bool
}

func (c *narrow) TryWrite(b []byte) (int, error) {
	c.calls++
	n := min(c.room, len(b))
	c.room -= n
	c.got = append(c.got, b[:n]...)
	if n < len(b) {
		return n, c.err
	}
	return n, nil
}

func (c *narrow) Write(b []byte) (int, error) {
	c.got = append(c.got, b...)
	return len(b), nil
}

func (c *narrow) CloseWrite() error    { c.ended = true; return nil }
func (c *narrow) LocalAddr() net.Addr  { return nil }
func (c *narrow) RemoteAddr() net.Addr { return &net.TCPAddr{} }

func writes(sizes ...int) (commands []any, all []byte) {
	for i, n := range sizes {
		b := bytes.Repeat([]byte{byte('a' + i%26)}, n)
		commands = append(commands, write{Bytes: b})
		all = append(all, b...)
	}
	return commands, all
}

// With any amount that a connection takes at a time, and with Try and Do, everything
// is written, once and in order.
func TestWritesArriveInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		commands, all := writes(rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 5, 100, joinLimit - 1, joinLimit, joinLimit + 1}), 1, 10).Draw(t, "sizes")...)
		n := &narrow{}
		c := newConn(n, normal, &env{})
		for len(commands) > 0 {
			n.room = rapid.SampledFrom([]int{0, 1, 3, 200, joinLimit, 1 << 20}).Draw(t, "room")
			batch := commands[:rapid.IntRange(1, len(commands)).Draw(t, "batch")]
			done, err := c.Try(batch)
			if err != nil {
				t.Fatal(err)
			}
			commands = commands[done:]
			if done < len(batch) && rapid.Bool().Draw(t, "do") {
				if err := c.Do(commands[0]); err != nil {
					t.Fatal(err)
				}
				commands = commands[1:]
			}
		}
		if !bytes.Equal(n.got, all) {
			t.Fatalf("%d bytes were written, and not %d", len(n.got), len(all))
		}
	})
}

func TestSmallWritesAreJoined(t *testing.T) {
	commands, all := writes(64, 64, 64, 64)
	n := &narrow{room: 1 << 20}
	if done, err := newConn(n, normal, &env{}).Try(commands); done != 4 || err != nil || n.calls != 1 || !bytes.Equal(n.got, all) {
		t.Errorf("%d done, %v, %d calls", done, err, n.calls)
	}
}

func TestTryTellsWhichWriteFailed(t *testing.T) {
	commands, _ := writes(10, 10, 10)
	n := &narrow{room: 15, err: syscall.EPIPE}
	c := newConn(n, normal, &env{})
	if done, err := c.Try(commands); done != 1 || err != syscall.EPIPE {
		t.Errorf("%d done, %v", done, err)
	}
	// That nothing can be written any more is said once. Only a write that is to
	// be confirmed is refused again.
	n.room, n.got = 100, nil
	if done, err := c.Try(commands[2:]); done != 1 || err != nil || len(n.got) != 0 {
		t.Errorf("%d done, %v, %q", done, err, n.got)
	}
	if done, err := c.Try([]any{endWriting{}, write{Bytes: []byte("d"), Confirm: true}}); done != 1 || err != syscall.EPIPE {
		t.Errorf("%d done, %v", done, err)
	}
}

func TestWriteAfterTheEndIsReported(t *testing.T) {
	n, e := &narrow{room: 100}, &env{}
	c := newConn(n, normal, e)
	if done, err := c.Try([]any{write{Bytes: []byte("a")}, endWriting{}, write{Bytes: []byte("b")}, endWriting{}}); done != 4 || err != nil {
		t.Errorf("%d done, %v", done, err)
	}
	if !n.ended || string(n.got) != "a" || !strings.Contains(e.log.String(), "after its end") {
		t.Errorf("%q was written; the log is %s", n.got, e.log.String())
	}
}

func TestUnknownCommandsAreRefused(t *testing.T) {
	c := newConn(&narrow{}, normal, &env{})
	if done, err := c.Try([]any{"what?"}); done != 0 || err == nil {
		t.Errorf("%d done, %v", done, err)
	}
	l := newOpenListener(nil, listener{}, &env{})
	if done, err := l.Try([]any{write{}}); done != 0 || err == nil {
		t.Errorf("%d done, %v", done, err)
	}
	if done, err := l.Try(nil); done != 0 || err != nil {
		t.Errorf("%d done, %v", done, err)
	}
	if l.Do(write{}) == nil {
		t.Error("a listener writes")
	}
}
