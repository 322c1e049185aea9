package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"sync"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// The kinds of items.
const (
	isType = 1 + iota
	isAssert
	isRetract
	isSend
	isPresence
	isAbsence
	isMessage
	isReject
	isSettled
	isServes
	isYou
)

// A Writer writes items. Its methods return an error, an [ErrUnsendable] or an
// [ErrTooLarge], if an item cannot be written; nothing has changed then.
type Writer struct {
	// Sent are the types that were introduced. Set it before the first item, and keep it
	// for the next Writer of the session.
	Sent Sent

	items []byte
	ends  []int // of the bodies before the last
}

// Reset makes w the writer of a new list of items. It keeps the memory, which bodies share.
func (w *Writer) Reset(s Sent) { *w = Writer{s, w.items[:0], w.ends[:0]} }

// Bodies calls yield with the bodies of the DATA frames that the items need, in order. They
// are valid until the next Reset.
func (w *Writer) Bodies(yield func(body []byte) bool) {
	start := 0
	for _, end := range w.ends {
		if !yield(w.items[start:end:end]) {
			return
		}
		start = end
	}
	if start < len(w.items) {
		yield(w.items[start:])
	}
}

// Assert opens an endpoint of the client.
func (w *Writer) Assert(id uint64, r topic.Role) error {
	return w.role(isAssert, id, 0, false, r)
}

// AssertKey is [Writer.Assert] for the role that has a key: see [Key].
func (w *Writer) AssertKey(id uint64, key string) error {
	r := reader{data: []byte(key)}
	name := r.text("the name of a type", MaxName)
	sides, one := r.octet("the side"), r.octet("the number of a type")
	if r.err != nil {
		return r.err
	}
	sent, dst, n := w.Sent, w.items, uint64(0)
	if one != 0 {
		t, ok := world.Registered(name)
		if !ok {
			return fmt.Errorf("%w: no type is registered as %q", ErrUnsendable, name)
		}
		var err error
		if dst, n, err = w.introduce(dst, t); err != nil {
			return err
		}
	}
	dst = binary.AppendUvarint(append(dst, isAssert), id)
	start := len(dst)
	dst = append(binary.AppendUvarint(append(dst, sides), n), r.data...)
	return w.done(withLength(dst, start), nil, sent)
}

// Retract closes an endpoint of the client.
func (w *Writer) Retract(id uint64, reason error) error {
	return w.item(appendReason(binary.AppendUvarint(append(w.items, isRetract), id), reason))
}

// Send sends a message on behalf of a side.
func (w *Writer) Send(side topic.Orientation, m topic.Message) error {
	sent := w.Sent
	dst, err := w.message(w.items, []byte{isSend, byte(side)}, m)
	return w.done(dst, err, sent)
}

// An Encoded is a message in the form in which it is sent. The process that sends it
// encodes it, so that an error ends this process and no other.
type Encoded struct {
	Type string // the name of its type
	Data []byte
}

// Encode encodes a message. The error, an [ErrUnsendable] or an [ErrTooLarge], says why it
// cannot be sent.
func Encode(m topic.Message) (Encoded, error) {
	ref := m.Ref()
	if ref == nil {
		return Encoded{}, errNoMessage
	}
	f := formOf(m.Type())
	if f.err != nil {
		return Encoded{}, f.err
	}
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	data, err := codec.AppendRef((*room)[:0], ref)
	switch {
	case err != nil:
		return Encoded{}, fmt.Errorf("%w: %w", ErrUnsendable, err)
	case len(data) > MaxMessage:
		return Encoded{}, fmt.Errorf("%w: a %s needs %d bytes, and at most %d are allowed", ErrTooLarge, f.name, len(data), MaxMessage)
	}
	if cap(data) <= largestRoom {
		*room = data
	}
	return Encoded{f.name, bytes.Clone(data)}, nil
}

// rooms are memory in which messages are encoded, before their size is known.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

const largestRoom = 64 << 10

// smallItem is how many bytes there are at first for an item without its message.
const smallItem = 12

var errNoMessage = fmt.Errorf("%w: it is no message", ErrUnsendable)

// SendEncoded sends a message on behalf of a side. It is [Writer.Send] for a message that
// [Encode] has encoded in this program.
func (w *Writer) SendEncoded(side topic.Orientation, e Encoded) error {
	t, ok := world.Registered(e.Type)
	if !ok {
		return fmt.Errorf("%w: no type is registered as %q", ErrUnsendable, e.Type)
	}
	sent := w.Sent
	if w.items == nil {
		w.items = make([]byte, 0, len(e.Data)+smallItem)
	}
	dst, n, err := w.introduce(w.items, t)
	if err == nil {
		dst = append(appendHead(dst, side, n, e), e.Data...)
	}
	return w.done(dst, err, sent)
}

// Head returns what [Writer.SendEncoded] writes before the data of a message, if the type of
// the message was introduced before.
func (s Sent) Head(side topic.Orientation, e Encoded) (head string, ok bool) {
	n := s.number(e.Type)
	if n == 0 {
		return "", false
	}
	var room [2 + 2*binary.MaxVarintLen64]byte
	return string(appendHead(room[:0], side, n, e)), true
}

func appendHead(dst []byte, side topic.Orientation, n uint64, e Encoded) []byte {
	dst = binary.AppendUvarint(append(dst, isSend, byte(side)), n)
	return binary.AppendUvarint(dst, uint64(len(e.Data)))
}

// Serves tells the home under which name, and in which life, the machine of the client is
// itself a place on its node.
func (w *Writer) Serves(name string, epoch uint64) error {
	return w.item(binary.AppendUvarint(appendText(append(w.items, isServes), name), epoch))
}

// You tells the client which number stands for it at home, where numbers of processes
// that call are of one machine only.
func (w *Writer) You(via uint64) error {
	return w.item(binary.AppendUvarint(append(w.items, isYou), via))
}

// Settled tells an endpoint that it has been told of all peers that were there when it was
// opened.
func (w *Writer) Settled(id uint64) error {
	return w.item(binary.AppendUvarint(append(w.items, isSettled), id))
}

// Presence tells an endpoint of a peer, which has a number.
func (w *Writer) Presence(id, peer uint64, r topic.Role) error {
	return w.role(isPresence, id, peer, true, r)
}

// Absence tells an endpoint that a peer has gone.
func (w *Writer) Absence(id, peer uint64, reason error) error {
	dst := binary.AppendUvarint(binary.AppendUvarint(append(w.items, isAbsence), id), peer)
	return w.item(appendReason(dst, reason))
}

// Message delivers a message to endpoints, whose ids are in ascending order.
func (w *Writer) Message(ids []uint64, m topic.Message) error {
	var room [64]byte
	head := binary.AppendUvarint(append(room[:0], isMessage), uint64(len(ids)))
	last := uint64(0)
	for i, id := range ids {
		if i > 0 && id <= last {
			return fmt.Errorf("%w: the ids %d are not in ascending order", ErrUnsendable, ids)
		}
		head = binary.AppendUvarint(head, id-last)
		last = id
	}
	if len(ids) == 0 {
		return nil
	}
	sent := w.Sent
	dst, err := w.message(w.items, head, m)
	return w.done(dst, err, sent)
}

// Reject tells the client that it cannot have an endpoint.
func (w *Writer) Reject(id uint64, reason error) error {
	return w.item(appendReason(binary.AppendUvarint(append(w.items, isReject), id), reason))
}

func (w *Writer) role(kind byte, id, peer uint64, hasPeer bool, r topic.Role) error {
	sent := w.Sent
	dst := w.items
	body, err := appendRole(nil, r, func(t reflect.Type) (n uint64, err error) {
		dst, n, err = w.introduce(dst, t)
		return n, err
	})
	dst = binary.AppendUvarint(append(dst, kind), id)
	if hasPeer {
		dst = binary.AppendUvarint(dst, peer)
	}
	return w.done(append(binary.AppendUvarint(dst, uint64(len(body))), body...), err, sent)
}

// message appends an item: its beginning, the number of the type of m, and the value.
func (w *Writer) message(dst, head []byte, m topic.Message) ([]byte, error) {
	ref := m.Ref()
	if ref == nil {
		return dst, errNoMessage
	}
	dst, n, err := w.introduce(dst, m.Type())
	if err != nil {
		return dst, err
	}
	dst = binary.AppendUvarint(append(dst, head...), n)
	start := len(dst)
	if dst, err = codec.AppendRef(dst, ref); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrUnsendable, err)
	}
	return withLength(dst, start), nil
}

// introduce returns the number of a type. If it has none yet, the type is introduced.
func (w *Writer) introduce(dst []byte, t reflect.Type) ([]byte, uint64, error) {
	f := formOf(t)
	if f.err != nil {
		return dst, 0, f.err
	}
	if n := w.Sent.number(f.name); n != 0 {
		return dst, n, nil
	}
	if len(w.Sent.Types) == maxTypes {
		return dst, 0, fmt.Errorf("%w: more than %d types are in use", ErrUnsendable, maxTypes)
	}
	w.Sent = w.Sent.with(f.name)
	dst = append(appendText(append(dst, isType), f.name), f.print[:]...)
	return dst, uint64(len(w.Sent.Types)), nil
}

// item adds what was appended to w.items.
func (w *Writer) item(dst []byte) error { return w.done(dst, nil, w.Sent) }

// done adds what was appended to w.items, if there is no error; otherwise the types that
// were introduced are those that were before.
func (w *Writer) done(dst []byte, err error, sent Sent) error {
	if size := len(dst) - len(w.items); err == nil && size > MaxBody {
		err = fmt.Errorf("%w: it needs %d bytes, and at most %d are allowed", ErrTooLarge, size, MaxBody)
	}
	if err != nil {
		w.Sent = sent
		return err
	}
	start := 0
	if len(w.ends) > 0 {
		start = w.ends[len(w.ends)-1]
	}
	if len(dst)-start > MaxBody {
		w.ends = append(w.ends, len(w.items))
	}
	w.items = dst
	return nil
}

// Key returns the text of a role by which equal roles are known in this program: equal
// roles have equal keys. The error says why the role cannot be sent.
func Key(r topic.Role) (string, error) {
	var name string
	b, err := appendRole(nil, r, func(t reflect.Type) (uint64, error) {
		f := formOf(t)
		name = f.name
		return 1, f.err
	})
	if err != nil {
		return "", err
	}
	return string(append(appendText(nil, name), b...)), nil
}

// RoleOf returns the role that has a key.
func RoleOf(key string) (topic.Role, error) {
	r := reader{data: []byte(key)}
	name := r.text("the name of a type", MaxName)
	if r.err != nil {
		return topic.Role{}, r.err
	}
	_, ok := world.Registered(name)
	return readRole(r.data, Known{[]Heard{{name, ok}}})
}
