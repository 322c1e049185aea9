package tcp_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
)

// TestCreditMovesEverything: a reader that grants as much as it has read gets a long
// stream, on every network.
func TestCreditMovesEverything(t *testing.T) {
	for name, mode := range map[string]tcp.Mode{"bytes": tcp.Bytes(), "lines": tcp.Lines(17)} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, tcp.Config{}, func(l *lab) {
				u, them, c := l.arrival()
				const total = 256 << 10
				sent := make(chan error, 1)
				go func() {
					_, err := c.Write(endless(0, total))
					c.closeWrite()
					sent <- err
				}()
				u.do(publish(loopback, them), tcp.SetMode(them, loopback, mode, 5000), u.subscribe(them, loopback))
				u.next("presence")
				var got []byte
				for len(got) < total {
					b := u.next("data").data.Bytes
					got = append(got, b...)
					n := len(b)
					if mode != tcp.Bytes() {
						n = 1
						if b[len(b)-1] != '\n' && len(got) < total || bytes.IndexByte(b[:len(b)-1], '\n') >= 0 {
							l.Fatalf("%q is no line", b)
						}
					}
					u.do(tcp.Grant(them, loopback, n))
				}
				if !bytes.Equal(got, endless(0, total)) {
					l.Error("what came is not what was sent")
				}
				if err := <-sent; err != nil {
					l.Error(err)
				}
				u.end()
				c.Close()
			})
		})
	}
}

// TestLineWithoutEnd: a flow with an endless line ends with a reason, the server can
// still answer, and nobody keeps the line.
func TestLineWithoutEnd(t *testing.T) {
	everywhere(t, tcp.Config{ReadBuffer: 1000}, func(l *lab) {
		u, them, c := l.arrival()
		u.do(publish(loopback, them), tcp.SetMode(them, loopback, tcp.Lines(5000), tcp.Unlimited), u.subscribe(them, loopback))
		u.next("presence")
		c.write("hello\n" + string(bytes.Repeat([]byte("x"), 5000)))
		if got := string(u.read(6)); got != "hello\n" {
			l.Errorf("got %q", got)
		}
		c.write("x")
		e := u.next("absence")
		if !errors.Is(e.reason, tcp.ErrLineTooLong) {
			l.Errorf("heard %v", e)
		}
		u.do(data(loopback, them, "too long"), actions.Quit())
		c.read("too long")
		c.end()
		c.Close()
	})
}
