// Package console lets processes print to standard output and read lines from standard
// input.
//
// A program spawns a [Driver], at the ground or in a nested machine. A process of the
// same machine prints by sending a message:
//
//	return console.Printf("listening on %v", addr)
//
// It reads by subscribing to [Line]. The lines come one after another; at the end of the
// input, the publisher of the lines is absent.
//
//	endpoint.Subscriber(topic.All[console.Line](),
//		endpoint.OnMessage(func(l console.Line) actions.Action { … }),
//		endpoint.OnAbsence(func(console.Line, error) actions.Action { return actions.Quit() }),
//	)
//
// # When the output is slow
//
// A process that prints never waits. If the output takes no more, such as a pipe that
// nobody reads, texts wait in the driver. It writes them in the order in which they were
// sent, many at once. Nothing is lost as long as fewer bytes wait than [Config.Limit].
//
// The driver shows when a process should pause. It publishes [Writable] until a quarter
// of the limit waits, and again once no more than an eighth does. A process that prints
// much observes it:
//
//	endpoint.ObservePublishers(topic.All[console.Writable](),
//		endpoint.OnPresenceState(func(s series, _ console.Writable) actions.Transition[series] { … }), // print on
//		endpoint.OnAbsenceState(func(s series, _ console.Writable, _ error) actions.Transition[series] { … }), // pause
//	)
//
// A program that prints what it reads need not do that: the driver reads no further
// [Line] while it is not Writable, so the program is no faster than its output.
//
// When a text comes and the limit is reached, the driver leaves it out, and all texts
// after it, until it is Writable again. Then it prints in their place how many they
// were. For the first one it spawns a process that fails with [ErrFull], which a logger
// shows as a warning. If a write fails, for example because the disk is full, its texts
// are lost and counted, too: the process fails with that reason, and the driver prints
// their number before the next text.
//
// # When the machine stops
//
// When a machine stops, the driver passes all texts that wait to the output. What the
// output does not write within the CloseLimit of the ground is lost. The stop does not
// wait longer; one goroutine may stay in Write until that returns. A text that is sent
// while the machine stops is printed only if the output is still busy with others,
// because a machine that stops opens no devices.
//
// A machine with a journal that goes on after a crash prints the texts that waited. It
// does not repeat the write that was under way.
package console

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/internal/outlet"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Text is something to print.
type Text struct{ Text string }

// A Line is a line of the input, without its end.
type Line struct{ Text string }

// Printf prints a line: it sends a [Text], which is lost if there is no driver yet.
func Printf(format string, args ...any) actions.Action {
	return actions.Send(Text{fmt.Sprintf(format, args...) + "\n"})
}

// The presence of a publisher of Writable says that the console has room for more texts.
type Writable struct {
	Console string // the [Config.Name] of the console
}

// consoleOf is the field Console of a [Writable].
var consoleOf = topic.FieldOf(func(w *Writable) *string { return &w.Console })

// ErrFull says that the output is slower than the program prints, and that the driver
// leaves texts out. It is the reason with which a process of the driver ends; use
// [errors.Is].
var ErrFull = errors.New("console: the output takes less than is printed: texts are left out")

// DefaultLimit is the default of [Config.Limit], in bytes.
const DefaultLimit = 4 << 20

// A Config describes a console. The zero Config is that of the program: standard input
// and standard output.
type Config struct {
	Name string    // tells consoles of one machine apart, in logs and journals
	In   io.Reader // must be comparable, as a pointer is; default: os.Stdin
	Out  io.Writer // must be comparable, as a pointer is; default: os.Stdout

	// Limit is how many bytes of texts may wait for the output. Each text counts
	// for its length and 16 more. If none waits, one text of any length may.
	// Default: [DefaultLimit].
	Limit int
}

// Driver returns the action that spawns a driver for the console of the program.
func Driver() actions.SpawnProcess { return Config{}.Driver() }

// Driver returns the action that spawns a driver for the console c.
//
// The driver holds the output only while there is something to print, and the input only
// while a process subscribes to [Line], so it does not keep a machine from ending.
//
// Driver panics if c.Limit is negative.
func (c Config) Driver() actions.SpawnProcess {
	d := c.driver()
	return actions.Spawn(actions.Next(d, d.listen(), d.writable())).Named("console")
}

// A driver is the state of the driver.
type driver struct {
	*outside
	queue          // what waits for the output
	reading   bool // a process subscribes to Line, and the input has not ended
	holding   bool // the driver holds the output
	full      bool // the driver is not Writable
	failing   bool // warn has warned that texts are lost
	withdrawn bool // the output has ended because the machine stops
}

// outside has the settings of a [Config], with its devices.
type outside struct {
	name  string
	out   output
	in    input
	limit int
}

func (c Config) driver() driver {
	if c.In == nil {
		c.In = os.Stdin
	}
	if c.Out == nil {
		c.Out = os.Stdout
	}
	switch {
	case c.Limit < 0:
		panic(fmt.Sprintf("console: Config.Limit is %d: it must not be negative; 0 is for the default", c.Limit))
	case c.Limit == 0:
		c.Limit = DefaultLimit
	}
	return driver{outside: &outside{
		name:  c.Name,
		out:   output{c.Name, outlet.New(c.Out)},
		in:    input{c.Name, newKeyboard(c.In)},
		limit: c.Limit,
	}}
}

// listen returns the endpoints that the driver always has: one for texts, and one that
// observes the subscribers of lines.
func (d driver) listen() actions.Action {
	return actions.Group(
		endpoint.Subscriber(topic.All[Text](), endpoint.OnMessageState(driver.print)),
		endpoint.ObserveSubscribers(topic.All[Line](),
			endpoint.OnFirstState(func(d driver, _ Line) actions.Transition[driver] {
				d.reading = true
				return actions.Next(d, d.read())
			}),
			endpoint.OnLastState(func(d driver, _ Line) actions.Transition[driver] {
				was := d.reading
				d.reading = false
				return actions.Next(d, actions.When(was, actions.Close(d.in)), actions.Delete(lines))
			}),
		),
	)
}

// Names of the endpoints that are not always there.
const (
	lines    = "lines"    // publishes the lines of the input
	writable = "writable" // publishes Writable
)

func (d driver) writable() actions.Action {
	return endpoint.Publisher(topic.Where(consoleOf.Is(d.name))).As(writable)
}

// read publishes the lines of the input, until it ends.
func (d driver) read() actions.Action {
	in := endpoint.Device(d.in,
		endpoint.OnValue(func(l Line) actions.Action { return actions.Send(l) }),
		endpoint.OnEndedState(func(d driver, reason error) actions.Transition[driver] {
			d.reading = false
			return actions.Next(d, actions.Delete(lines).Because(reason))
		}),
	)
	in.Paused = d.full
	return actions.Tree{endpoint.Publisher(topic.All[Line]()).As(lines), in}
}

// hold opens the output.
func (d driver) hold() actions.Action {
	return endpoint.Device(d.out,
		endpoint.OnValueState(func(d driver, _ opened) actions.Transition[driver] { return d.next() }),
		endpoint.OnDoneState(func(d driver, _ any) actions.Transition[driver] {
			d.failing = d.failing && d.lost.Texts > 0
			return d.next()
		}),
		endpoint.OnFailedState(driver.writeFailed),
		endpoint.OnEndedState(driver.ended),
	)
}

// print puts a text into the queue, or leaves it out.
func (d driver) print(t Text) actions.Transition[driver] {
	if (d.lost.Texts == 0 || !d.full) && d.room(d.limit, t.Text) {
		d.queue = d.report().push(t.Text)
	} else {
		d.queue = d.lose(itself(t.Text))
	}
	var all actions.Tree
	if d.lost.Texts > 0 {
		all = append(all, d.warn(ErrFull))
		d.failing = true
	}
	if !d.full && d.size > d.limit/4 {
		d.full = true
		all = append(all, actions.Delete(writable), actions.When(d.reading, actions.Pause(d.in)))
	}
	switch {
	case d.withdrawn:
		return d.rest(all)
	case !d.holding:
		d.holding = true
		all = append(all, d.hold())
	}
	return actions.Next(d, all)
}

// next writes the next texts. It is called when the output is free: it was just opened,
// or opened again after a crash of the machine, or a write is done.
func (d driver) next() actions.Transition[driver] {
	if d.withdrawn {
		return actions.Next(d) // rest has passed on all texts
	}
	if d.size == 0 {
		d.queue = d.report()
	}
	if d.size == 0 {
		d.holding = false
		return actions.Next(d, actions.Close(d.out))
	}
	w, rest := d.take(mostAtOnce)
	d.queue = rest
	all := actions.Tree{actions.Tell(d.out, w)}
	if d.full && d.size <= d.limit/8 {
		d.full = false
		all = append(all, d.writable(), actions.When(d.reading, actions.Resume(d.in)))
	}
	return actions.Next(d, all)
}

// mostAtOnce is how many bytes of several texts one write has at most. It is as much as a
// pipe holds.
const mostAtOnce = 64 << 10

// writeFailed handles a write that failed.
func (d driver) writeFailed(command any, reason error) actions.Transition[driver] {
	w, _ := command.(write)
	d.queue = d.lose(w.Of)
	warning := d.warn(reason)
	d.failing = true
	if d.size == 0 && !d.withdrawn { // the next text tries again, after a report of what is lost
		d.holding = false
		return actions.Next(d, warning, actions.Close(d.out))
	}
	return d.next().And(warning)
}

// ended handles the end of the output.
func (d driver) ended(reason error) actions.Transition[driver] {
	if errors.Is(reason, world.ErrStopped) {
		d.withdrawn = true
		return d.rest(nil)
	}
	for _, t := range d.texts() {
		d.queue = d.lose(t.of)
	}
	d.queue = queue{lost: d.lost}
	d.holding = false
	return actions.Next(d, d.warn(reason))
}

// rest passes all texts that wait to the output, after the actions in all. It is for a
// machine that stops, in which the driver cannot wait for one write after another.
func (d driver) rest(all actions.Tree) actions.Transition[driver] {
	d.queue = d.report()
	for d.size > 0 {
		w, rest := d.take(mostAtOnce)
		d.queue = rest
		all = append(all, actions.Tell(d.out, w))
	}
	return actions.Next(d, all)
}

// warn warns that texts are lost, once until texts are written again: it spawns a process
// that fails with the reason.
func (d driver) warn(reason error) actions.Action {
	if d.failing {
		return nil
	}
	return actions.Spawn(actions.Stateless(actions.Fail(reason))).Named("console output")
}

func init() {
	world.Register[Text]("console.Text")
	world.Register[Line]("console.Line")
	world.Register[opened]("console.opened")
	world.Register[write]("console.write")
	world.RegisterErrorKind("console.ErrFull", ErrFull)
}
