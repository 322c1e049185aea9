package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// This file has the terms of the scenario language as Go values.
//
//	string, integer, boolean, null   string, int, bool, nil
//	list                             topic.Tuple{listHead{}, elements...}
//	record                           topic.Tuple{recordHead(label), fields...}
//	wildcard                         topic.Wild
//	pid, exception                   pidTerm, exceptionTerm; at run time only
//
// The head of a list has another type than the head of a record, so the two
// never match, and a wildcard is only compared with a whole term. Templates and
// patterns are terms in which captured, variable and equalTo occur as well.

type (
	listHead   struct{}
	recordHead string

	// A pidTerm is a process: in which machine, and its PID there.
	pidTerm struct {
		machine string // its path in the scenario
		pid     actions.PID
	}

	// An exceptionTerm is the reason of a crash. The message is a string, and
	// in a pattern any pattern.
	exceptionTerm struct{ message any }

	captured string // {"$": x}: in templates a captured value, in patterns a capture
	variable string // {"state": v}: the value of a variable of the process
	equalTo  string // {"=": x}: what was captured, in patterns
)

// A term is a place in a scenario for a term, a template or a pattern. Whether
// there is one matters, because null is one.
type term struct {
	given bool
	value any
}

// UnmarshalJSON implements [json.Unmarshaler]. It is called for null, too.
func (t *term) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // 1 is an int, and no other number is
	var raw any
	if err := d.Decode(&raw); err != nil {
		return err
	}
	v, err := termOf(raw)
	t.given, t.value = true, v
	return err
}

func termOf(raw any) (any, error) {
	switch raw := raw.(type) {
	case json.Number:
		n, err := raw.Int64()
		return int(n), err
	case []any:
		return tupleOf(listHead{}, raw)
	case map[string]any:
		return objectOf(raw)
	default:
		return raw, nil
	}
}

func tupleOf(head any, parts []any) (topic.Tuple, error) {
	t := topic.Tuple{head}
	for _, p := range parts {
		v, err := termOf(p)
		if err != nil {
			return nil, err
		}
		t = append(t, v)
	}
	return t, nil
}

func objectOf(o map[string]any) (any, error) {
	if label, ok := o["rec"].(string); ok && len(o) == 2 {
		if fields, ok := o["fields"].([]any); ok {
			return tupleOf(recordHead(label), fields)
		}
	}
	for key, raw := range o {
		name, _ := raw.(string)
		switch {
		case len(o) != 1:
		case key == "?" && raw == true:
			return topic.Wild, nil
		case key == "pid" && raw == true:
			return pidTerm{}, nil // which one is not told in expected facts
		case key == "exception":
			message, err := termOf(raw)
			return exceptionTerm{message}, err
		case key == "$" && name != "":
			return captured(name), nil
		case key == "state" && name != "":
			return variable(name), nil
		case key == "=" && name != "":
			return equalTo(name), nil
		}
	}
	return nil, fmt.Errorf("%v is not a term", o)
}

// Terms can be sent to other machines, unless there is a process in them.
func init() {
	world.Register[listHead]("scenario.listHead")
	world.Register[recordHead]("scenario.recordHead")
}

// A scope has the values that are captured at some place in a scenario.
type scope map[string]any

// with returns the scope in which name stands for v.
func (s scope) with(name string, v any) scope {
	if name == "" {
		return s
	}
	return extended(s, name, v)
}

// variables is the state of a process. It is never changed, but replaced.
type variables map[string]any

func (s variables) with(name string, v any) variables { return extended(s, name, v) }

func extended[M ~map[string]any](old M, name string, v any) M {
	m := make(M, len(old)+1)
	for k, v := range old {
		m[k] = v
	}
	m[name] = v
	return m
}

// fillTerm returns the term that a template makes.
func fillTerm(template any, s scope, vars variables) any {
	switch t := template.(type) {
	case topic.Tuple:
		filled := make(topic.Tuple, len(t))
		for i, part := range t {
			filled[i] = fillTerm(part, s, vars)
		}
		return filled
	case captured:
		return lookUp(s, string(t), "capture")
	case variable:
		return lookUp(vars, string(t), "variable")
	case equalTo:
		panic(malformed(fmt.Sprintf("template with an equation %q", string(t))))
	default:
		return template
	}
}

func lookUp[M ~map[string]any](m M, name, what string) any {
	v, ok := m[name]
	if !ok {
		panic(malformed(fmt.Sprintf("no %s %q", what, name)))
	}
	return v
}

// matchTerm compares v with a pattern. If it matches, it returns the scope with
// what the pattern captures.
func matchTerm(pattern, v any, s scope) (scope, bool) {
	switch p := pattern.(type) {
	case captured:
		return s.with(string(p), v), true
	case equalTo:
		return s, equalTerms(lookUp(s, string(p), "capture"), v)
	case exceptionTerm:
		e, ok := v.(exceptionTerm)
		if !ok {
			return s, false
		}
		return matchTerm(p.message, e.message, s)
	case topic.Tuple:
		t, ok := v.(topic.Tuple)
		if !ok || len(t) != len(p) {
			return s, false
		}
		for i := range p {
			if s, ok = matchTerm(p[i], t[i], s); !ok {
				return s, false
			}
		}
		return s, true
	default:
		return s, pattern == topic.Wild || equalTerms(pattern, v)
	}
}

// equalTerms reports whether two terms are equal. A wildcard is equal to nothing.
func equalTerms(a, b any) bool {
	t, ok := a.(topic.Tuple)
	u, also := b.(topic.Tuple)
	if !ok || !also {
		return ok == also && a != topic.Wild && a == b
	}
	if len(t) != len(u) {
		return false
	}
	for i := range t {
		if !equalTerms(t[i], u[i]) {
			return false
		}
	}
	return true
}

// A nameTerm is a term as the name of an endpoint, for which == is equality of
// terms: lists and records are chains of links.
type nameTerm struct{ value any }

type nameLink struct{ first, rest any }

func nameOf(t any) nameTerm { return nameTerm{chain(t)} }

func chain(t any) any {
	tuple, ok := t.(topic.Tuple)
	if !ok {
		return t
	}
	var links any
	for i := len(tuple) - 1; i >= 0; i-- {
		links = nameLink{chain(tuple[i]), links}
	}
	return links
}

// termText returns the text of a term: its JSON, in which all pids are alike.
func termText(t any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(rawOf(t)); err != nil {
		return fmt.Sprintf("%#v", t)
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

func rawOf(t any) any {
	switch t := t.(type) {
	case topic.Tuple:
		parts := make([]any, 0, len(t))
		for _, p := range t[1:] {
			parts = append(parts, rawOf(p))
		}
		if label, ok := t[0].(recordHead); ok {
			return map[string]any{"rec": label, "fields": parts}
		}
		return parts
	case pidTerm:
		return map[string]any{"pid": true}
	case exceptionTerm:
		return map[string]any{"exception": rawOf(t.message)}
	case nil, string, int, bool:
		return t
	default:
		if t == topic.Wild {
			return map[string]any{"?": true}
		}
		return map[string]any{"unknown": fmt.Sprintf("%#v", t)}
	}
}
