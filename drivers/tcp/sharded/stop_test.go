package sharded_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world/simnet"
)

func closeIsIdempotent(t *testing.T) {
	everywhere(t, func(t *testing.T, c sharded.Config) {
		c.Workers = 3
		r := listen(t, c, boot)
		clients := []*client{r.dial(), r.dial(), r.dial()}
		for _, c := range clients {
			c.who()
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { r.close() })
		}
		wg.Wait()
		r.close()
		<-r.Done()
		if err := r.Err(); err != nil {
			t.Error(err)
		}
		for _, c := range clients {
			c.gone()
		}
		if _, err := r.network.Dial(t.Context(), "tcp", r.Addr().String()); err == nil {
			t.Error("it still listens")
		}
	})
}

// Data that was written before the end is sent.
func TestCloseWritesWhatWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := listen(t, sharded.Config{Workers: 2, Network: simnet.New("test")}, func(w sharded.Worker) actions.Process {
			return actions.Stateless(w.Driver(), endpoint.ObservePublishers(tcp.Arriving(w.Listener()),
				endpoint.OnPresence(func(c tcp.Data) actions.Action {
					return actions.Spawn(actions.Stateless(
						endpoint.Publisher(tcp.Flow(c.To, c.From)),
						endpoint.Subscriber(tcp.Flow(c.From, c.To), endpoint.OnAbsence(func(tcp.Data, error) actions.Action {
							return actions.Send(tcp.Data{From: c.To, To: c.From, Bytes: []byte("goodbye")})
						}))))
				})))
		})
		a, b := r.dial(), r.dial()
		synctest.Wait()
		r.close()
		for _, c := range []*client{a, b} {
			if got, err := io.ReadAll(c); string(got) != "goodbye" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
	})
}

// stuck is a worker with a transition function that does not return until
// released is closed.
func stuck(released chan struct{}) func(sharded.Worker) actions.Process {
	return func(w sharded.Worker) actions.Process {
		return actions.Stateless(w.Driver(), endpoint.ObservePublishers(tcp.Arriving(w.Listener()),
			endpoint.OnPresence(func(c tcp.Data) actions.Action {
				<-released
				return actions.Spawn(session(w, c.From, c.To))
			})))
	}
}

func TestBL05CloseHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r, err := tryListen(t, sharded.Config{Workers: 2, DrainLimit: 10 * time.Second, Network: simnet.New("test")},
			only(map[int]func(sharded.Worker) actions.Process{1: stuck(released)}))
		if err != nil {
			t.Fatal(err)
		}
		served := r.dial()
		served.who()
		r.dial() // gets stuck
		synctest.Wait()
		begin := time.Now()
		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err = r.Close(short)
		blame(t, err, context.DeadlineExceeded, 1)
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("Close has taken %v; its context was for 5s", took)
		}
		served.gone() // which is over in any case
		err = r.Close(t.Context())
		blame(t, err, sharded.ErrStillRunning, 1)
		if took := time.Since(begin); took != 10*time.Second || r.Err() != err {
			t.Errorf("the end has taken %v: %v, %v", took, err, r.Err())
		}
		close(released)
	})
}

// When the Listener stops, connections that wait for a worker are closed if the
// worker does not take them, and handed to others if it is gone.
func TestBL08WhatWaitsAtTheEndIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r, err := tryListen(t, sharded.Config{Workers: 1, Network: simnet.New("test")}, stuck(released))
		if err != nil {
			t.Fatal(err)
		}
		var all []*client
		for range 10 {
			all = append(all, r.dial())
		}
		synctest.Wait()
		blame(t, r.Close(t.Context()), sharded.ErrStillRunning, 0)
		if !strings.Contains(r.logged.String(), "nobody serves") {
			t.Errorf("it has logged %s", r.logged)
		}
		close(released)
		for _, c := range all {
			c.gone()
		}
	})
}

func TestBL08NoDescriptorIsLeft(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket.Close() // and the poller is there now
	before := descriptors(t)
	func() {
		released := make(chan struct{})
		r, err := tryListen(t, sharded.Config{Workers: 2}, stuck(released))
		if err != nil {
			t.Fatal(err)
		}
		var all []net.Conn
		for range 20 {
			c, err := net.Dial("tcp", r.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
		closed := make(chan error)
		go func() { closed <- r.Close(context.Background()) }()
		close(released)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		for _, c := range all {
			c.Close()
		}
	}()
	if after := descriptors(t); after > before {
		t.Errorf("%d files are open; before, there were %d", after, before)
	}
}

func deathEndsTheListenerIfThatIsWanted(t *testing.T) {
	everywhere(t, func(t *testing.T, c sharded.Config) {
		for how, line := range map[string]string{"server crashes": "crash", "machine ends": "halt"} {
			c := c
			c.Workers, c.OnDeath = 2, sharded.Stop
			r, err := tryListen(t, c, map[string]func(sharded.Worker) actions.Process{"crash": boot, "halt": halting}[line])
			if err != nil {
				t.Fatal(err)
			}
			other := r.dial()
			other.who()
			r.dial().tell(line)
			<-r.Done()
			blame(t, r.Err(), sharded.ErrDied, 1)
			if how == "server crashes" && !strings.Contains(r.Err().Error(), "as you wish") {
				t.Errorf("%v: it does not say why", r.Err())
			}
			if err := r.Close(t.Context()); err != r.Err() {
				t.Errorf("%s: Close has returned %v, and Err says %v", how, err, r.Err())
			}
			other.gone()
		}
	})
}

// Connections that wait for a worker that has died are handed to others when the
// Listener stops.
func TestQueueOfTheDeadIsHandedToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(chan string, 100)
		limited := func(w sharded.Worker) actions.Process {
			c := w.TCP()
			c.MaxConnections = 1 - w.ID // worker 0 takes one only, or two
			return actions.Stateless(c.Driver(), actions.Spawn(actions.Stateless(
				endpoint.Subscriber(topic.All[crash](), endpoint.OnMessage(func(crash) actions.Action { return actions.Quit() })),
				endpoint.ObservePublishers(tcp.Arriving(w.Listener()), endpoint.OnPresence(func(c tcp.Data) actions.Action {
					seen <- fmt.Sprint(w.ID)
					return actions.Spawn(session(w, c.From, c.To))
				})))))
		}
		r, err := tryListen(t, sharded.Config{Workers: 2, OnDeath: sharded.Stop, Network: simnet.New("test")}, limited)
		if err != nil {
			t.Fatal(err)
		}
		first := r.dial()
		first.who()
		for range 9 {
			r.dial()
		}
		synctest.Wait()
		if len(seen) > 1+1+5 {
			t.Fatalf("%d connections have been seen before the end", len(seen))
		}
		first.tell("crash")
		<-r.Done()
		count := map[string]int{}
		for len(seen) > 0 {
			count[<-seen]++
		}
		// What worker 0 had taken when it died, and nobody has seen, is lost.
		if count["0"]+count["1"] < 9 || count["1"] < 8 {
			t.Errorf("seen: %v", count)
		}
		if strings.Contains(r.logged.String(), "nobody serves") {
			t.Error(r.logged)
		}
	})
}

func listenIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New("test")
		enough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { cancel(enough) })
		begin := time.Now()
		_, err := sharded.Config{Workers: 2, Network: network}.Listen(ctx, "127.0.0.1:80",
			only(map[int]func(sharded.Worker) actions.Process{1: nothing}))
		if !errors.Is(err, enough) || time.Since(begin) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		l, err := network.Listen(t.Context(), "tcp", "127.0.0.1:80")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	})
}

// A boot function that does not return is abandoned, and the error names its worker.
func TestBootFunctionThatDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		begin := time.Now()
		_, err := tryListen(t, sharded.Config{Workers: 2, Network: simnet.New("test")},
			only(map[int]func(sharded.Worker) actions.Process{0: func(w sharded.Worker) actions.Process { <-released; return boot(w) }}))
		if !errors.Is(err, sharded.ErrBootLimit) {
			t.Error(err)
		}
		blame(t, err, sharded.ErrStillRunning, 0, 0)
		if took := time.Since(begin); took != 90*time.Second {
			t.Errorf("it has taken %v", took)
		}
		close(released)
	})
}
