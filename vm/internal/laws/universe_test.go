package laws

import (
	"context"
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// This file has what random programs are about: few messages and few patterns,
// so that most of them have something to do with each other.

type lawNote struct {
	A string
	B int8
	C string
}

type lawPing struct{ K string }

var (
	lawA = topic.FieldOf(func(n *lawNote) *string { return &n.A })
	lawB = topic.FieldOf(func(n *lawNote) *int8 { return &n.B })
	lawC = topic.FieldOf(func(n *lawNote) *string { return &n.C })
	lawK = topic.FieldOf(func(p *lawPing) *string { return &p.K })
)

var lawTopics = []topic.Topic{
	topic.All[lawNote]().Topic(),
	topic.Where(lawA.Is("a")).Topic(),
	topic.Where(lawA.Is("ab")).Topic(),
	topic.Where(lawB.Is(0)).Topic(),
	topic.Where(lawA.Is("a"), lawB.Is(1)).Topic(),
	topic.Where(topic.Glob(lawA, "a*")).Topic(),
	topic.Where(topic.Glob(lawA, "*b")).Topic(),
	topic.Where(topic.Glob(lawA, "?"), lawB.Is(0)).Topic(),
	topic.Where(topic.Glob(lawC, "*x*"), topic.Glob(lawA, "a*")).Topic(),
	topic.Where(lawC.Is("x")).Topic(),
	topic.Where(lawA.Is("ab"), lawB.Is(0), lawC.Is("x")).Topic(),
	topic.All[lawPing]().Topic(),
	topic.Where(lawK.Is("a")).Topic(),
	topic.Where(topic.Glob(lawK, "a*")).Topic(),
	topic.Any.Topic(),
	topic.All[topic.Tuple]().Topic(),
	topic.Like(topic.Tuple{"x", topic.Wild}).Topic(),
	topic.Like(topic.Tuple{topic.Wild, 1}).Topic(),
	topic.Like(topic.Tuple{"x", 1}).Topic(),
	topic.Like(topic.Tuple{"x", topic.Tuple{1, topic.Wild}}).Topic(),
	topic.Like(topic.Tuple{topic.Wild, topic.Tuple{topic.Wild, 2}}).Topic(),
}

var lawMessages = []topic.Message{
	topic.MessageOf(lawNote{}),
	topic.MessageOf(lawNote{A: "a"}),
	topic.MessageOf(lawNote{A: "a", B: 1}),
	topic.MessageOf(lawNote{A: "ab", C: "x"}),
	topic.MessageOf(lawNote{A: "ab", B: 1, C: "yx"}),
	topic.MessageOf(lawNote{A: "b", C: "x"}),
	topic.MessageOf(lawPing{}),
	topic.MessageOf(lawPing{"a"}),
	topic.MessageOf(lawPing{"ab"}),
	topic.MessageOf(topic.Tuple{"x", 1}),
	topic.MessageOf(topic.Tuple{"x", topic.Tuple{1, 2}}),
	topic.MessageOf(topic.Tuple{}),
	topic.MessageOf(0),
}

var lawReasons = []error{nil, errors.New("enough"), errors.New("no more")}

// lawDemands are the ways in which endpoints count their peers. Most do not.
var lawDemands = []*actions.Demand{
	nil,
	nil,
	{},
	{By: topic.Select[lawNote](lawA)},
	{By: topic.Select[lawNote](lawB), Filter: actions.Filter{Others: true}},
	{Filter: actions.Filter{Interest: actions.Only(topic.Observer)}},
	{By: topic.Select[lawNote](lawC), Filter: actions.Filter{Interest: actions.Only(topic.Participant)}},
}

// lawNames are the names of endpoints. The first stands for none, and the last
// for one that is no name at all.
var lawNames = []actions.EndpointID{nil, "p", "q", "r", -1, []int{1}}

// A lawDevice is a device that is moved by a test: it never opens.
type lawDevice struct{ Name string }

// DeviceName implements [world.Device].
func (d lawDevice) DeviceName() string { return "law " + d.Name }

// Open implements [world.Device].
func (lawDevice) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errors.New("a lawDevice is moved by a test")
}

// lawReason is the text of a reason. It leaves out what an error says beyond
// what kind of error it is.
func lawReason(err error) string {
	if err == nil {
		return ""
	}
	if p, ok := errors.AsType[*vm.PanicError](err); ok {
		return p.Error()
	}
	for _, kind := range []error{vm.ErrOrphaned, vm.ErrStateType, vm.ErrRole, vm.ErrNoOuterLevel, vm.ErrAction, vm.ErrOverflow, vm.ErrGoexit, vm.ErrNoProcess} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	return err.Error()
}
