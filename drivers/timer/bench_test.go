package timer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// The benchmarks set, cancel and fire a timer while there are many others. They
// measure the whole way, from the action of a user's process until the machine
// is at rest again; the benchmark plays the outside. Beside each there is the
// same with time.AfterFunc, to compare with.
const (
	many  = 100_000 // how many timers are pending at least
	batch = 100_000 // more of them are set, and taken back or expire
)

// A load is labels, in random order, and random times to go with them.
type load struct {
	random *rand.Rand
	labels []string
}

func newLoad() *load {
	l := &load{random: rand.New(rand.NewPCG(1, 2))}
	for i := range many + batch {
		l.labels = append(l.labels, fmt.Sprintf("timer %d", i))
	}
	l.shuffle(len(l.labels))
	return l
}

// shuffle puts the first n labels into another order.
func (l *load) shuffle(n int) {
	l.random.Shuffle(n, func(i, j int) { l.labels[i], l.labels[j] = l.labels[j], l.labels[i] })
}

// while is a random time that is longer than any benchmark.
func (l *load) while() time.Duration {
	return time.Hour + time.Duration(l.random.Int64N(int64(time.Hour)))
}

// A job is what the user does for some labels.
type job struct {
	labels []string
	do     func(label string) actions.Action
}

// A user does its job, some of it in each turn.
type user struct {
	job
	done    int
	expired int
}

func (u user) begin(j job) actions.Transition[user] {
	u.job, u.done = j, 0
	return u.turn()
}

func (u user) turn() actions.Transition[user] {
	some := u.labels[u.done:min(u.done+64, len(u.labels))]
	u.done += len(some)
	t := make(actions.Tree, 0, len(some)+1)
	for _, label := range some {
		t = append(t, u.do(label))
	}
	if u.done < len(u.labels) {
		t = append(t, actions.Yield(user.turn))
	}
	return actions.Next(u, t)
}

func (u user) hear(Expired) actions.Transition[user] {
	u.expired++
	return actions.Next(u)
}

// A bench is a machine with a driver and a user.
type bench struct {
	*testing.B
	*load
	m      *vm.Machine
	hand   *vm.Address
	ticker *vm.Address
	now    time.Time
}

func newBench(b *testing.B) *bench {
	x := &bench{B: b, load: newLoad(), now: time.Unix(1e9, 0).UTC()}
	x.m = vm.New(Driver(), actions.Spawn(actions.Next(user{},
		endpoint.Device(world.Alarm{Label: "hand"}, endpoint.OnValueState(user.begin)),
		endpoint.Subscriber(topic.All[Expired](), endpoint.OnMessageState(user.hear)),
	)))
	x.apply(vm.Input{Kind: vm.Start})
	x.work(x.labels[:many], x.set)
	x.ReportAllocs()
	x.ResetTimer()
	x.StopTimer()
	return x
}

// apply gives the machine an input, and plays the ticker until all is at rest.
func (x *bench) apply(in vm.Input) {
	out := slices.Clone(x.m.Apply(in))
	for x.m.Busy() {
		out = append(out, x.m.Apply(vm.Input{Kind: vm.Continue})...)
	}
	for _, c := range out {
		at := c.Address
		switch {
		case c.Kind == vm.Open && at.Device == world.Device(ticker{world.SystemClock()}):
			x.ticker = at
			x.tick(0)
		case c.Kind == vm.Open:
			x.hand = at
		case c.Kind == vm.Tell:
			if r, ok := c.Value.(read); ok {
				x.tick(r.Reading)
			}
		}
	}
}

func (x *bench) tick(reading uint64) {
	x.apply(vm.Input{Kind: vm.Value, Address: x.ticker, Value: now{x.now, reading}})
}

// work makes the user do something for some labels. At the end one timer
// expires, so that nothing is left for later.
func (x *bench) work(labels []string, do func(string) actions.Action) {
	x.apply(vm.Input{Kind: vm.Value, Address: x.hand, Value: job{labels, do}})
	x.apply(vm.Input{Kind: vm.Value, Address: x.hand, Value: job{[]string{"last"}, func(label string) actions.Action { return After(label, 0) }}})
}

func (x *bench) set(label string) actions.Action    { return After(label, x.while()) }
func (x *bench) cancel(label string) actions.Action { return Stop(label) }

// each calls f with as many labels at a time as fit into a batch.
func (x *bench) each(f func(labels []string)) {
	for n := 0; n < x.N; n += batch {
		f(x.labels[many:][:min(batch, x.N-n)])
	}
}

func (x *bench) timed(f func()) {
	x.StartTimer()
	f()
	x.StopTimer()
}

func BenchmarkTimerSet(b *testing.B) {
	b.Run("driver", func(b *testing.B) {
		x := newBench(b)
		x.each(func(labels []string) {
			x.timed(func() { x.work(labels, x.set) })
			x.work(labels, x.cancel)
		})
	})
	b.Run("AfterFunc", func(b *testing.B) {
		p := newAfterFuncs(b)
		for n := 0; n < b.N; n += batch {
			k := min(batch, b.N-n)
			p.timed(func() { p.set(many, k) })
			p.stop(many, k)
		}
	})
}

func BenchmarkTimerCancel(b *testing.B) {
	b.Run("driver", func(b *testing.B) {
		x := newBench(b)
		x.each(func(labels []string) {
			x.work(labels, x.set)
			x.shuffle(many + len(labels))
			x.timed(func() { x.work(labels, x.cancel) })
		})
	})
	b.Run("AfterFunc", func(b *testing.B) {
		p := newAfterFuncs(b)
		for n := 0; n < b.N; n += batch {
			k := min(batch, b.N-n)
			p.set(many, k)
			p.random.Shuffle(many+k, func(i, j int) { p.timers[i], p.timers[j] = p.timers[j], p.timers[i] })
			p.timed(func() { p.stop(many, k) })
		}
	})
}

func BenchmarkTimerFire(b *testing.B) {
	b.Run("driver", func(b *testing.B) {
		x := newBench(b)
		x.each(func(labels []string) {
			x.work(labels, func(label string) actions.Action {
				return After(label, time.Minute+time.Duration(x.random.Int64N(int64(time.Minute))))
			})
			x.now = x.now.Add(2 * time.Minute)
			before := x.m.Stats().Sent
			x.timed(func() { x.tick(0) })
			if n := x.m.Stats().Sent - before; n != uint64(len(labels)) {
				b.Fatalf("%d of %d timers have expired", n, len(labels))
			}
			x.now = x.now.Add(-2 * time.Minute)
		})
	})
	b.Run("AfterFunc", func(b *testing.B) {
		p := newAfterFuncs(b)
		for n := 0; n < b.N; n += batch {
			k := min(batch, b.N-n)
			var over sync.WaitGroup
			over.Add(k)
			const ahead = 200 * time.Millisecond // enough to set them all
			from := time.Now().Add(ahead)
			for range k {
				time.AfterFunc(time.Until(from)+time.Duration(p.random.Int64N(int64(k))), over.Done)
			}
			<-time.After(time.Until(from) - time.Millisecond)
			for time.Now().Before(from) {
			}
			p.timed(over.Wait)
		}
	})
}

// afterFuncs are timers of the runtime.
type afterFuncs struct {
	*testing.B
	*load
	timers []*time.Timer
}

func newAfterFuncs(b *testing.B) *afterFuncs {
	p := &afterFuncs{b, newLoad(), make([]*time.Timer, many+batch)}
	p.set(0, many)
	b.Cleanup(func() { p.stop(0, many) })
	b.ReportAllocs()
	b.ResetTimer()
	b.StopTimer()
	return p
}

func (p *afterFuncs) set(from, n int) {
	for i := range n {
		p.timers[from+i] = time.AfterFunc(p.while(), func() {})
	}
}

func (p *afterFuncs) stop(from, n int) {
	for i := range n {
		p.timers[from+i].Stop()
	}
}

func (p *afterFuncs) timed(f func()) {
	p.StartTimer()
	f()
	p.StopTimer()
}
