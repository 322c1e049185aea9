package tcp

import (
	"fmt"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// BenchmarkMachineEcho is the part of a request without system calls: a value of a
// socket, through the manager to the session and back.
func BenchmarkMachineEcho(b *testing.B) {
	for _, n := range []int{1, 128, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := vm.New(
				Config{Network: network{}}.Driver(),
				endpoint.ObservePublishers(Arriving(serverAt), endpoint.OnPresence(func(c Data) actions.Action {
					them, us := c.From, c.To
					return actions.Spawn(actions.Stateless(
						endpoint.Publisher(Flow(us, them)),
						endpoint.Subscriber(Flow(them, us),
							endpoint.OnMessage(func(d Data) actions.Action {
								return actions.Send(Data{From: us, To: them, Bytes: d.Bytes, EOF: d.EOF})
							}),
						),
					))
				})))
			var at *vm.Address
			var conns []*vm.Address
			apply := func(in vm.Input) []vm.Command {
				cs := m.Apply(in)
				for _, c := range cs {
					if c.Kind == vm.Open {
						switch c.Address.Device.(type) {
						case listener:
							at = c.Address
						case acceptedConn:
							conns = append(conns, c.Address)
						}
					}
				}
				return cs
			}
			apply(vm.Input{Kind: vm.Start})
			for i := range n {
				apply(vm.Input{Kind: vm.Value, Address: at, Value: accepted{Conn: world.Ref{Device: "x", Generation: 1, Number: uint64(i + 1)}, Remote: Remote("10.0.0.1", uint16(i+1))}})
			}
			for _, c := range conns {
				apply(vm.Input{Kind: vm.Value, Address: c, Value: opened{}})
			}
			bytes := make([]byte, 64)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				cs := m.Apply(vm.Input{Kind: vm.Value, Address: conns[i%n], Value: received{bytes}})
				if len(cs) != 1 {
					b.Fatal(cs)
				}
				i++
			}
		})
	}
}
