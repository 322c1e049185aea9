package sharded

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// A numbered is a connection that only has a number.
type numbered struct {
	net.Conn
	n int
}

// TestQueuesLoseNothing: each connection is handed over once, in the order of
// its queue, to a machine of the worker that it was dealt to; or to any that
// listens, if the Listener stops; or is left at the end.
func TestQueuesLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		workers := rapid.IntRange(1, 4).Draw(t, "workers")
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		q := newQueues(workers, limit)
		ports := make([]*port, workers)
		waiting := make([][]int, workers)
		pushed, gone, last := 0, map[int]bool{}, -1
		length := func() (n int) {
			for _, w := range waiting {
				n += len(w)
			}
			return n
		}
		listening := func() (n int) {
			for _, p := range ports {
				if p != nil {
					n++
				}
			}
			return n
		}
		any := rapid.IntRange(0, workers-1)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				want := -1
				for i := workers; i > 0; i-- {
					if at := (last + i) % workers; len(waiting[at]) < limit {
						want = at
					}
				}
				if want < 0 && !q.closing {
					t.Skip("there is no room")
				}
				last = q.push(after(last, workers), numbered{n: pushed})
				if !q.closing && last != want {
					t.Fatalf("it went to %d; want %d", last, want)
				}
				if !q.closing {
					waiting[last] = append(waiting[last], pushed)
				}
				pushed++
			},
			"open": func(t *rapid.T) {
				if at := any.Draw(t, "worker"); ports[at] == nil {
					ports[at] = q.open(at, &net.TCPAddr{}, make(chan struct{}))
				}
			},
			"close": func(t *rapid.T) {
				at := any.Draw(t, "worker")
				if ports[at] == nil {
					return
				}
				p := ports[at]
				ports[at] = nil
				for range 2 {
					if err := p.Close(); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := p.Accept(); !errors.Is(err, net.ErrClosed) {
					t.Fatal(err)
				}
			},
			"accept": func(t *rapid.T) {
				at := any.Draw(t, "worker")
				if ports[at] == nil || len(q.queues[at].conns) == 0 {
					return
				}
				c, err := ports[at].Accept()
				if err != nil {
					t.Fatal(err)
				}
				n := c.(numbered).n
				if !q.closing {
					if waiting[at][0] != n {
						t.Fatalf("worker %d got %d; want %d", at, n, waiting[at][0])
					}
					waiting[at] = waiting[at][1:]
				}
				if gone[n] {
					t.Fatalf("%d was handed over twice", n)
				}
				gone[n] = true
			},
			"stop": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					q.close()
				}
			},
			"": func(t *rapid.T) {
				if got := q.length(); got != pushed-len(gone) || !q.closing && got != length() {
					t.Fatalf("%d wait; %d have come, and %d gone", got, pushed, len(gone))
				}
				if q.closing && listening() > 0 {
					for at, p := range ports {
						if n := len(q.queues[at].conns); p == nil && n > 0 {
							t.Fatalf("%d wait for worker %d, who does not listen", n, at)
						}
					}
				}
			},
		})
		if rest := q.rest(); len(rest) != pushed-len(gone) || q.length() != 0 {
			t.Fatalf("%d were left", len(rest))
		}
	})
}

// TestBL07AcceptTakesWhatThereIs: Accept returns a connection if there is one, and
// otherwise waits, also after earlier calls.
func TestBL07AcceptTakesWhatThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueues(1, 10)
		p := q.open(0, &net.TCPAddr{}, make(chan struct{}))
		for i := range 5 {
			q.push(0, numbered{n: i})
		}
		for i := range 5 {
			if c, err := p.Accept(); err != nil || c.(numbered).n != i {
				t.Fatal(c, err)
			}
		}
		accepted := make(chan error)
		go func() {
			_, err := p.Accept()
			accepted <- err
		}()
		synctest.Wait()
		select {
		case <-accepted:
			t.Fatal("there is nothing to accept")
		default:
		}
		q.push(0, numbered{n: 5})
		if err := <-accepted; err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := p.Accept()
			accepted <- err
		}()
		synctest.Wait()
		p.Close()
		if err := <-accepted; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}
