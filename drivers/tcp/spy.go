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

// Spy returns the action that spawns a process that prints to w all [Data] that is
// sent in its machine, as hex dumps, with direction, addresses and length.
//
//	in, from 127.0.0.1:50122 to listener(:5999): 13 bytes
//	00000000  68 65 6c 6c 6f 2c 20 77  6f 72 6c 64 0a           |hello, world.|
//	out, from listener(:5999) to 127.0.0.1:50122: the end
//
// Data of connections with TLS is printed in plain text. The name tells apart the
// spies of a machine. The spy calls w.Write once for each Data, in the order of
// sending; if that returns an error, the spy ends with it.
//
// A spy only observes. It keeps no connection open, makes no driver listen, and holds
// w only while there is something to print, so it keeps no machine from ending. It
// makes nobody wait: if w takes less than is sent, the spy leaves some Data out, and
// prints how many. When the machine stops, w has the CloseLimit of the ground to take
// the rest. After that, one goroutine may stay in w.Write until that returns.
//
// Spy panics if w is nil or cannot be compared, as a pointer can.
func Spy(name string, w io.Writer) actions.SpawnProcess {
	switch {
	case w == nil:
		panic(fmt.Sprintf("tcp: Spy(%q, nil): the writer is nil: give it one, such as os.Stderr", name))
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

// open opens the endpoint of the spy, and w while there is something to print.
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

// see prints a Data.
func (s spy) see(d Data) actions.Transition[spy] {
	p := piece{Data: d, Lost: s.lost}
	s.lost = 0
	s.waiting++
	return actions.Next(s,
		actions.When(s.waiting == 1, s.hold()),
		actions.Tell(s.out, p),
	)
}

// printed handles a piece that has been printed.
func (s spy) printed(any) actions.Transition[spy] {
	s.waiting--
	return actions.Next(s, actions.When(s.waiting == 0, actions.Close(s.out)))
}

// printFailed handles a piece that could not be printed.
func (s spy) printFailed(_ any, reason error) actions.Transition[spy] {
	return actions.Next(s, actions.Fail(reason))
}

// ended handles the end of the printer. Pieces that wait are lost.
func (s spy) ended(reason error) actions.Transition[spy] {
	if errors.Is(reason, world.ErrStopped) {
		return actions.Next(s) // the printer still prints while the machine stops
	}
	s.lost += s.waiting
	s.waiting = 0
	return actions.Next(s)
}
