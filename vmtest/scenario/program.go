package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// This file has the scenario language, as it is in the files of the corpus. A
// scenario says what processes do: it is a program, and what it says is the
// same for every implementation of the machine.

// A Scenario is a program and the facts that must hold when it has run.
type Scenario struct {
	ID          string
	Group       string
	Description string
	Quirks      []string // of the reference; some do not hold here
	Scenario    struct{ Boot *scriptBody }
	Expected    Facts
}

// Nests reports whether there is a machine in a machine of the scenario.
func (s *Scenario) Nests() bool { return nests(reflect.ValueOf(s.Scenario)) }

func nests(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && (v.Type() == reflect.TypeFor[*scriptSpawnVM]() || nests(v.Elem()))
	case reflect.Struct:
		for _, part := range v.Fields() {
			if nests(part) {
				return true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if nests(v.Index(i)) {
				return true
			}
		}
	}
	return false
}

// A scriptBody is the behavior of a process: its first state, and its first
// step.
type scriptBody struct {
	State map[string]term
	scriptStep
}

// A scriptStep is a transition function.
type scriptStep struct {
	Update []scriptUpdate
	Raise  *string // throw an exception; nothing else in the step counts
	Do     scriptActions
	Seq    []*scriptStep
}

// A scriptUpdate changes a variable: ["add", v, n] or ["set", v, value].
type scriptUpdate struct {
	op, variable string
	operand      term
}

// UnmarshalJSON implements [json.Unmarshaler].
func (u *scriptUpdate) UnmarshalJSON(data []byte) error {
	return unmarshalTriple(data, &u.op, &u.variable, &u.operand)
}

// A scriptCondition compares a variable: [op, v, value].
type scriptCondition struct {
	op, variable string
	operand      term
}

// UnmarshalJSON implements [json.Unmarshaler].
func (c *scriptCondition) UnmarshalJSON(data []byte) error {
	return unmarshalTriple(data, &c.op, &c.variable, &c.operand)
}

func unmarshalTriple(data []byte, to ...any) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if len(parts) != len(to) {
		return fmt.Errorf("%s has %d parts, not %d", data, len(parts), len(to))
	}
	for i, p := range parts {
		if err := json.Unmarshal(p, to[i]); err != nil {
			return err
		}
	}
	return nil
}

// A scriptRule is a clause of a handler. It fires if all its conditions hold;
// those that are not given do.
type scriptRule struct {
	On           string
	Conversation term
	Message      term
	Reason       term
	Interest     *string
	Limit        *int // how many times a handler may fire it
	When         []scriptCondition
	scriptStep
}

// A scriptAction is an action that is not a list: it has exactly one field.
type scriptAction struct {
	Endpoint *scriptEndpoint
	Delete   *scriptDelete
	Send     term
	Feedback term
	Spawn    *scriptSpawn
	SpawnVM  *scriptSpawnVM `json:"spawn_vm"`
	Quit     *scriptQuit
	Yield    *scriptStep
	Meta     *scriptActions
}

type scriptEndpoint struct {
	ID          term
	Orientation string
	Interest    string // participant if empty
	Topic       term
	Rules       []*scriptRule
}

type scriptDelete struct{ ID, Reason term }

type scriptQuit struct{ PID, Reason term }

type scriptSpawn struct {
	Name  scriptName
	Child *scriptBody
	PID   string // captures the PID of the child
	Then  *scriptStep
}

type scriptSpawnVM struct {
	Name    scriptName
	Boot    *scriptBody
	PID     string // captures the PID of the machine
	BootPID string `json:"boot_pid"` // captures the PID of its first process, in it
	Then    *scriptStep
}

// scriptActions is a tree of actions: the actions in it, from left to right.
type scriptActions []*scriptAction

// UnmarshalJSON implements [json.Unmarshaler].
func (as *scriptActions) UnmarshalJSON(data []byte) error {
	*as = nil
	switch string(data) {
	case "null", "false":
		return nil
	}
	if data[0] == '[' {
		var trees []scriptActions
		if err := json.Unmarshal(data, &trees); err != nil {
			return err
		}
		*as = slices.Concat(trees...)
		return nil
	}
	a := new(scriptAction)
	if err := unmarshalStrictly(data, a); err != nil {
		return err
	}
	*as = scriptActions{a}
	return nil
}

// A scriptName is the name of a process: parts to be joined.
type scriptName []term

// UnmarshalJSON implements [json.Unmarshaler].
func (n *scriptName) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		return json.Unmarshal(data, (*[]term)(n))
	}
	*n = make([]term, 1)
	return json.Unmarshal(data, &(*n)[0])
}

func (n scriptName) fill(s scope, vars variables) string {
	var b strings.Builder
	for _, part := range n {
		fmt.Fprint(&b, fillTerm(part.value, s, vars))
	}
	return b.String()
}

// unmarshalStrictly is json.Unmarshal that knows all fields. Actions and facts
// are read with it, so that nothing in them is overlooked.
func unmarshalStrictly(data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// Read returns the scenarios in a folder, by name of file.
func Read(folder string) ([]*Scenario, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	var all []*Scenario
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		s := new(Scenario)
		err = unmarshalStrictly(data, s)
		if err == nil && (s.ID == "" || s.Scenario.Boot == nil || len(s.Expected.Processes) == 0) {
			err = errors.New("not a scenario: it lacks an id, a first process or expected facts")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no scenarios (*.json) in the folder %q", folder)
	}
	return all, nil
}
