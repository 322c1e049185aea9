package scenario

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// This file has the endpoints of interpreted processes: what their handlers
// are told, and the rules by which they react.

// endpoint returns the action that opens an endpoint, whose handler tries the
// rules in order.
func (p *scriptProcess) endpoint(a *scriptEndpoint, at *Machine, s scope, vars variables) actions.AddEndpoint {
	role := topic.Role{
		Orientation: oneOf(a.Orientation, topic.Publisher, topic.Subscriber),
		Interest:    oneOf(cmp.Or(a.Interest, "participant"), topic.Participant, topic.Observer, topic.Everything),
		Topic:       topic.Like(topic.Tuple{fillTerm(a.Topic.value, s, vars)}).Topic(),
	}
	id := fillTerm(a.ID.value, s, vars)
	fired := make([]int, len(a.Rules))
	handler := func(vars variables, ev *actions.Event) actions.Transition[variables] {
		defer p.noteFaults()
		seen := p.see(id, at != p.in, role, ev)
		p.record(&seen)
		for i, rule := range a.Rules {
			if rule.Limit != nil && fired[i] >= *rule.Limit {
				continue
			}
			if s, ok := rule.fires(&seen, s, vars); ok {
				fired[i]++
				return p.step(&rule.scriptStep, s, vars)
			}
		}
		return actions.Next(vars)
	}
	return actions.AddEndpoint{Role: role, Handler: actions.HandlerOf(handler)}.As(nameOf(id))
}

// oneOf returns the value whose name is s.
func oneOf[T fmt.Stringer](s string, values ...T) T {
	i := slices.IndexFunc(values, func(v T) bool { return v.String() == s })
	if i < 0 {
		panic(malformed(fmt.Sprintf("%q is none of %v", s, values)))
	}
	return values[i]
}

// see returns what an event tells an endpoint.
func (p *scriptProcess) see(id any, meta bool, role topic.Role, ev *actions.Event) scriptEvent {
	e := scriptEvent{Endpoint: term{true, id}, Meta: meta, Kind: ev.Kind.String()}
	switch ev.Kind {
	case actions.Presence, actions.Absence:
		e.Role.Orientation = ev.Peer.Orientation.String()
		e.Role.Interest = ev.Peer.Interest.String()
		if about, ok := topic.Typed[topic.Tuple](ev.Peer.Topic); ok && len(about.Example()) == 1 {
			e.Role.Topic = term{true, about.Example()[0]}
		}
		if ev.Kind == actions.Absence {
			e.Reason = term{true, p.run.reasonOf(ev.Reason)}
		}
	case actions.Delivery:
		// A message comes from the other side, and is its own topic.
		e.Role.Orientation = role.Orientation.Opposite().String()
		e.Role.Interest = topic.Participant.String()
		if m, ok := topic.As[topic.Tuple](ev.Message); ok && len(m) == 1 {
			e.Message = term{true, m[0]}
			e.Role.Topic = e.Message
		}
	}
	if !e.Role.Topic.given {
		panic(malformed(fmt.Sprintf("event of a kind or a type that no scenario has: %+v", *ev)))
	}
	return e
}

func (p *scriptProcess) record(e *scriptEvent) {
	line := e.String()
	p.run.Log = append(p.run.Log, p.path+" "+line)
	p.run.Events[p.path] = append(p.run.Events[p.path], line)
	if e.Message.given {
		k := endpointKey{p.path, termText(e.Endpoint.value), e.Meta}
		p.run.heard[k] = append(p.run.heard[k], termText(e.Message.value))
	}
}

// fires reports whether all conditions of the rule hold for an event.
func (r *scriptRule) fires(e *scriptEvent, s scope, vars variables) (scope, bool) {
	if r.On != e.Kind || r.Interest != nil && *r.Interest != e.Role.Interest {
		return nil, false
	}
	for _, part := range []struct{ pattern, value term }{
		{r.Conversation, e.Role.Topic}, {r.Message, e.Message}, {r.Reason, e.Reason},
	} {
		if !part.pattern.given {
			continue
		}
		var ok bool
		if s, ok = matchTerm(part.pattern.value, part.value.value, s); !ok {
			return nil, false
		}
	}
	for _, c := range r.When {
		if !c.holds(lookUp(vars, c.variable, "variable"), fillTerm(c.operand.value, s, vars)) {
			return nil, false
		}
	}
	return s, true
}

func (c scriptCondition) holds(left, right any) bool {
	switch c.op {
	case "=":
		return equalTerms(left, right)
	case "!=":
		return !equalTerms(left, right)
	}
	n, ok := left.(int)
	m, also := right.(int)
	if ok && also {
		switch c.op {
		case "<":
			return n < m
		case "<=":
			return n <= m
		case ">":
			return n > m
		case ">=":
			return n >= m
		}
	}
	panic(malformed(fmt.Sprintf("condition %v %s %v", left, c.op, right)))
}

// A termError is a term as a reason. The term null is no error.
type termError struct{ value any }

func (e termError) Error() string { return termText(e.value) }

func errorOf(t any) error {
	if t == nil {
		return nil
	}
	return termError{t}
}

// reasonOf is the inverse of errorOf. A crash comes out as its exception. An error that
// comes from another machine is known by its text.
func (r *Run) reasonOf(err error) any {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[termError](err); ok {
		return e.value
	}
	if e, ok := errors.AsType[*vm.PanicError](err); ok {
		if message, ok := e.Value.(raised); ok {
			return exceptionTerm{string(message)}
		}
	}
	if e, ok := errors.AsType[*world.Error](err); ok {
		if message, ok := strings.CutPrefix(e.Text, "vm: panic: "); ok {
			return exceptionTerm{message}
		}
		var t term
		if json.Unmarshal([]byte(e.Text), &t) == nil {
			return t.value
		}
	}
	r.fault("a reason that is none of the scenario: %v", err)
	return exceptionTerm{err.Error()}
}
