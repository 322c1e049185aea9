package distributed

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/world"
)

// A deadLink is a link that has ended.
type deadLink struct{}

func (deadLink) Peer() string             { return "client" }
func (deadLink) Send([]byte) error        { return net.ErrClosed }
func (deadLink) Receive() ([]byte, error) { return nil, net.ErrClosed }
func (deadLink) Close() error             { return nil }

// TestLinkEndsBeforeWelcome: if the link of a client ends between its HELLO and the WELCOME,
// the home begins no session.
func TestLinkEndsBeforeWelcome(t *testing.T) {
	c := rigConfig("home")
	_, out := session.Dial(c.session(deadLink{}), wire.ID{Life: 1, Number: 1}, session.Place{Node: "home", Name: "room"}, 0)
	n, err := accepted(c, deadLink{}, session.Place{Node: "home", Name: "room", Epoch: rigEpoch}, out.Frame)
	if n != nil || !errors.Is(err, ErrCut) {
		t.Errorf("got a session: %v, %v; want %v", n != nil, err, ErrCut)
	}
}

// A tickClock stands still, and notes when something is to be done.
type tickClock struct {
	world.Clock
	now time.Time
	due *[]time.Time
}

func (c tickClock) Now() time.Time { return c.now }

func (c tickClock) AfterFunc(d time.Duration, _ func()) world.Stopper {
	*c.due = append(*c.due, c.now.Add(d))
	return time.NewTimer(0)
}

// A silentLink takes all frames.
type silentLink struct{ deadLink }

func (silentLink) Send([]byte) error { return nil }

// TestSessionsTickTogether: sessions tick at multiples of an eighth of a heartbeat, not before
// a sign of life is due, and less than an eighth of a heartbeat after.
func TestSessionsTickTogether(t *testing.T) {
	c := rigConfig("home")
	_, out := session.Dial(c.session(deadLink{}), wire.ID{Life: 1, Number: 1}, session.Place{Node: "home", Name: "room"}, 0)
	grid := c.Heartbeat / 8
	for _, late := range []time.Duration{0, 1, grid / 3, grid - 1} {
		began := time.Unix(1e9, 0).Add(late)
		clock := tickClock{now: began, due: new([]time.Time)}
		c.Clock = clock
		if _, err := accepted(c, silentLink{}, session.Place{Node: "home", Name: "room", Epoch: rigEpoch}, out.Frame); err != nil {
			t.Fatal(err)
		}
		for _, due := range *clock.due {
			if wait := due.Sub(began); !due.Equal(due.Truncate(grid)) || wait < c.Heartbeat || wait >= c.Heartbeat+grid {
				t.Errorf("a session that began %v after a tick ticks after %v", late, wait)
			}
		}
		if len(*clock.due) != 1 {
			t.Errorf("there are %d ticks", len(*clock.due))
		}
	}
}
