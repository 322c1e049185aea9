// Package follow is a driver that follows files: what is appended to a file
// becomes messages, line by line, for those who subscribe to them.
//
//	endpoint.Subscriber(follow.In("/var/log/messages"),
//		endpoint.OnMessage(func(l follow.Line) actions.Action { return console.Printf("%s", l.Text) }),
//	)
package follow

import (
	"slices"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Line is a line that was appended to a file.
type Line struct {
	File string // as it was asked for
	Text string // without the newline
}

// File is the file of a [Line], which topics can pin.
var File = topic.FieldOf(func(l *Line) *string { return &l.File })

// In is the topic of the lines of a file. It has a publisher for as long as the
// file is being followed, which sends what is appended from then on. If the
// file cannot be followed, or not any more, the publisher is absent, with the
// reason. The driver tries again once all that want the file have left, and a
// new one comes.
func In(file string) topic.Pattern[Line] { return topic.Where(File.Is(file)) }

// A Config says how files are followed. A zero field stands for its default.
type Config struct {
	// Every is the time between two looks at a file. Default: 250 ms.
	Every time.Duration

	// Clock measures that time. Default: the clock of the system.
	Clock world.Clock
}

// Driver returns the process that follows the files to which somebody
// subscribes. It panics if Every is negative.
func (c Config) Driver() actions.SpawnProcess {
	c = c.complete()
	return actions.Spawn(actions.Next(driver{}, c.open(driver{}))).Named("follow driver")
}

// complete returns c with its defaults.
func (c Config) complete() Config {
	switch {
	case c.Every < 0:
		panic("follow: Config.Every is negative; leave it zero for the default")
	case c.Every == 0:
		c.Every = 250 * time.Millisecond
	}
	if c.Clock == nil {
		c.Clock = world.SystemClock()
	}
	return c
}

// A driver is the state of the driver.
type driver struct {
	Files files // that somebody wants
}

// open opens what the driver has: it watches who wants what, and follows that.
func (c Config) open(d driver) actions.Action {
	all := actions.Tree{
		endpoint.ObserveSubscribers(topic.All[Line](),
			endpoint.OnFirstState(c.begin, File),
			endpoint.OnLastState(c.end, File),
		),
	}
	for _, path := range d.Files {
		all = append(all, hold(c.file(path)), ready(path))
	}
	return all
}

// begin begins to follow a file.
func (c Config) begin(d driver, l Line) actions.Transition[driver] {
	if l.File == "" {
		return actions.Next(d) // a subscriber to all files asks for none
	}
	d.Files = d.Files.with(l.File)
	return actions.Next(d, hold(c.file(l.File)))
}

// end stops to follow a file.
func (c Config) end(d driver, l Line) actions.Transition[driver] {
	d.Files = d.Files.without(l.File)
	return actions.Next(d, actions.Close(c.file(l.File)), actions.Delete(l.File))
}

// files is a set of files. It is immutable, as all of a state is.
type files []string

func (fs files) with(path string) files { return append(slices.Clip(fs), path) }

func (fs files) without(path string) files {
	return slices.DeleteFunc(slices.Clone(fs), func(p string) bool { return p == path })
}

// file is the device for a file.
func (c Config) file(path string) file { return file{path: path, every: c.Every, clock: c.Clock} }

// hold holds a file, and passes on what it says.
func hold(f file) actions.Action {
	return endpoint.Device(f,
		endpoint.OnValue(func(opened) actions.Action { return ready(f.path) }),
		endpoint.OnValue(func(l Line) actions.Action { return actions.Send(l) }),
		endpoint.OnEnded(func(reason error) actions.Action { return fail(f.path, reason) }),
	)
}

// ready shows that a file is being followed.
func ready(path string) actions.AddEndpoint { return endpoint.Publisher(In(path)).As(path) }

// fail tells the subscribers of a file why it is not followed.
func fail(path string, reason error) actions.Action {
	return actions.Tree{ready(path), actions.Delete(path).Because(reason)}
}
