package session

import (
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// This file has a client, a home, and a link between them, in virtual time. Everything that
// happens follows from a seed. The oracle is in oracle_test.go.

const (
	heartbeat = 200 * time.Millisecond
	lease     = time.Second
	maxDelay  = 150 * time.Millisecond
	window    = wire.MinWindow
)

var config = Config{Heartbeat: heartbeat, Lease: lease, Window: window}

// A cluster is a run.
type cluster struct {
	now    time.Duration
	queue  agenda
	count  int
	rand   *rand.Rand
	faults faults
	mutant string
	client *node
	home   *node
	calm   bool // no more faults
	oracle oracle
	log    []string
	frames int
}

// faults say what may go wrong in a run.
type faults struct{ loss, cut, kill, pause, end bool }

// A step is something that is going to happen.
type step struct {
	at time.Duration
	n  int
	do func()
}

type agenda []step

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].n < a[j].n
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(step)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func (w *cluster) after(d time.Duration, do func()) {
	w.count++
	heap.Push(&w.queue, step{w.now + d, w.count, do})
}

func (w *cluster) logf(format string, args ...any) {
	if w.log != nil {
		w.log = append(w.log, fmt.Sprintf("%8.3f ", w.now.Seconds())+fmt.Sprintf(format, args...))
	}
}

// A node is a side: a machine with a driver.
type node struct {
	w     *cluster
	name  string
	peer  *node
	home  bool
	s     Session
	live  bool // the process runs
	born  int  // how often it was started
	epoch uint64
	n     uint64 // sessions of a client in this life

	paused time.Duration // until when
	inbox  [][]byte      // what has arrived in the meantime
	ticks  int           // counts the alarms that were set
	untook int           // bytes that the machine has not taken
	waits  []int         // sizes of bodies for which there is no room

	last   time.Duration // when the last frame on the way to the peer arrives
	cutEnd time.Duration // until when frames to the peer are lost
}

func (x *node) running() bool { return x.live && x.w.now >= x.paused }

// start begins a life.
func (x *node) start() {
	x.live, x.born, x.n = true, x.born+1, 0
	if x.home {
		if x.w.rand.IntN(2) == 0 || x.epoch == 0 {
			x.epoch++ // it has no journal
		}
		x.s = Session{}
		return
	}
	x.dial()
}

func (x *node) dial() {
	x.n++
	s, out := Dial(config, wire.ID{Life: uint64(x.born), Number: x.n}, Place{"home", "room", 0}, x.w.now)
	x.s = s
	x.do(out)
	if x.w.mutant == "a HELLO that is repeated" {
		x.repeat(out.Frame)
	}
}

// repeat sends a HELLO again and again.
func (x *node) repeat(hello []byte) {
	born, n := x.born, x.n
	x.w.after(heartbeat, func() {
		if x.born == born && x.n == n && x.s.phase == dialing && x.running() {
			x.send(hello)
			x.repeat(hello)
		}
	})
}

// kill ends the process without a word.
func (x *node) kill() {
	x.w.logf("%s is killed", x.name)
	x.w.oracle.killed(x)
	x.live, x.inbox, x.waits, x.untook, x.paused = false, nil, nil, 0, 0
	born := x.born
	within := 2 * lease
	if x.w.rand.IntN(2) == 0 {
		within = maxDelay // frames for the life before are still on the way
	}
	x.w.after(x.w.random(within), func() {
		if x.born == born {
			x.start()
		}
	})
}

// pause stops the process for a while.
func (x *node) pause(d time.Duration) {
	x.w.logf("%s stops for %v", x.name, d)
	x.paused = x.w.now + d
	born := x.born
	x.w.after(d, func() {
		if x.born != born || !x.live {
			return
		}
		x.w.logf("%s goes on", x.name)
		inbox := x.inbox
		x.inbox = nil
		for _, f := range inbox {
			x.receive(f)
		}
		x.tick()
	})
}

// do carries out what the session has returned.
func (x *node) do(out Output) {
	if out.Frame != nil {
		x.send(out.Frame)
	}
	switch e := out.Event.(type) {
	case Joined:
		x.w.oracle.joined(x)
	case Data:
		x.w.oracle.delivered(x, e)
		x.untook += len(e.Body)
		if x.w.rand.IntN(4) > 0 {
			x.took()
		}
	case Ended:
		x.w.oracle.ended(x, e.Reason)
		x.waits, x.untook = nil, 0
		if !x.home {
			born, n := x.born, x.n
			x.w.after(x.w.random(heartbeat), func() {
				if x.born == born && x.n == n && x.running() {
					x.dial()
				} else if x.born == born && x.n == n && x.live {
					x.w.after(x.paused-x.w.now, func() { // it is stopped
						if x.born == born && x.n == n && x.running() {
							x.dial()
						}
					})
				}
			})
		}
	}
	x.flush()
	x.alarm()
}

// took says that the machine has taken all that it was told.
func (x *node) took() {
	n := x.untook
	x.untook = 0
	x.do(x.s.Take(x.w.now, n))
}

// say has the machine send a body of some size.
func (x *node) say(size int) {
	if x.s.phase != joined {
		return
	}
	x.waits = append(x.waits, size)
	x.flush()
}

// room is for a body, until it is in a frame.
var room [wire.MaxBody]byte

func (x *node) flush() {
	for len(x.waits) > 0 && x.s.phase == joined && uint64(x.waits[0]) <= x.s.Room() {
		body := room[:x.waits[0]]
		x.waits = x.waits[1:]
		x.w.oracle.number++
		binary.BigEndian.PutUint64(body, x.w.oracle.number)
		id := x.s.id
		out := x.s.Send(x.w.now, body)
		if out.Event == nil {
			x.w.oracle.sent(x, id, body)
		}
		x.do(out)
	}
}

// alarm sets the alarm for the next tick.
func (x *node) alarm() {
	next := x.s.Next()
	if next < 0 {
		return
	}
	x.ticks++
	n, born := x.ticks, x.born
	x.w.after(max(0, next-x.w.now), func() {
		if x.ticks == n && x.born == born && x.running() {
			x.tick()
		}
	})
}

func (x *node) tick() { x.do(x.s.Tick(x.w.now)) }

// send puts a frame on the link.
func (x *node) send(data []byte) {
	w := x.w
	w.frames++
	f, err := wire.ReadFrame(data)
	if err != nil {
		panic(err)
	}
	lost := w.now < x.cutEnd || w.faults.loss && !w.calm && w.rand.IntN(40) == 0
	if w.log != nil {
		w.logf("%s sends %v %v seq %d, %d bytes, lost %v", x.name, f.Kind, f.ID, f.Seq, len(f.Body), lost)
	}
	if lost {
		w.oracle.lost(f.ID)
		return
	}
	x.last = max(x.last, w.now+w.random(maxDelay))
	peer := x.peer
	w.after(x.last-w.now, func() {
		switch {
		case peer.running():
			peer.receive(data)
		case peer.live:
			peer.inbox = append(peer.inbox, data)
		default:
			w.oracle.lost(f.ID)
		}
	})
}

// receive takes a frame from the link.
func (x *node) receive(data []byte) {
	data = x.mutate(data)
	if x.home {
		if out, ok := x.s.Superseded(data); ok {
			x.do(out)
			s, out := Accept(config, Place{"home", "room", x.epoch}, data, x.w.now)
			x.s = s
			x.do(out)
			return
		}
	}
	if f, _ := wire.ReadFrame(data); f.ID == x.s.id {
		x.w.oracle.heard(x)
		if f.Kind == wire.HELLO {
			return // only a mutant sends it
		}
	}
	out := x.s.Receive(x.w.now, data)
	x.do(out)
}

// mutate makes the session one with a mistake.
func (x *node) mutate(data []byte) []byte {
	if x.w.mutant == "" {
		return data
	}
	f, err := wire.ReadFrame(data)
	if err != nil {
		panic(err)
	}
	switch x.w.mutant {
	case "a BEAT without the last number":
		if f.Kind == wire.BEAT {
			f.Seq = x.s.got
		}
	case "no session number":
		if f.Kind != wire.HELLO {
			f.ID = x.s.id
		}
	case "no withdrawal after a pause":
		if x.s.phase == joined {
			x.s.rang = x.w.now
		}
	case "no number of a frame":
		if f.Kind == wire.DATA && f.ID == x.s.id {
			f.Seq = x.s.got + 1
		}
	case "no limit":
		x.s.limit, x.s.granted = 1<<60, 1<<60
		if f.Kind == wire.BEAT {
			f.Body = wire.AppendLimit(nil, 1<<60)
		}
	case "a BYE without the last number":
		if f.Kind == wire.BYE {
			f.Seq = x.s.got
		}
	case "no lease":
		x.s.config.Lease = time.Hour
	}
	return f.Append(nil)
}

// random returns a time up to d.
func (w *cluster) random(d time.Duration) time.Duration {
	return time.Duration(w.rand.Int64N(int64(d)))
}

// run runs a cluster for a seed, and returns what the oracle has found.
func run(seed uint64, steps int, f faults, mutant string, logged bool) *cluster {
	w := &cluster{rand: rand.New(rand.NewPCG(seed, 1)), faults: f, mutant: mutant}
	if logged {
		w.log = []string{}
	}
	w.oracle = oracle{w: w, sessions: map[wire.ID]*history{}}
	w.client = &node{w: w, name: "client"}
	w.home = &node{w: w, name: "home", home: true, peer: w.client}
	w.client.peer = w.home
	w.home.start()
	w.client.start()
	at := time.Duration(0)
	for range steps {
		at += w.random(heartbeat)
		w.after(at, w.act)
	}
	w.after(at, func() {
		w.calm = true
		w.client.cutEnd, w.home.cutEnd = 0, 0
	})
	settled := at + 5*lease + 8*lease
	w.after(settled, func() { w.oracle.settled() })
	for len(w.queue) > 0 && w.now <= settled && w.oracle.found == nil {
		s := heap.Pop(&w.queue).(step)
		w.now = s.at
		s.do()
	}
	return w
}

// act does something.
func (w *cluster) act() {
	x := w.client
	if w.rand.IntN(2) == 0 {
		x = w.home
	}
	n := w.rand.IntN(100)
	switch {
	case w.faults.cut && n < 3:
		d := w.random(2 * lease)
		w.logf("frames from %s are lost for %v", x.name, d)
		x.cutEnd = w.now + d
		if n == 0 {
			x.peer.cutEnd = x.cutEnd
		}
	case w.faults.kill && n < 5 && x.live:
		x.kill()
	case w.faults.pause && n < 9 && x.running():
		x.pause(w.random(3 * lease))
	case w.faults.end && n < 12 && x.running() && x.s.phase == joined:
		w.logf("%s ends the session", x.name)
		w.oracle.leaves(x)
		x.do(x.s.End(w.now, nil))
	case n < 17 && x.running():
		for range w.rand.IntN(4) {
			x.say(wire.MaxBody - w.rand.IntN(1000))
		}
	case n < 40 && x.running():
		x.took()
	case x.running():
		x.say(8 + w.rand.IntN(100))
	}
}

func (w *cluster) String() string { return strings.Join(w.log, "\n") }

var errViolation = errors.New("violation")
