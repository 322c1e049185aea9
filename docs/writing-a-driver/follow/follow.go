// Package follow is a driver that follows files: what is appended to a file
// becomes messages, line by line, for those who subscribe to them.
//
//	endpoint.Subscriber(follow.In("/var/log/messages"),
//		endpoint.OnMessage(func(l follow.Line) actions.Action { return console.Printf("%s", l.Text) }),
//	)
package follow

import (
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

// In is the topic of the lines of a file. Somebody publishes it for as long as
// the file is being followed: what is appended from then on is told. If the file
// cannot be followed, or not any more, that publisher is gone, for a reason. The
// driver tries again once all who want the file have left, and somebody comes.
func In(file string) topic.Pattern[Line] { return topic.Where(File.Is(file)) }

// A Config says how files are followed. A zero field stands for its default.
type Config struct {
	// Every is how often a file is looked at. Default: 250 ms.
	Every time.Duration

	// Clock measures that time. Default: the clock of the system.
	Clock world.Clock
}

// Driver returns the process that follows the files that somebody wants to hear
// of. It panics if Every is negative.
func (c Config) Driver() actions.SpawnProcess {
	switch {
	case c.Every < 0:
		panic("follow: Config.Every is negative; leave it zero for the default")
	case c.Every == 0:
		c.Every = 250 * time.Millisecond
	}
	if c.Clock == nil {
		c.Clock = world.SystemClock()
	}
	return actions.Spawn(actions.Stateless(
		endpoint.ObserveSubscribers(topic.All[Line](),
			endpoint.OnFirst(func(l Line) actions.Action { return begin(c.file(l.File)) }, File),
			endpoint.OnLast(func(l Line) actions.Action { return end(c.file(l.File)) }, File),
		),
	)).Named("follow driver")
}

// file is the device for a file.
func (c Config) file(path string) file { return file{path: path, every: c.Every, clock: c.Clock} }

// begin begins to follow a file.
func begin(f file) actions.Action {
	if f.path == "" {
		return nil // somebody wants to hear of all files, and asks for none
	}
	return endpoint.Device(f,
		endpoint.OnValue(func(opened) actions.Action { return ready(f.path) }),
		endpoint.OnValue(func(l Line) actions.Action { return actions.Send(l) }),
		endpoint.OnEnded(func(reason error) actions.Action { return fail(f.path, reason) }),
	)
}

// ready shows that a file is being followed.
func ready(path string) actions.AddEndpoint { return endpoint.Publisher(In(path)).As(path) }

// end stops to follow a file.
func end(f file) actions.Action {
	return actions.Tree{actions.Close(f), actions.Delete(f.path)}
}

// fail tells those who want a file why they do not get it.
func fail(path string, reason error) actions.Action {
	return actions.Tree{ready(path), actions.Delete(path).Because(reason)}
}
