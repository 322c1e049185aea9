package sharded

// A Policy chooses the worker that gets the next connection, and returns its
// index. Last is the worker that got the connection before, or -1 if this is the
// first one; there is a load for each worker. If the queue of the chosen worker
// is full, the connection goes to the next one that has room.
//
// It is called by one goroutine, for one connection after another, and no
// connection is accepted until it returns. It must not keep or change loads. An
// index that no worker has stands for the worker after the last.
type Policy func(last int, loads []Load) int

// A Load is what a worker has to do.
type Load struct {
	Connections int  // dealt to it and not closed yet, those that wait included
	Queued      int  // of these, those that still wait for its machine
	Listening   bool // its machine listens: it is not being replaced at the moment
}

// LeastLoaded is a [Policy]: of the workers that listen, the one with the fewest
// connections gets the next one. Among several of these it is their turn in
// order.
func LeastLoaded(last int, loads []Load) int {
	first := after(last, len(loads))
	best := first
	for i := range loads {
		next := (first + i) % len(loads)
		if loads[next].less(loads[best]) {
			best = next
		}
	}
	return best
}

func (l Load) less(than Load) bool {
	if l.Listening != than.Listening {
		return l.Listening
	}
	return l.Connections < than.Connections
}

// after returns the worker whose turn it is after another's.
func after(last, workers int) int { return (last + 1) % workers }
