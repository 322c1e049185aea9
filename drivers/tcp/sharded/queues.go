package sharded

import (
	"net"
	"sync"
)

// queues hold accepted connections until the machines take them. There is one for
// each worker. A queue and its connections stay when the machine of its worker ends.
type queues struct {
	mu      sync.Mutex
	changed sync.Cond // a connection was taken, a port closed, or closing or expired set
	limit   int       // of each queue
	queues  []queue
	closing bool // the Listener stops: connections go to workers that listen
	expired bool // the time for that is over
}

// A queue is that of one worker.
type queue struct {
	conns   []net.Conn
	arrived sync.Cond
	port    *port // of the machine that listens, or nil
	open    int   // open connections of all machines of the worker
}

func newQueues(workers, limit int) *queues {
	q := &queues{limit: limit, queues: make([]queue, workers)}
	q.changed.L = &q.mu
	for i := range q.queues {
		q.queues[i].arrived.L = &q.mu
	}
	return q
}

// waitForRoom waits until some queue has room. It reports false if the Listener
// stops.
func (q *queues) waitForRoom() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closing && q.withRoom(0) < 0 {
		q.changed.Wait()
	}
	return !q.closing
}

// withRoom returns the first worker from first on whose queue has room, or -1.
func (q *queues) withRoom(first int) int {
	for i := range q.queues {
		at := (first + i) % len(q.queues)
		if len(q.queues[at].conns) < q.limit {
			return at
		}
	}
	return -1
}

// push puts a connection into the queue of a worker or, if that is full, of the next
// worker that has room, and returns that worker. There is room after waitForRoom,
// because nobody else calls push.
func (q *queues) push(first int, c net.Conn) (at int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at = q.withRoom(first); at < 0 {
		at = first // the Listener stops, and has moved connections
	}
	q.append(at, c)
	q.redeal()
	return at
}

func (q *queues) append(at int, c net.Conn) {
	one := &q.queues[at]
	one.conns = append(one.conns, c)
	one.arrived.Signal()
}

// loads writes the loads of the workers to buf.
func (q *queues) loads(buf []Load) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range buf {
		one := &q.queues[i]
		buf[i] = Load{Connections: len(one.conns) + one.open, Queued: len(one.conns), Listening: one.port != nil}
	}
}

// close moves connections of workers that do not listen to those that do, from now
// on.
func (q *queues) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closing = true
	q.redeal()
	q.changed.Broadcast()
}

// redeal moves connections of workers that do not listen to those that do, in turn,
// if the Listener stops. If no worker listens, it does nothing.
func (q *queues) redeal() {
	if !q.closing || q.listening() == 0 {
		return
	}
	to := -1
	for i := range q.queues {
		one := &q.queues[i]
		if one.port != nil {
			continue
		}
		for _, c := range one.conns {
			for to = after(to, len(q.queues)); q.queues[to].port == nil; {
				to = after(to, len(q.queues))
			}
			q.append(to, c)
		}
		one.conns = nil
	}
}

// listening returns how many machines listen.
func (q *queues) listening() (n int) {
	for i := range q.queues {
		if q.queues[i].port != nil {
			n++
		}
	}
	return n
}

// drain waits until the machines have taken all connections, or no machine listens,
// or expire is called. It is for a Listener that stops.
func (q *queues) drain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.expired && q.listening() > 0 && q.length() > 0 {
		q.changed.Wait()
	}
}

func (q *queues) length() (n int) {
	for i := range q.queues {
		n += len(q.queues[i].conns)
	}
	return n
}

// expire ends the time that there is for drain.
func (q *queues) expire() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expired = true
	q.changed.Broadcast()
}

// rest takes all connections out of the queues.
func (q *queues) rest() (conns []net.Conn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.queues {
		conns = append(conns, q.queues[i].conns...)
		q.queues[i].conns = nil
	}
	return conns
}
