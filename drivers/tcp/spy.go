package tcp

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/internal/outlet"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Spy returns a process that prints to w all [Data] that is sent in its machine,
// as hex dumps: which way it goes, between which addresses, and how long it is.
//
//	in, from 127.0.0.1:50122 to listener(:5999): 13 bytes
//	00000000  68 65 6c 6c 6f 2c 20 77  6f 72 6c 64 0a           |hello, world.|
//	out, from listener(:5999) to 127.0.0.1:50122: the end
//
// What is sent with TLS is printed as it is before and after that. The name
// tells apart the spies of a machine. Each piece is one call of w.Write, in the
// order in which it was sent; if that returns an error, the spy ends with it.
//
// A spy observes. So it keeps no connection open, makes nobody listen, and holds
// w only while there is something to print, so that it keeps no machine from
// coming to its end. It cannot make others wait: if w takes less than is sent,
// some of it is left out, and the spy says how much. When the machine stops, w
// has the CloseLimit of the ground to take the rest. Then one goroutine may stay
// in w.Write, for as long as that does not return.
//
// Spy panics if w is nil or cannot be compared, as a pointer can.
func Spy(name string, w io.Writer) actions.SpawnProcess {
	switch {
	case w == nil:
		panic(fmt.Sprintf("tcp: Spy(%q, nil): it has nowhere to print to: give it a writer, such as os.Stderr", name))
	case !reflect.ValueOf(w).Comparable():
		panic(fmt.Sprintf("tcp: Spy(%q, …): a %T cannot be compared: use a pointer to one", name, w))
	}
	s := spy{out: printer{name, outlet.New(w)}}
	return actions.Spawn(actions.Next(s, s.open())).Named(strings.TrimSpace("tcp spy " + name))
}

// A spy is the state of a spy.
type spy struct {
	out     printer
	waiting int // pieces that are being printed, for which out is open
	lost    int // pieces that have been left out
}

// open opens what the spy has: an endpoint, and w while there is something to
// print.
func (s spy) open() actions.Action {
	return actions.Group(
		endpoint.ObservePublishers(topic.All[Data](), endpoint.OnMessageState(spy.see)),
		actions.When(s.waiting > 0, s.hold()),
	)
}

func (s spy) hold() actions.Action {
	return endpoint.Device(s.out,
		endpoint.OnDoneState(spy.printed),
		endpoint.OnFailedState(spy.printFailed),
		endpoint.OnEndedState(spy.ended),
	)
}

// see has a piece printed.
func (s spy) see(d Data) actions.Transition[spy] {
	p := piece{Data: d, Lost: s.lost}
	s.lost = 0
	s.waiting++
	return actions.Next(s,
		actions.When(s.waiting == 1, s.hold()),
		actions.Tell(s.out, p),
	)
}

// printed is told that a piece has been printed.
func (s spy) printed(any) actions.Transition[spy] {
	s.waiting--
	return actions.Next(s, actions.When(s.waiting == 0, actions.Close(s.out)))
}

// printFailed handles a piece that could not be printed.
func (s spy) printFailed(_ any, reason error) actions.Transition[spy] {
	return actions.Next(s, actions.Fail(reason))
}

// ended is told why nothing of what waits will be printed.
func (s spy) ended(reason error) actions.Transition[spy] {
	if errors.Is(reason, world.ErrStopped) {
		return actions.Next(s) // until everybody has stopped, it will
	}
	s.lost += s.waiting
	s.waiting = 0
	return actions.Next(s)
}
