package simnet

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"
)

// A PacketFate is what happens to a datagram of a [Network]. With the zero
// PacketFate the datagram arrives once and immediately.
type PacketFate struct {
	Lost   bool          // the datagram does not arrive
	Copies int           // number of additional copies that arrive; at least 0
	Delay  time.Duration // time until all copies arrive; later datagrams may overtake them
}

// PacketFaults choose the fates of datagrams at random:
//
//	network.PacketFate = simnet.PacketFaults{Seed: 1, Loss: 0.1}.Fate()
//
// A probability is a number from 0 to 1. With the same seed, datagrams that are
// sent in the same order have the same fates.
type PacketFaults struct {
	Seed uint64

	Loss        float64 // probability that a datagram is lost
	Duplication float64 // probability that a datagram which is not lost arrives twice
	Reordering  float64 // probability that a datagram which is not lost is delayed

	// Delay is how long a delayed datagram takes to arrive. Zero means 10 ms.
	Delay time.Duration
}

// defaultPacketDelay is the Delay of PacketFaults whose Delay is zero.
const defaultPacketDelay = 10 * time.Millisecond

// Fate returns a function for [Network.PacketFate]. The functions that several
// calls return are independent, and each starts with the seed. Fate panics if a
// probability is not from 0 to 1, or if Delay is negative.
func (f PacketFaults) Fate() func(from, to netip.AddrPort, body []byte) PacketFate {
	for _, p := range []struct {
		name  string
		value float64
	}{{"Loss", f.Loss}, {"Duplication", f.Duplication}, {"Reordering", f.Reordering}} {
		if !(p.value >= 0 && p.value <= 1) { // or NaN
			panic(fmt.Sprintf("simnet: PacketFaults.%s is %v: it is a probability; give it a value from 0 to 1", p.name, p.value))
		}
	}
	if f.Delay < 0 {
		panic(fmt.Sprintf("simnet: PacketFaults.Delay is %v: it must not be negative; leave it zero for the default", f.Delay))
	}
	delay := f.Delay
	if delay == 0 {
		delay = defaultPacketDelay
	}
	random := rand.New(rand.NewPCG(f.Seed, 0))
	return func(netip.AddrPort, netip.AddrPort, []byte) PacketFate {
		// Each datagram takes three random numbers, so that changing one
		// probability does not change which datagrams the others concern.
		lost, twice, late := random.Float64() < f.Loss, random.Float64() < f.Duplication, random.Float64() < f.Reordering
		fate := PacketFate{Lost: lost}
		if twice {
			fate.Copies = 1
		}
		if late {
			fate.Delay = delay
		}
		return fate
	}
}

// fateOf asks PacketFate what happens to a datagram.
func (n *Network) fateOf(d datagram, to netip.AddrPort) PacketFate {
	if n.PacketFate == nil {
		return PacketFate{}
	}
	n.fateMu.Lock()
	defer n.fateMu.Unlock()
	return n.PacketFate(d.from, to, d.body)
}

// send sends a datagram to its destination, as PacketFate decides.
func (n *Network) send(d datagram, to netip.AddrPort) {
	fate := n.fateOf(d, to)
	if fate.Lost {
		return
	}
	arrive := func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for range 1 + max(fate.Copies, 0) {
			n.sockets.deliver(d, to)
		}
	}
	if fate.Delay > 0 {
		time.AfterFunc(fate.Delay, arrive)
		return
	}
	arrive()
}
