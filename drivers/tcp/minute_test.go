package tcp_test

import (
	"bytes"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// The rate and the buffers of these tests, in bytes.
const (
	perSecond  = 1 << 10
	readBuffer = 4 << 10
	sendBuffer = 8 << 10
	window     = 4 << 10
)

// endless returns n bytes of a stream, from an offset. No two long parts of it are
// equal.
func endless(from, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		at := from + i
		if b[i] = byte('a' + (at*7+at/251)%26); at%17 == 16 {
			b[i] = '\n'
		}
	}
	return b
}

// tick is an alarm that rings a second after it was set. The number distinguishes it
// from the one before.
func tick(n int) world.Device {
	return world.Alarm{Clock: world.SystemClock(), After: time.Second, Label: "tick " + strconv.Itoa(n)}
}

// A slowReader is a process that takes so much from a peer each second, and so is
// its state.
type slowReader struct {
	them, us tcp.Addr
	mode     tcp.Mode
	credit   int // each second
	ticks    int
	got      *atomic.Int64 // for the test to see
	all      *bytes.Buffer
}

func (s slowReader) start() actions.Process {
	return actions.Next(s,
		endpoint.Publisher(tcp.Flow(s.us, s.them)),
		tcp.SetMode(s.them, s.us, s.mode, s.credit),
		endpoint.Subscriber(tcp.Flow(s.them, s.us), endpoint.OnMessageState(slowReader.hear)),
		s.wait(),
	)
}

func (s slowReader) hear(d tcp.Data) actions.Transition[slowReader] {
	s.all.Write(d.Bytes)
	s.got.Add(int64(len(d.Bytes)))
	return actions.Next(s)
}

func (s slowReader) wait() actions.Action {
	return endpoint.Device(tick(s.ticks), endpoint.OnValueState(slowReader.ticked))
}

func (s slowReader) ticked(world.AlarmRang) actions.Transition[slowReader] {
	s.ticks++
	return actions.Next(s, tcp.Grant(s.them, s.us, s.credit), s.wait())
}

// TestDR28AMinuteOfSlowReading: a peer writes at full speed for a minute to a
// process that takes 1 KiB each second. The peer can be ahead by what the
// buffers hold, and no more; what arrives is what was written, in order.
func TestDR28AMinuteOfSlowReading(t *testing.T) {
	for name, test := range map[string]struct {
		mode   tcp.Mode
		credit int
	}{
		"bytes": {tcp.Bytes(), perSecond},
		"lines": {tcp.Lines(17), perSecond / 17},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { slowReading(t, test.mode, test.credit) })
		})
	}
}

func slowReading(t *testing.T, mode tcp.Mode, credit int) {
	network := simnet.New("test")
	network.SendBuffer = sendBuffer
	newLab(t, tcp.Config{Network: network, ReadBuffer: readBuffer}, true).run(func(l *lab) {
		server := l.user("server")
		c := l.dial(server.listen(loopback))
		c.SetDeadline(time.Time{})
		them := server.next("presence").data.From
		s := slowReader{them: them, us: loopback, mode: mode, credit: credit, got: new(atomic.Int64), all: new(bytes.Buffer)}
		began := time.Now()
		l.root.do(actions.Spawn(s.start()))
		var written atomic.Int64
		over := make(chan struct{})
		go func() {
			defer close(over)
			for {
				n, err := c.Write(endless(int(written.Load()), 1000))
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		}()
		unit := int64(1)
		if mode != tcp.Bytes() {
			unit = 17
		}
		for second := range 60 {
			<-time.After(time.Until(began.Add(time.Duration(second)*time.Second + time.Second/2)))
			synctest.Wait()
			// What waits is in the socket, put aside by the ground, and with
			// the manager.
			const held = sendBuffer + 2*readBuffer
			ahead := written.Load() - s.got.Load()
			if ahead > held {
				t.Fatalf("after %d s the peer is %d bytes ahead", second, ahead)
			}
			if got, want := s.got.Load(), int64(second+1)*int64(credit)*unit; got != want {
				t.Fatalf("after %d s %d bytes have come, and not %d", second, got, want)
			}
		}
		// The peer stops, and the rest runs free.
		c.SetWriteDeadline(time.Unix(1, 0))
		<-over
		c.SetDeadline(time.Time{})
		c.closeWrite()
		server.do(tcp.SetMode(them, loopback, tcp.Bytes(), tcp.Unlimited))
		synctest.Wait()
		if want := endless(0, int(written.Load())); !bytes.Equal(s.all.Bytes(), want) {
			t.Errorf("%d bytes have come of %d, or others", s.all.Len(), len(want))
		}
		c.Close()
	})
}
