package vm_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// The benchmarks measure whole events, from an action to its results, in a machine as
// users have it: with presence, containment of panics, and states. The benchmarks of
// plain Go channels, at the end, are for comparison within one run.

// A parcel is the message of the benchmarks. Its topics pin the address.
type parcel struct{ To, Weight int }

var parcelTo = topic.FieldOf(func(p *parcel) *int { return &p.To })

// A sum is the state of processes that get parcels.
type sum struct{ weight int }

func (s sum) add(p parcel) actions.Transition[sum] {
	s.weight += p.Weight
	return actions.Next(s)
}

// receiver is a process that gets parcels for address to.
func receiver(to int) actions.SpawnProcess {
	return actions.Spawn(actions.Next(sum{}, endpoint.Subscriber(topic.Where(parcelTo.Is(to)), endpoint.OnMessageState(sum.add))))
}

// A courier sends parcels, some in each of its turns, until it has sent all.
type courier struct {
	route []int // addresses, again and again
	sent  int
	all   int
}

// load is how many parcels a courier sends in a turn.
const load = 64

func (c courier) round() actions.Transition[courier] {
	t := make(actions.Tree, 0, load+1)
	for range min(load, c.all-c.sent) {
		t = append(t, actions.Send(parcel{c.route[c.sent%len(c.route)], 1}))
		c.sent++
	}
	if c.sent < c.all {
		t = append(t, actions.Yield(courier.round))
	}
	return actions.Next(c, t)
}

// begin is a process that starts on a value of the starter.
type begin struct{ Sends int }

func (c courier) process() actions.Action {
	return actions.Spawn(actions.Next(c, endpoint.Subscriber(topic.All[begin](),
		endpoint.OnMessageState(func(c courier, b begin) actions.Transition[courier] {
			c.sent, c.all = 0, b.Sends
			return c.round()
		}))))
}

// A starter is a device through which a benchmark tells a machine to begin.
func starter() actions.Action {
	return actions.Spawn(actions.Stateless(endpoint.Device(hand{}, endpoint.OnValue(func(b begin) actions.Action {
		return actions.Send(b)
	}))))
}

// run applies inputs until m is at rest.
func run(m *vm.Machine, in vm.Input) []vm.Command {
	out := slices.Clone(m.Apply(in))
	for m.Busy() {
		out = append(out, m.Apply(vm.Input{Kind: vm.Continue})...)
	}
	return out
}

// started returns a machine at rest, and the address of its starter. It has the
// watcher of a zero Ground.
func started(boot ...actions.Action) (*vm.Machine, *vm.Address) {
	m := vm.New(append(boot, starter())...)
	m.Watch(vm.Records(vm.Crashed, vm.Ended), func(*vm.Record) {})
	m.Warn(func(*vm.Warning) {})
	out := run(m, vm.Input{Kind: vm.Start})
	return m, out[len(out)-1].Address
}

// BenchmarkSend shows B-M15.
func BenchmarkSend(b *testing.B) {
	send := func(n int, route []int) func(*testing.B) {
		return func(b *testing.B) {
			var boot []actions.Action
			for i := range n {
				boot = append(boot, receiver(i))
			}
			m, at := started(append(boot, courier{route: route}.process())...)
			before := m.Stats()
			b.ReportAllocs()
			b.ResetTimer()
			run(m, vm.Input{Kind: vm.Value, Address: at, Value: begin{b.N}})
			b.StopTimer()
			if got := m.Stats().Events - before.Events; got < uint64(b.N) {
				b.Fatalf("%d events for %d parcels", got, b.N)
			}
		}
	}
	for _, n := range []int{10, 1000, 10000, 100000} {
		b.Run(fmt.Sprintf("distinct/n=%d", n), send(n, rand.New(rand.NewPCG(1, 2)).Perm(n)))
	}
	inOrder := make([]int, 10000)
	for i := range inOrder {
		inOrder[i] = i
	}
	b.Run("sequential/n=10000", send(10000, inOrder))
	b.Run("hot/n=100000", send(100000, rand.New(rand.NewPCG(3, 4)).Perm(100000)[:8]))
	b.Run("fanout/n=1000", func(b *testing.B) {
		const n = 1000
		var boot []actions.Action
		for range n {
			boot = append(boot, actions.Spawn(actions.Next(sum{}, endpoint.Subscriber(topic.All[parcel](), endpoint.OnMessageState(sum.add)))))
		}
		m, at := started(append(boot, courier{route: []int{1}}.process())...)
		b.ReportAllocs()
		b.ResetTimer()
		run(m, vm.Input{Kind: vm.Value, Address: at, Value: begin{b.N}})
		b.StopTimer()
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/delivery")
	})
}

// A flicker adds an endpoint and removes it, again and again.
type flicker struct{ left int }

func (f flicker) turn() actions.Transition[flicker] {
	t := make(actions.Tree, 0, 2*load+1)
	for range min(load, f.left) {
		t = append(t, endpoint.Publisher(topic.Where(parcelTo.Is(-1))).As("flicker"), actions.Delete("flicker"))
		f.left--
	}
	if f.left > 0 {
		t = append(t, actions.Yield(flicker.turn))
	}
	return actions.Next(f, t)
}

func BenchmarkPresence(b *testing.B) {
	for _, n := range []int{10, 1000, 100000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			var boot []actions.Action
			for i := range n {
				boot = append(boot, actions.Spawn(actions.Stateless(endpoint.Publisher(topic.Where(parcelTo.Is(i))))))
			}
			boot = append(boot,
				actions.Spawn(actions.Stateless(endpoint.ObservePublishers(topic.All[parcel](),
					endpoint.OnPresence(func(parcel) actions.Action { return nil }),
					endpoint.OnAbsence(func(parcel, error) actions.Action { return nil })))),
				actions.Spawn(actions.Next(flicker{}, endpoint.Subscriber(topic.All[begin](),
					endpoint.OnMessageState(func(_ flicker, b begin) actions.Transition[flicker] { return flicker{b.Sends}.turn() })))),
			)
			m, at := started(boot...)
			before := m.Stats()
			b.ReportAllocs()
			b.ResetTimer()
			run(m, vm.Input{Kind: vm.Value, Address: at, Value: begin{b.N}})
			b.StopTimer()
			if got := m.Stats().Events - before.Events; got < uint64(2*b.N) {
				b.Fatalf("%d events for %d comings and goings", got, b.N)
			}
		})
	}
}

// BenchmarkDemand opens and closes an endpoint, the only one with its address, while
// a process counts demand by address.
func BenchmarkDemand(b *testing.B) {
	for _, n := range []int{10, 1000, 100000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			boot := []actions.Action{
				actions.Spawn(actions.Stateless(endpoint.ObservePublishers(topic.All[parcel](),
					endpoint.OnFirst(func(parcel) actions.Action { return nil }, parcelTo),
					endpoint.OnLast(func(parcel) actions.Action { return nil }, parcelTo)))),
			}
			for i := range n {
				boot = append(boot, actions.Spawn(actions.Stateless(endpoint.Publisher(topic.Where(parcelTo.Is(i))))))
			}
			boot = append(boot, actions.Spawn(actions.Next(flicker{}, endpoint.Subscriber(topic.All[begin](),
				endpoint.OnMessageState(func(_ flicker, b begin) actions.Transition[flicker] { return flicker{b.Sends}.turn() })))))
			m, at := started(boot...)
			b.ReportAllocs()
			b.ResetTimer()
			run(m, vm.Input{Kind: vm.Value, Address: at, Value: begin{b.N}})
		})
	}
}

type (
	ping struct{ N int }
	pong struct{ N int }
)

func BenchmarkPingPong(b *testing.B) {
	m, at := started(
		actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[ping](), endpoint.OnMessage(func(p ping) actions.Action {
			return actions.Send(pong(p))
		})))),
		actions.Spawn(actions.Stateless(
			endpoint.Subscriber(topic.All[begin](), endpoint.OnMessage(func(b begin) actions.Action { return actions.Send(ping{b.Sends}) })),
			endpoint.Subscriber(topic.All[pong](), endpoint.OnMessage(func(p pong) actions.Action {
				return actions.When(p.N > 1, actions.Send(ping{p.N - 1}))
			})))),
	)
	b.ReportAllocs()
	b.ResetTimer()
	run(m, vm.Input{Kind: vm.Value, Address: at, Value: begin{b.N}})
}

func BenchmarkNested(b *testing.B) {
	for depth := range 4 {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			sender := actions.Next(begin{}, endpoint.Device(hand{}, endpoint.OnValueState(func(_ begin, b begin) actions.Transition[begin] {
				return lift(depth, b)
			})))
			var boot actions.Action = actions.Spawn(sender)
			for range depth {
				boot = actions.Spawn(vm.Nested(boot))
			}
			m := vm.New(boot, receiver(1))
			out := run(m, vm.Input{Kind: vm.Start})
			before := m.Stats()
			b.ReportAllocs()
			b.ResetTimer()
			run(m, vm.Input{Kind: vm.Value, Address: out[0].Address, Value: begin{b.N}})
			b.StopTimer()
			if got := m.Stats().Events - before.Events; got < uint64(b.N) {
				b.Fatalf("%d events for %d parcels", got, b.N)
			}
		})
	}
}

// lift sends one parcel from depth levels below the ground, and the next one in its
// next turn.
func lift(depth int, b begin) actions.Transition[begin] {
	var send actions.Action = actions.Send(parcel{1, 1})
	for range depth {
		send = actions.AtMeta(send)
	}
	b.Sends--
	return actions.Next(b, send, actions.When(b.Sends > 0, actions.Yield(func(b begin) actions.Transition[begin] { return lift(depth, b) })))
}

// BenchmarkSnapshot is BenchmarkSend/distinct/n=10 with a snapshot for every
// thousand events, and without.
func BenchmarkSnapshot(b *testing.B) {
	for _, every := range []int{0, 1000} {
		b.Run(fmt.Sprintf("every=%d", every), func(b *testing.B) {
			var boot []actions.Action
			for i := range 10 {
				boot = append(boot, receiver(i))
			}
			m, at := started(append(boot, courier{route: rand.New(rand.NewPCG(1, 2)).Perm(10)}.process())...)
			var last vm.State
			b.ReportAllocs()
			b.ResetTimer()
			for n := b.N; n > 0; n -= 1000 {
				run(m, vm.Input{Kind: vm.Value, Address: at, Value: begin{min(n, 1000)}})
				if every > 0 {
					last = m.Snapshot()
				}
			}
			b.StopTimer()
			runtime.KeepAlive(last)
		})
	}
}

func BenchmarkProcessMemory(b *testing.B) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	const n = 100000
	for range b.N {
		before := heap()
		var boot actions.Tree
		for i := range n {
			boot = append(boot, actions.SpawnFunc(func(actions.PID) actions.Process {
				return actions.Stateless(endpoint.Subscriber(topic.Where(parcelTo.Is(i))))
			}))
		}
		m := vm.New(boot)
		boot = nil
		run(m, vm.Input{Kind: vm.Start})
		b.ReportMetric(float64(int64(heap())-int64(before))/n, "B/process")
		runtime.KeepAlive(m)
	}
}

func BenchmarkChannelPingPong(b *testing.B) {
	out, back := make(chan int), make(chan int)
	go func() {
		for v := range out {
			back <- v
		}
		close(back)
	}()
	b.ReportAllocs()
	for b.Loop() {
		out <- 1
		<-back
	}
	close(out)
	<-back
}

func BenchmarkChannelHop(b *testing.B) {
	c, done := make(chan int), make(chan int)
	go func() {
		sum := 0
		for v := range c {
			sum += v
		}
		done <- sum
	}()
	b.ReportAllocs()
	for b.Loop() {
		c <- 1
	}
	close(c)
	<-done
}
