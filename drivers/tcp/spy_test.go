package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A machine with a spy ends like one without, and everything was printed by then.
func TestLL11Spy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New("test")
		var out bytes.Buffer
		if err := ground.Run(t.Context(), tcp.DriverOn(network), tcp.Spy("", &out), conversation()); err != nil {
			t.Error(err)
		}
		want := strings.Join([]string{
			`out, from handle("question") to 127.0.0.1:7: 17 bytes, and the end`,
			"00000000  69 73 20 61 6e 79 62 6f  64 79 20 74 68 65 72 65  |is anybody there|",
			"00000010  3f                                                |?|",
			"in, from 127.0.0.1:49152 to listener(127.0.0.1:7): 17 bytes",
			"00000000  69 73 20 61 6e 79 62 6f  64 79 20 74 68 65 72 65  |is anybody there|",
			"00000010  3f                                                |?|",
			"out, from listener(127.0.0.1:7) to 127.0.0.1:49152: 17 bytes",
			"00000000  69 73 20 61 6e 79 62 6f  64 79 20 74 68 65 72 65  |is anybody there|",
			"00000010  3f                                                |?|",
			"in, from 127.0.0.1:49152 to listener(127.0.0.1:7): the end",
			"out, from listener(127.0.0.1:7) to 127.0.0.1:49152: the end",
			`in, from 127.0.0.1:7 to handle("question"): 17 bytes`,
			"00000000  69 73 20 61 6e 79 62 6f  64 79 20 74 68 65 72 65  |is anybody there|",
			"00000010  3f                                                |?|",
			`in, from 127.0.0.1:7 to handle("question"): the end`,
			"",
		}, "\n")
		if sorted(out.String()) != sorted(want) {
			t.Errorf("it has printed\n%s", &out)
		}
	})
}

// sorted returns the lines of a text in order: the order of lines of two connections
// is undefined.
func sorted(text string) string {
	lines := strings.Split(text, "\n")
	var b strings.Builder
	for _, way := range []string{"out, from h", "in, from 127.0.0.1:4", "out, from l", "in, from 127.0.0.1:7"} {
		on := false
		for _, l := range lines {
			if !strings.HasPrefix(l, "0") {
				on = strings.HasPrefix(l, way)
			}
			if on {
				fmt.Fprintln(&b, l)
			}
		}
	}
	return b.String()
}

// conversation is a server and a client that asks it one question.
func conversation() actions.Action {
	at := tcp.Listener("127.0.0.1", 7)
	us, them := tcp.Handle("question"), tcp.Remote("127.0.0.1", 7)
	return actions.Group(
		actions.Spawn(actions.Stateless(endpoint.ObservePublishers(tcp.Arriving(at),
			endpoint.OnPresence(func(c tcp.Data) actions.Action {
				return actions.Group(actions.Spawn(echoer(c.From, c.To)), actions.Quit())
			}),
		))),
		actions.Spawn(actions.Stateless(
			endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(tcp.Listening) actions.Action {
				return actions.Group(
					endpoint.Publisher(tcp.Flow(us, them), endpoint.OnPresence(func(tcp.Data) actions.Action {
						return actions.Send(tcp.Data{From: us, To: them, Bytes: []byte("is anybody there?"), EOF: true})
					})),
					endpoint.Subscriber(tcp.Flow(them, us),
						endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() })),
				)
			})),
		)),
	)
}

// A spy does not keep a connection or a listener open that nobody else uses.
func TestLL11SpyHoldsNothing(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		l.root.do(tcp.Spy("test", io.Discard))
		u, them, c := l.session()
		c.write("hello")
		u.read(5)
		u.do(data(loopback, them, "hello yourself"), actions.Quit())
		c.read("hello yourself")
		c.end()
		c.Close()
		server := l.user("second")
		bound := server.listen(tcp.Listener("127.0.0.1", 0).TLS("none"))
		if bound != (tcp.Addr{}) {
			l.Errorf("bound to %v", bound)
		}
	})
}

// A spy whose writer fails ends, and no other process does.
func TestLL11SpyWriterFails(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		r, w := io.Pipe()
		r.CloseWithError(errors.New("full"))
		l.root.do(tcp.Spy("test", w))
		u, them, c := l.session()
		for range 3 {
			c.write("hello")
			u.read(5)
			u.do(data(loopback, them, "hello yourself"))
			c.read("hello yourself")
		}
		c.Close()
		u.end()
	})
}

// The spy prints everything in order, in any pieces.
func TestLL11SpyPrintsInOrder(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		out := &lockedBuffer{}
		l.root.do(tcp.Spy("test", out))
		u, them, c := l.session()
		const n = 300
		for i := range n {
			u.do(data(loopback, them, fmt.Sprintf("%012d\n", i)))
		}
		u.do(actions.Quit())
		io.ReadAll(c)
		c.Close()
		l.stop() // by when all has been printed
		i := 0
		for line := range strings.Lines(out.String()) {
			if _, text, ok := strings.Cut(line, "|"); ok {
				if want := fmt.Sprintf("%012d.", i); !strings.HasPrefix(text, want) {
					l.Fatalf("line %d is %s", i, line)
				}
				i++
			}
		}
		if i != n {
			l.Errorf("%d pieces have been printed", i)
		}
	})
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// A spy with a slow writer delays nobody, and prints how much is missing.
func TestLL11SpyIsSlow(t *testing.T) {
	simulated(t, tcp.Config{}, func(l *lab) {
		out := &slowWriter{free: make(chan struct{})}
		l.root.do(tcp.Spy("test", out))
		u, _, c := l.session()
		for range 40 {
			c.write(string(pattern(60 << 10)))
			u.read(60 << 10)
		}
		close(out.free)
		synctest.Wait()
		c.write("late")
		u.read(4)
		synctest.Wait()
		text := out.String()
		if !strings.Contains(text, "pieces have been left out") || !strings.Contains(text, "|late|") {
			l.Errorf("it has printed %d bytes, with %q at their end", len(text), text[max(0, len(text)-300):])
		}
		c.Close()
		u.end()
	})
}

type slowWriter struct {
	lockedBuffer
	free chan struct{}
}

func (w *slowWriter) Write(p []byte) (int, error) {
	<-w.free
	return w.lockedBuffer.Write(p)
}

// Issue 9.2: a machine whose spy has a blocked writer stops within CloseLimit.
func TestSpyStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New("test")
		r, w := io.Pipe()
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() {
			over <- ground.Run(ctx, tcp.DriverOn(network), tcp.Spy("", w), conversation())
		}()
		synctest.Wait()
		stop()
		began := time.Now()
		if err := <-over; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("the stop has taken %v", took)
		}
		r.Close() // ends the Write
	})
}

// B-D18: the spy and the cutter of lines are processes of their own, and the driver
// does not depend on them. If one is killed, nobody is affected.
func TestBD18SpyIsAProcessOfItsOwn(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		pid := make(chan actions.PID, 1)
		l.root.do(tcp.Spy("test", io.Discard).Continue(actions.ResumeWith(func(s struct{}, p actions.PID) actions.Transition[struct{}] {
			pid <- p
			return actions.Next(s)
		})))
		u, them, c := l.session()
		l.root.do(actions.Kill(<-pid, errors.New("discovered")))
		c.write("hello")
		u.read(5)
		u.do(data(loopback, them, "hello yourself"))
		c.read("hello yourself")
		c.Close()
		u.end()
	})
}
