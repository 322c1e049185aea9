package rpc_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

type kick struct{ N int }

func BenchmarkCall(b *testing.B) {
	var call func(n int) actions.Action
	call = func(n int) actions.Action {
		return rpc.Call(Add, Change{"tony", 1}, func(r int, err error) actions.Action {
			if err != nil {
				b.Fatal(err)
			}
			return actions.When(n > 1, call2(call, n-1))
		})
	}
	benchmark(b, actions.Spawn(rpc.Serve(accounts{}, rpc.Handle(Add, accounts.add))), func(k kick) actions.Action { return call(k.N) })
}

func call2(call func(int) actions.Action, n int) actions.Action {
	if n == 0 {
		return nil
	}
	return call(n)
}

type ping struct{ N int }
type pong struct{ N int }

func BenchmarkPingPong(b *testing.B) {
	benchmark(b, actions.Tree{
		actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[ping](), endpoint.OnMessage(func(p ping) actions.Action { return actions.Send(pong(p)) })))),
		actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[pong](), endpoint.OnMessage(func(p pong) actions.Action {
			return actions.When(p.N > 1, actions.Send(ping{p.N - 1}))
		}))))}, func(k kick) actions.Action { return actions.Send(ping(k)) })
}

// benchmark runs a machine in which do gets b.N.
func benchmark(b *testing.B, boot actions.Action, do func(kick) actions.Action) {
	m := vm.New(boot, actions.Spawn(actions.Stateless(endpoint.Device(hand{}, endpoint.OnValue(do)))))
	out := m.Apply(vm.Input{Kind: vm.Start})
	b.ReportAllocs()
	b.ResetTimer()
	m.Apply(vm.Input{Kind: vm.Value, Address: out[0].Address, Value: kick{b.N}})
	for m.Busy() {
		m.Apply(vm.Input{Kind: vm.Continue})
	}
}

type hand struct{ world.Device }

func (hand) DeviceName() string { return "hand" }
