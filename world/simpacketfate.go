package world

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// A PacketFate says what becomes of a datagram of a [SimNetwork]. The zero
// PacketFate is what a good network does: it arrives once, at once.
type PacketFate struct {
	Lost   bool          // it does not arrive
	Copies int           // how often it arrives beyond the first time
	Delay  time.Duration // how long it is under way; others may overtake it
}

// PacketFaults decide the fates of datagrams by chance:
//
//	network.PacketFate = world.PacketFaults{Seed: 1, Loss: 0.1}.Fate()
//
// Each share is from 0 to 1. With the same seed, datagrams that are sent in the
// same order have the same fates.
type PacketFaults struct {
	Seed uint64

	Loss        float64 // the share of datagrams that are lost
	Duplication float64 // the share of the others that arrive twice
	Reordering  float64 // the share of the others that are delayed

	// Delay is how long a delayed datagram is under way. Zero stands for
	// 10 ms.
	Delay time.Duration
}

// defaultPacketDelay is the Delay of PacketFaults that say nothing about it.
const defaultPacketDelay = 10 * time.Millisecond

// Fate returns a function for [SimNetwork.PacketFate]. Each one that it returns
// begins anew with the seed. Fate panics if a share is not from 0 to 1, or the
// delay is negative.
func (f PacketFaults) Fate() func(from, to netip.AddrPort, body []byte) PacketFate {
	for _, share := range []struct {
		name  string
		value float64
	}{{"Loss", f.Loss}, {"Duplication", f.Duplication}, {"Reordering", f.Reordering}} {
		if !(share.value >= 0 && share.value <= 1) {
			panic(fmt.Sprintf("world: PacketFaults.%s is %v: it is a share; give it a value from 0 to 1", share.name, share.value))
		}
	}
	if f.Delay < 0 {
		panic(fmt.Sprintf("world: PacketFaults.Delay is %v: it must not be negative; leave it zero for the default", f.Delay))
	}
	delay := f.Delay
	if delay == 0 {
		delay = defaultPacketDelay
	}
	chance := rand.New(rand.NewPCG(f.Seed, 0))
	return func(netip.AddrPort, netip.AddrPort, []byte) PacketFate {
		// Each datagram takes the same number of random numbers, so that what
		// becomes of one does not depend on the shares of something else.
		lost, twice, late := chance.Float64() < f.Loss, chance.Float64() < f.Duplication, chance.Float64() < f.Reordering
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

// fates asks what becomes of datagrams, for one after another.
type fates struct{ sync.Mutex }

func (f *fates) of(decide func(from, to netip.AddrPort, body []byte) PacketFate, d simPacket, to netip.AddrPort) PacketFate {
	if decide == nil {
		return PacketFate{}
	}
	f.Lock()
	defer f.Unlock()
	return decide(d.from, to, d.body)
}

// send has a datagram meet its fate.
func (n *SimNetwork) send(d simPacket, to netip.AddrPort) {
	fate := n.fates.of(n.PacketFate, d, to)
	if fate.Lost {
		return
	}
	arrive := func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for range 1 + max(fate.Copies, 0) {
			n.packets.deliver(d, to)
		}
	}
	if fate.Delay > 0 {
		time.AfterFunc(fate.Delay, arrive)
		return
	}
	arrive()
}
