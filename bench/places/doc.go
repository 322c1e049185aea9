// Package places measures places on other machines (package distributed) against other ways to
// do the same: each result is a ratio of two times that were taken in turns, in one run. It is
// a module of its own, so that NATS is not a dependency of the library.
//
//	cd bench/places
//	go test -run '^$' -bench . -benchtime 20x
//
// Machines that talk to each other are in two processes, on loopback: this test program starts
// itself again. In each round every system has a turn; the metrics are the medians over all
// rounds:
//
//   - ns/X: the time of X for one message, call or peer.
//   - speed/X: how many times faster a place is than X. Higher is better.
//   - time/X: how many times longer a place takes than X. Lower is better.
//
// The guide docs/distribution.md has results.
package places
