package node

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/codec"
)

// A Program is what can run at a place: a name, and a function that starts it. Make one with
// [NewProgram].
type Program interface{ program() *definition }

type definition struct {
	name  string
	read  func(args string) (any, error)
	boot  func(args any) actions.SpawnProcess
	types []actions.Type
}

func (p *definition) program() *definition { return p }

// A ProgramOf is a [Program] with arguments of type A.
type ProgramOf[A any] struct{ *definition }

// A Spec is a program with its arguments. It is plain data, so it can be sent.
type Spec struct {
	Program string // its name
	Args    string // as package journal/codec writes them, in base64
}

var programs sync.Map // of string *definition

// NewProgram returns a program. The name identifies it on all nodes, and in saved machines,
// so it must never change. Nothing but the name and the arguments ever comes from another
// node. A is a type that journals can have: its exported fields are sent.
//
// The function returns the process that is the program: a process type
// ([actions.Definition]), a supervisor, or a machine. When it ends, so does the place, with
// its reason. The function must be pure. Types are the process types of the program, which
// a node needs to save its machine.
//
// NewProgram panics if the name is empty or taken, the function is nil, or A cannot be sent.
// Call it for a package variable.
func NewProgram[A any](name string, boot func(A) actions.SpawnProcess, types ...actions.Type) ProgramOf[A] {
	t := reflect.TypeFor[A]()
	if name == "" || boot == nil {
		panic(fmt.Sprintf("node: NewProgram(%q) without a name or a function", name))
	}
	if err := codec.Check(t); err != nil {
		panic(fmt.Sprintf("node: NewProgram(%q): arguments of type %v cannot be sent: %v", name, t, err))
	}
	p := &definition{name: name, types: slices.Clone(types)}
	p.read = func(args string) (any, error) {
		data, err := unpack(args)
		if err != nil {
			return nil, fmt.Errorf("%w: those of program %q: %w", ErrArguments, name, err)
		}
		v, rest, err := codec.DecodeValue(data, t)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: those of program %q: %w", ErrArguments, name, err)
		case len(rest) > 0:
			return nil, fmt.Errorf("%w: those of program %q have %d bytes too many", ErrArguments, name, len(rest))
		}
		return v, nil
	}
	p.boot = func(args any) actions.SpawnProcess {
		a, _ := args.(A)
		return boot(a)
	}
	if _, taken := programs.LoadOrStore(name, p); taken {
		panic(fmt.Sprintf("node: two programs with the name %q", name))
	}
	return ProgramOf[A]{p}
}

// With returns the program with arguments. It panics if they cannot be sent.
func (p ProgramOf[A]) With(a A) Spec {
	args, err := codec.AppendValue(nil, a)
	if err != nil {
		panic(fmt.Sprintf("node: the arguments %+v of program %q cannot be sent: %v", a, p.name, err))
	}
	return Spec{p.name, pack(args)}
}

// pack returns data as a text, which states and journals of any form can have, and unpack
// the data.
func pack(data []byte) string            { return base64.RawStdEncoding.EncodeToString(data) }
func unpack(text string) ([]byte, error) { return base64.RawStdEncoding.DecodeString(text) }

// start returns the action that starts the program of s. If the function of the program
// panics, the process that is to be the program has failed.
func (s Spec) start() (actions.SpawnProcess, error) {
	v, ok := programs.Load(s.Program)
	if !ok {
		return actions.SpawnProcess{}, fmt.Errorf("%w: %q", ErrNoProgram, s.Program)
	}
	p := v.(*definition)
	args, err := p.read(s.Args)
	return actions.SpawnFunc(func(self actions.PID) actions.Process { return p.boot(args).Boot(self) }).Named(p.name), err
}
