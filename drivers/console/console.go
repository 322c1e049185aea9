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
//
// # When the output is slow
//
// A process that prints never waits. Texts that the output does not take yet,
// because it is a pipe that nobody reads, say, wait in the driver, in the order
// in which they were sent, and are written in that order, many at once. Nothing
// is lost as long as what waits stays below [Config.Limit].
//
// Those who print much are told when to pause. The driver publishes [Writable]
// until a quarter of the limit waits, and again once no more than an eighth does.
// A process that prints what it computes observes that, and holds back:
//
//	endpoint.ObservePublishers(topic.All[console.Writable](),
//		endpoint.OnPresenceState(func(s series, _ console.Writable) actions.Transition[series] { … }), // print on
//		endpoint.OnAbsenceState(func(s series, _ console.Writable, _ error) actions.Transition[series] { … }), // pause
//	)
//
// A program that prints what it reads need not do anything: the driver reads no
// further [Line] while it is not Writable, so the program goes at the pace of its
// output.
//
// A text that comes when the limit is reached is left out, and so are those after
// it, until the driver is Writable again. Then the driver prints in their place
// how many they were. At the first one it spawns a process that fails with
// [ErrFull], which a logger shows as a warning. Texts that the output refuses,
// because the disk is full, say, are lost and counted, too: the process fails
// with the reason, and the next text that is printed comes after their number.
//
// # When the machine stops
//
// When a machine stops, the driver hands all that waits to the output. What is
// not written within the CloseLimit of the ground is lost, and the stop goes on
// whatever the output does: one goroutine may stay in its Write for as long as
// the system holds it. A text that is sent while the machine stops is printed if
// the output is still busy with others; otherwise it is not, because a machine
// that stops opens no devices.
//
// A machine with a journal that goes on after a crash prints what had waited.
// What was being written at that moment is not written again.
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

// A Line is something that has been typed, without the end of the line.
type Line struct{ Text string }

// Printf prints a line. It is a message to the driver, which must be there by
// then.
func Printf(format string, args ...any) actions.Action {
	return actions.Send(Text{fmt.Sprintf(format, args...) + "\n"})
}

// Writable says, by the presence of a publisher, that the console has room for
// more to print.
type Writable struct {
	Console string // the [Config.Name] of the console
}

// consoleOf is the field Console of a [Writable].
var consoleOf = topic.FieldOf(func(w *Writable) *string { return &w.Console })

// ErrFull says that the output takes less than is printed, so that texts are left
// out. It is the reason with which a process of the driver ends; use [errors.Is].
var ErrFull = errors.New("console: the output takes less than is printed: texts are left out")

// DefaultLimit is the default of [Config.Limit], in bytes.
const DefaultLimit = 4 << 20

// A Config says where a console is. The zero Config is that of the program:
// standard input and standard output.
type Config struct {
	Name string    // tells consoles of one machine apart, in logs and journals
	In   io.Reader // must be comparable, as a pointer is
	Out  io.Writer // must be comparable, as a pointer is

	// Limit is how many bytes of texts may wait for the output. Each text
	// counts for its length and 16 more. If none waits, one text of any length
	// may. 0 means [DefaultLimit].
	Limit int
}

// Driver returns a driver for the console of the program.
func Driver() actions.SpawnProcess { return Config{}.Driver() }

// Driver returns a driver for the console c.
//
// It holds the output only while there is something to print, and the input
// only while somebody subscribes to [Line], so that it does not keep a machine
// from coming to its end.
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
	reading   bool // somebody reads, and the input has not ended
	holding   bool // holds the output
	full      bool // is not Writable
	failing   bool // the operator knows that texts are being lost
	withdrawn bool // the machine stops, and has said so of the output
}

// outside is what a [Config] says.
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

// listen is what the driver always does: it takes what is printed, and watches
// who reads.
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
	lines    = "lines"    // publishes what is typed
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

// hold holds the output.
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

// print takes a text.
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

// next has the output take what comes next. It is called when the output is free:
// it has just been opened, perhaps for the second time, because the machine goes
// on after a crash, or has carried out what it was told.
func (d driver) next() actions.Transition[driver] {
	if d.withdrawn {
		return actions.Next(d) // all has been told
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

// mostAtOnce is how many bytes of texts are written at once, if there are
// several. It is as much as a pipe holds.
const mostAtOnce = 64 << 10

// writeFailed handles a write that failed.
func (d driver) writeFailed(command any, reason error) actions.Transition[driver] {
	w, _ := command.(write)
	d.queue = d.lose(w.Of)
	warning := d.warn(reason)
	d.failing = true
	if d.size == 0 && !d.withdrawn { // the next text tries again, and what is lost is said before it
		d.holding = false
		return actions.Next(d, warning, actions.Close(d.out))
	}
	return d.next().And(warning)
}

// ended hears that the output has come to an end.
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

// rest has the output take all that waits, after all else has been done. It is
// for when there will be no time to wait for what it says.
func (d driver) rest(all actions.Tree) actions.Transition[driver] {
	d.queue = d.report()
	for d.size > 0 {
		w, rest := d.take(mostAtOnce)
		d.queue = rest
		all = append(all, actions.Tell(d.out, w))
	}
	return actions.Next(d, all)
}

// warn tells the operator for what reason texts are lost, once until texts are
// written again: it spawns a process that ends with the reason.
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
