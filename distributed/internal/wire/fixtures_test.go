package wire_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

type (
	says struct {
		Who  string
		What []byte
	}
	move struct {
		Head struct{ From, To inet.Addr }
		Grid [2]int8
		Any  any
		Ok   bool
	}
	word   string
	nobody struct{ Says says } // not registered
	handed struct{ By map[string][]actions.PID }
	secret struct{ N *int }
	inner  struct{ Order struct{ wire.Unsendable } }
)

func init() {
	world.Register[says]("wire_test.says")
	world.Register[move]("wire_test.move")
	world.Register[word]("wire_test.word")
	world.Register[handed]("wire_test.handed")
	world.Register[secret]("wire_test.secret")
	world.Register[inner]("wire_test.inner")
}

var (
	sayer   = topic.FieldOf(func(s *says) *string { return &s.Who })
	moveTo  = topic.FieldOf(func(m *move) *inet.Addr { return &m.Head.To })
	grid    = topic.FieldOf(func(m *move) *[2]int8 { return &m.Grid })
	moveAny = topic.FieldOf(func(m *move) *any { return &m.Any })
	moveOk  = topic.FieldOf(func(m *move) *bool { return &m.Ok })
	number  = topic.FieldOf(func(s *secret) **int { return &s.N })
)

// roles can all be sent.
var roles = []topic.Role{
	{Topic: topic.Any.Topic()},
	{Orientation: topic.Subscriber, Interest: topic.Everything, Topic: topic.All[says]().Topic()},
	{Interest: topic.Observer, Topic: topic.Where(sayer.Is("tony")).Topic()},
	{Topic: topic.Where(topic.Glob(sayer, "t*"), topic.Glob(sayer, "*\xff")).Topic()},
	{Topic: topic.Where(moveTo.Is(inet.Remote("10.1.2.3", 80)), grid.Is([2]int8{1, -2}), moveOk.Is(false)).Topic()},
	{Topic: topic.Where(moveAny.Is(nil)).Topic()},
	{Topic: topic.Where(moveAny.Is(any(word("x")))).Topic()},
	{Orientation: topic.Subscriber, Topic: topic.All[topic.Tuple]().Topic()},
	{Topic: topic.Like(topic.Tuple{}).Topic()},
	{Topic: topic.Like(topic.Tuple{1.5, move{Any: 2.5}, true}).Topic()},
	{Topic: topic.Like(topic.Tuple{"take", topic.Tuple{topic.Wild, 1, topic.Tuple{}}, nil, word("x"), topic.Wild}).Topic()},
}

// messages can all be sent.
var messages = []topic.Message{
	topic.MessageOf(says{"tony", []byte("hi")}), topic.MessageOf(says{}), topic.MessageOf(word("")),
	topic.MessageOf(move{Any: topic.Tuple{1, word("x")}, Ok: true}), topic.MessageOf(topic.Tuple{"a", 1, nil}), topic.MessageOf(7),
}

var errGone = errors.New("gone")

// A log has what a reader has read, as lines.
type log struct {
	lines []string
	after int // fail after so many lines, if it is not 0
}

func (l *log) add(format string, args ...any) error {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
	if len(l.lines) == l.after {
		return errGone
	}
	return nil
}

func role(r wire.Role) string {
	if r.Err != nil {
		return "(" + r.Err.Error() + ")"
	}
	return r.String()
}

func content(c wire.Content) string {
	if c.Err != nil {
		return fmt.Sprintf("(%v) %x", c.Err, c.Data)
	}
	return c.Message.String()
}

func (l *log) Assert(id uint64, r wire.Role) error   { return l.add("assert %d %s", id, role(r)) }
func (l *log) Retract(id uint64, reason error) error { return l.add("retract %d %v", id, reason) }
func (l *log) Send(o topic.Orientation, c wire.Content) error {
	return l.add("send by %v %s", o, content(c))
}
func (l *log) Presence(id, peer uint64, r wire.Role) error {
	return l.add("presence %d.%d %s", id, peer, role(r))
}
func (l *log) Absence(id, peer uint64, reason error) error {
	return l.add("absence %d.%d %v", id, peer, reason)
}
func (l *log) Message(id uint64, c wire.Content) error { return l.add("message %d %s", id, content(c)) }
func (l *log) Reject(id uint64, reason error) error    { return l.add("reject %d %v", id, reason) }
func (l *log) Settled(id uint64) error                 { return l.add("settled %d", id) }
func (l *log) Serves(name string, epoch uint64) error  { return l.add("serves %q %d", name, epoch) }
func (l *log) You(via uint64) error                    { return l.add("you %d", via) }
func (l *log) String() string                          { return strings.Join(l.lines, "\n") }

// read reads bodies, from either side.
func read(home bool, k wire.Known, l *log, bodies ...[]byte) (wire.Known, error) {
	for _, b := range bodies {
		var err error
		if home {
			k, err = wire.ReadFromHome(b, k, l)
		} else {
			k, err = wire.ReadFromClient(b, k, l)
		}
		if err != nil {
			return k, err
		}
	}
	return k, nil
}
