package vm

import (
	"fmt"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/text"
)

// This file has the words for records, inputs, commands and endpoints. The methods
// called Describe write the text of String to a writer, which has limits and hides
// secrets.

// String describes the record for people, in a line that is the same on every run and
// every platform. It has no newline at its end.
//
//	> start                                            an input
//	2 account: spawned
//	2 account: open subscriber of bank.Deposit{}       an action
//	2 account: hears bank.Deposit{Amount: 3} at subscriber of bank.Deposit{}
//	2 account: ended: no more
//	< open world.Alarm("system", 5ns, "") for 3        a command
//
// The number is the path of the process, followed by its name.
func (r *Record) String() string { return text.Of(r.Describe) }

// Describe writes what String returns to w.
func (r *Record) Describe(w *text.Writer) {
	switch r.Kind {
	case Entered:
		w.Word("> ")
		r.Input.Describe(w)
		return
	case Late:
		w.Word("late: ")
		r.Input.Describe(w)
		return
	case Commanded:
		w.Word("< ")
		r.Command.Describe(w)
		return
	}
	w.Word(r.Path().String())
	if name := r.Name(); name != "" {
		w.Word(" ")
		w.Plain(text.Name, name)
	}
	w.Word(": ")
	switch r.Kind {
	case Performed:
		r.DescribeAction(w)
	case Resumed:
		w.Word("hears the PID of what it has spawned")
	case Told:
		w.Word("hears ")
		r.Event.Describe(w)
		if e, ok := r.Endpoint(); ok {
			w.Word(" at ")
			e.DescribeRole(w)
		}
	default:
		w.Word(r.Kind.String())
		if r.Action != nil {
			w.Word(": ")
			r.DescribeAction(w)
		}
		w.Because(r.Reason)
	}
}

// DescribeAction writes the action that r is about to w, with the level at which it
// is performed.
func (r *Record) DescribeAction(w *text.Writer) {
	w.Word(strings.Repeat("at meta: ", int(r.Level)))
	actions.Describe(w, r.Action)
}

// String describes the input for people, in a line.
func (in *Input) String() string { return text.Of(in.Describe) }

// Describe writes what String returns to w.
func (in *Input) Describe(w *text.Writer) {
	w.Word(in.Kind.String())
	if in.Address != nil {
		w.Word(" of ")
		in.Address.describe(w)
	}
	if in.Value != nil {
		of := text.Input
		if in.Kind != Value {
			of = text.Command // that has failed, or been carried out
		}
		w.Word(": ")
		w.Value(of, in.Value)
	}
	w.Because(in.Err)
}

// String describes the command for people, in a line.
func (c *Command) String() string { return text.Of(c.Describe) }

// Describe writes what String returns to w.
func (c *Command) Describe(w *text.Writer) {
	switch {
	case c.Kind != Flow:
		w.Word(c.Kind.String() + " ")
	case c.Paused:
		w.Word("pause ")
	default:
		w.Word("resume ")
	}
	c.Address.describe(w)
	switch {
	case c.Kind == Tell:
		w.Word(": ")
		w.Value(text.Command, c.Value)
	case c.Kind == Open && c.Paused:
		w.Word(", paused")
	}
}

func (a *Address) describe(w *text.Writer) {
	w.Device(a.Device)
	w.Word(" for " + a.Path.String())
}

// String describes the endpoint for people: its role, its name if it has one, and
// its level unless that is where the process lives.
func (e EndpointInfo) String() string { return text.Of(e.Describe) }

// Describe writes what String returns to w.
func (e EndpointInfo) Describe(w *text.Writer) {
	e.DescribeRole(w)
	if e.Level > 0 {
		w.Word(fmt.Sprintf(" at meta-level %d", e.Level))
	}
}

// DescribeRole writes the role of the endpoint to w, and its name if it has one.
func (e EndpointInfo) DescribeRole(w *text.Writer) {
	w.Role(e.Role)
	w.Named(" as ", e.ID)
}

// Nameless implements [text.Nameless]: texts leave a metaID out.
func (metaID) Nameless() {}

// String describes the machine for people: a line for each process, and one
// for each of its endpoints, devices and monitors.
func (m *Machine) String() string {
	var b strings.Builder
	for p := range m.Processes() {
		fmt.Fprintf(&b, "%v %s", p.Path, p.Name)
		if p.Nested {
			b.WriteString(" (machine)")
		} else {
			b.WriteString(" " + text.Value(p.State))
		}
		b.WriteByte('\n')
		for _, e := range p.Endpoints {
			fmt.Fprintf(&b, "\t%v\n", e)
		}
		for _, d := range p.Devices {
			fmt.Fprintf(&b, "\tholds %s\n", text.Value(d.Device))
		}
		for _, pid := range p.Monitors {
			fmt.Fprintf(&b, "\tmonitors %v\n", pid)
		}
	}
	return b.String()
}
