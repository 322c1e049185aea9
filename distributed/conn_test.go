package distributed

import (
	"errors"
	"net"
	"testing"

	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
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
