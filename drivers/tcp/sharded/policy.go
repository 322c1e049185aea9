package sharded

// A Policy returns the index of the worker that gets the next connection. Last is the
// worker that got the connection before, or -1 for the first connection; loads has one
// Load for each worker. If the queue of the chosen worker is full, the connection goes
// to the next worker that has room. An index without a worker stands for the worker
// after last.
//
// One goroutine calls it, for one connection after another, and accepts no connection
// until it returns. A Policy must not keep or change loads.
type Policy func(last int, loads []Load) int

// A Load is what a worker has to do.
type Load struct {
	Connections int  // open connections, including those that wait
	Queued      int  // connections that wait for its machine
	Listening   bool // its machine listens, and is not being replaced
}

// LeastLoaded is a [Policy]: of the workers that listen, the one with the fewest
// connections gets the next one. If several have the fewest, they take turns.
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

// after returns the worker whose turn comes after that of another.
func after(last, workers int) int { return (last + 1) % workers }
