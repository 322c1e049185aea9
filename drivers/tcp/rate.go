package tcp

import (
	"fmt"
	"math"
	"time"
)

// A rate limits how many connections a listener accepts: on average, one in each
// interval. The zero rate is no limit.
type rate struct {
	every time.Duration
	slack time.Duration // how much earlier than on average a connection may be accepted
}

// newRate returns the rate for a number of connections per second, and a number that
// may be accepted at once. It panics if they are negative, or if there is a burst
// without a rate.
func newRate(perSecond, burst int) rate {
	limit("AcceptRate", perSecond, 0)
	limit("AcceptBurst", burst, 0)
	if perSecond == 0 {
		if burst > 0 {
			panic(fmt.Sprintf("tcp: Config.AcceptBurst is %d without an AcceptRate: set that, too; MaxConnections limits how many are open", burst))
		}
		return rate{}
	}
	if burst == 0 {
		burst = perSecond
	}
	every := 1 + (time.Second-1)/time.Duration(perSecond) // rounded up, so there are never more
	return rate{every, every * time.Duration(min(int64(burst-1), math.MaxInt64/int64(every)))}
}

// name returns the text of r in the name of a device. It is empty for the zero rate.
func (r rate) name() string {
	if r == (rate{}) {
		return ""
	}
	return fmt.Sprintf("every %v, slack %v, ", r.every, r.slack)
}

// A quota counts the connections that a rate allows.
type quota struct {
	rate
	due time.Time // of the next connection, on average
}

// wait returns how long the next connection has to wait; zero or less means not at
// all. If the clock goes back, it waits for one interval at most.
func (q *quota) wait(now time.Time) time.Duration {
	return min(q.due.Add(-q.slack).Sub(now), q.every)
}

// count notes that a connection has been accepted.
func (q *quota) count(now time.Time) {
	if q.due.Before(now) {
		q.due = now
	}
	q.due = q.due.Add(q.every)
}
