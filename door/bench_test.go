package door_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
)

// BenchmarkChannelPingPong is the yardstick: a goroutine asks another one by a channel,
// and waits for the answer.
func BenchmarkChannelPingPong(b *testing.B) {
	ask, answer := make(chan order), make(chan receipt)
	go func() {
		for o := range ask {
			answer <- receipt(o)
		}
	}()
	for b.Loop() {
		ask <- order{"tea", 1}
		<-answer
	}
	close(ask)
}

// BenchmarkDo calls an operation from one goroutine.
func BenchmarkDo(b *testing.B) {
	d := door.New("shop")
	run(b, new(ground.Ground), shops.Spawn(shop{}), d.Driver())
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rpc.Do(ctx, d, Buy, order{"tea", 1}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDoWithKey calls with a new key each time, at a door that remembers as many
// answers as it may.
func BenchmarkDoWithKey(b *testing.B) {
	d := door.New("shop")
	run(b, new(ground.Ground), shops.Spawn(shop{}), d.Driver())
	n := 0
	buy := func() {
		n++
		if _, err := rpc.Do(context.Background(), d, Buy, order{"tea", 1}, door.Key(strconv.Itoa(n))); err != nil {
			b.Fatal(err)
		}
	}
	for range 10_000 {
		buy()
	}
	for b.Loop() {
		buy()
	}
}

// BenchmarkDoParallel calls from 100 goroutines for each processor.
func BenchmarkDoParallel(b *testing.B) {
	d := door.New("shop")
	run(b, new(ground.Ground), shops.Spawn(shop{}), d.Driver())
	b.SetParallelism(100)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := rpc.Do(context.Background(), d, Buy, order{"tea", 1}); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkSend sends from one goroutine, and waits for the acknowledgement.
func BenchmarkSend(b *testing.B) {
	d := door.New("shop")
	run(b, new(ground.Ground), d.Driver(), listener())
	ctx := context.Background()
	for b.Loop() {
		if err := d.Send(ctx, order{"tea", 1}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSendParallel sends from 100 goroutines for each processor.
func BenchmarkSendParallel(b *testing.B) {
	d := door.New("shop")
	run(b, new(ground.Ground), d.Driver(), listener())
	b.SetParallelism(100)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := d.Send(context.Background(), order{"tea", 1}); err != nil {
				b.Error(err)
			}
		}
	})
}

func listener() actions.Action {
	return actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[order](), endpoint.OnMessage(func(order) actions.Action { return nil }))))
}

// BenchmarkSubscribers sends a message to many subscribers of one door, and waits until
// all have it.
func BenchmarkSubscribers(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := door.New("shop")
			run(b, new(ground.Ground), d.Driver())
			ctx, cancel := context.WithCancel(context.Background())
			started, heard, ended := make(chan bool, n), make(chan bool, n), make(chan bool, n)
			for range n {
				go func() {
					for ev := range door.Subscribe(ctx, d, topic.All[order]()) {
						switch ev.Kind {
						case door.Started:
							started <- true
						case door.Message:
							heard <- true
						}
					}
					ended <- true
				}()
			}
			for range n {
				<-started
			}
			for b.Loop() {
				if err := d.Send(ctx, order{"tea", 1}); err != nil {
					b.Fatal(err)
				}
				for range n {
					<-heard
				}
			}
			cancel()
			for range n {
				<-ended
			}
		})
	}
}
