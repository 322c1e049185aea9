package outbox

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// The process types.
var (
	senders   = actions.CodedAs(actions.Define("outbox.sender", sender.open), sender.written, readSender)
	receivers = actions.CodedAs(actions.Define("outbox.receiver", receiver.open), receiver.written, readReceiver)
)

// The written forms of states. The names of their fields never change.
type (
	writtenSender struct {
		Config             Config
		Self               actions.PID
		To                 Box
		Life               uint64
		Account            account
		First, Next, Fresh uint64
		Waiting            []writtenLetter // from First on
		Receivers          int
		Ready              bool
		Trouble            *world.Error
	}
	writtenLetter struct {
		Type  string
		Form  codec.Fingerprint
		Data  []byte
		From  rpc.Caller
		N     uint64
		Level int
	}
	writtenReceiver struct {
		Config     Config
		Self       actions.PID
		Name       string
		Life       uint64
		Listeners  int
		Given, Now uint64
		Known      []writtenCorrespondent
	}
	writtenCorrespondent struct {
		From, Account, Last uint64
		Refused             []refusal
		Heard               uint64
		Present             int
	}
)

func (s sender) written() writtenSender {
	w := writtenSender{
		Config: s.config, Self: s.self, To: s.to, Life: s.life, Account: s.account, First: s.first, Next: s.next, Fresh: s.fresh,
		Receivers: s.receivers, Ready: s.ready,
	}
	w.Trouble, _ = s.trouble.(*world.Error)
	for i := s.waiting.Iterator(); !i.Done(); {
		_, l, _ := i.Next()
		w.Waiting = append(w.Waiting, writtenLetter{l.body.Type, l.body.Form, l.body.Data, l.from, l.n, l.level})
	}
	return w
}

func readSender(w writtenSender) (sender, error) {
	s := newSender(w.Config, w.Self, w.To)
	s.life, s.account, s.first, s.next, s.fresh = w.Life, w.Account, w.First, w.Next, w.Fresh
	if end := w.First + uint64(len(w.Waiting)); s.first == 0 || s.next < s.first || s.fresh < s.next || end < s.fresh {
		return s, fmt.Errorf("outbox: the numbers %d, %d, %d and %d of a sender are not in order", s.first, s.next, s.fresh, end)
	}
	s.receivers, s.ready, s.trouble = w.Receivers, w.Ready, nil
	if w.Trouble != nil {
		s.trouble = w.Trouble
	}
	for i, l := range w.Waiting {
		n := w.First + uint64(i)
		s.waiting = s.waiting.Set(n, letter{wire.Sealed{Type: l.Type, Form: l.Form, Data: l.Data}, l.From, l.N, l.Level})
		s.bytes += len(l.Data)
		if n < s.next {
			s.flying += len(l.Data)
		}
	}
	return s, w.Config.check()
}

func (r receiver) written() writtenReceiver {
	w := writtenReceiver{Config: r.config, Self: r.self, Name: r.name, Life: r.life, Listeners: r.listeners, Given: r.given, Now: r.now}
	for i := r.known.Iterator(); !i.Done(); {
		from, c, _ := i.Next()
		w.Known = append(w.Known, writtenCorrespondent{from, c.account, c.last, c.refused, c.heard, c.present})
	}
	return w
}

func readReceiver(w writtenReceiver) (receiver, error) {
	r := newReceiver(w.Config, w.Self, w.Name)
	r.life, r.listeners, r.given, r.now = w.Life, w.Listeners, w.Given, w.Now
	for _, c := range w.Known {
		r.known = r.known.Set(c.From, correspondent{c.Account, c.Last, c.Refused, c.Heard, c.Present})
	}
	return r, w.Config.check()
}
