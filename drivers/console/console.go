// Package console lets processes print lines, and read those that are typed.
//
// Spawn a [Driver], at the ground or wherever it is wanted. Then a process
// prints by sending a message:
//
//	return console.Printf("listening on %v", addr)
//
// and reads by subscribing to [Line]: the lines come one after another, and
// when there are no more the driver becomes absent.
//
//	endpoint.Subscriber(topic.All[console.Line](),
//		endpoint.OnMessage(func(l console.Line) actions.Action { … }),
//		endpoint.OnAbsence(func(console.Line, error) actions.Action { return actions.Quit() }),
//	)
package console

import (
	"fmt"
	"io"
	"os"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Text is something to print.
type Text struct{ Text string }

// A Line is something that has been typed, without the end of the line.
type Line struct{ Text string }

// Printf prints a line. It is a message to the driver, which must be there by
// then.
func Printf(format string, args ...any) actions.Action {
	return actions.Send(Text{fmt.Sprintf(format, args...) + "\n"})
}

// A Config says where a console is. The zero Config is that of the program:
// standard input and standard output.
type Config struct {
	Name string    // tells consoles of one machine apart, in logs and journals
	In   io.Reader // must be comparable, as a pointer is
	Out  io.Writer // must be comparable, as a pointer is
}

// Driver returns a driver for the console of the program.
func Driver() actions.SpawnProcess { return Config{}.Driver() }

// Driver returns a driver for the console c.
//
// It holds the output only while there is something to print, and the input
// only while somebody subscribes to [Line], so that it does not keep a machine
// from coming to its end.
func (c Config) Driver() actions.SpawnProcess {
	d := c.driver()
	return actions.Spawn(actions.Next(d, d.listen())).Named("console")
}

// Kinds returns the kind of the process that the function [Driver] makes.
func Kinds() []actions.Kind { return Config{}.Kinds() }

// Kinds returns the kind of the process that [Config.Driver] makes. One that is
// brought back has the console of c. What was typed ahead is not saved.
func (c Config) Kinds() []actions.Kind {
	d := c.driver()
	return []actions.Kind{actions.CodedAs(
		actions.KindOf("console.driver", func(_ actions.PID, d driver) actions.Action { return d.open() }),
		func(driver) writtenDriver { return writtenDriver{} },
		func(writtenDriver) (driver, error) { return d, nil })}
}

// A driver is the state of the driver, which never changes: whether somebody
// reads, the machine knows.
type driver struct {
	out output
	in  input
}

// writtenDriver is what a driver is when it is written.
type writtenDriver struct{}

func (c Config) driver() driver {
	if c.In == nil {
		c.In = os.Stdin
	}
	if c.Out == nil {
		c.Out = os.Stdout
	}
	return driver{output{c.Name, c.Out}, input{c.Name, newKeyboard(c.In)}}
}

// open opens all that the driver can have.
func (d driver) open() actions.Action { return actions.Group(d.listen(), d.read()) }

// listen is what the driver always does: it prints, and watches who reads.
func (d driver) listen() actions.Action {
	return actions.Group(
		endpoint.Subscriber(topic.All[Text](), endpoint.OnMessage(func(t Text) actions.Action {
			return actions.Tree{endpoint.Device(d.out), actions.Tell(d.out, t), actions.Close(d.out)}
		})),
		endpoint.ObserveSubscribers(topic.All[Line](),
			endpoint.OnFirst(func(Line) actions.Action { return d.read() }),
			endpoint.OnLast(func(Line) actions.Action { return actions.Tree{actions.Close(d.in), actions.Delete(lines)} }),
		),
	)
}

// lines names the endpoint that publishes what is typed.
const lines = "lines"

// read publishes the lines of the input, until it ends.
func (d driver) read() actions.Action {
	return actions.Tree{
		endpoint.Publisher(topic.All[Line]()).As(lines),
		endpoint.Device(d.in,
			endpoint.OnValue(func(l Line) actions.Action { return actions.Send(l) }),
			endpoint.OnEnded(func(reason error) actions.Action { return actions.Delete(lines).Because(reason) }),
		),
	}
}

func init() {
	world.Register[Text]("console.Text")
	world.Register[Line]("console.Line")
	world.Register[opened]("console.opened")
}
