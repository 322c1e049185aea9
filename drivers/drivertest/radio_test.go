package drivertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A small driver without flaws: it listens to the stations that somebody wants
// to hear.

// News is what a station says.
type News struct{ Station, Text string }

// Tuned says, by its presence, that a station can be heard.
type Tuned struct{ Station string }

var (
	Station = topic.FieldOf(func(n *News) *string { return &n.Station })
	TunedTo = topic.FieldOf(func(t *Tuned) *string { return &t.Station })
)

var errJammed = errors.New("radio: the station is jammed")

// What crosses the border.
type (
	tuned  struct{}
	heard  struct{ Text string }
	hidden struct{ Text string } // is not registered
)

func init() {
	world.Register[tuned]("drivertest_test.tuned")
	world.Register[heard]("drivertest_test.heard")
	world.RegisterErrorKind("drivertest_test.errJammed", errJammed)
}

// A studio is the outside: it says what a test tells it to, to those who are
// tuned to the station.
type studio struct {
	Tally
	mu        sync.Mutex
	receivers map[*receiver]bool
	jammed    map[string]bool
	stuck     flaw          // of the radio of Driver.Stuck
	closed    chan struct{} // when the outside is closed
	over      chan struct{} // when the bubble ends
}

func newStudio(t testing.TB) *studio {
	s := &studio{receivers: map[*receiver]bool{}, jammed: map[string]bool{}, closed: make(chan struct{}), over: make(chan struct{})}
	t.Cleanup(func() { close(s.over) })
	return s
}

func (s *studio) say(station, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.receivers {
		if r.radio.station == station {
			r.texts <- text
		}
	}
}

func (s *studio) jam(station string, jammed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jammed[station] = jammed
}

// A radio is the device.
type radio struct {
	station string
	studio  *studio
	flaw    flaw
	extra   int // tells apart radios of a driver that is not sure what it wants
}

func (r radio) DeviceName() string { return r.flaw.deviceName(r) }

func (r radio) Open(ctx context.Context, _ world.Env) (world.Handle, error) {
	if r.flaw == ignoresContext {
		<-r.studio.closed
	}
	r.studio.mu.Lock()
	defer r.studio.mu.Unlock()
	if r.studio.jammed[r.station] {
		return nil, fmt.Errorf("tuning to %s: %w", r.station, errJammed)
	}
	if r.flaw == opensOnce {
		if r.studio.jammed["used "+r.station] {
			return nil, errors.New("radio: this one is worn out")
		}
		r.studio.jammed["used "+r.station] = true
	}
	h := &receiver{radio: r, texts: make(chan string, 100), closed: make(chan struct{}), tallied: r.studio.Opened("radio " + r.station)}
	r.studio.receivers[h] = true
	if r.flaw == leaksGoroutine {
		go func() { <-r.studio.over }()
	}
	return h, nil
}

// A receiver is the handle.
type receiver struct {
	radio   radio
	told    bool
	texts   chan string
	once    sync.Once
	closed  chan struct{}
	tallied func()
}

func (r *receiver) Recv() (any, error) {
	if !r.told {
		r.told = true
		return tuned{}, nil
	}
	closed := r.closed
	if r.radio.flaw == hangsInRecv {
		closed = r.radio.studio.closed
	}
	select {
	case text := <-r.texts:
		if r.radio.flaw == unregistered {
			return hidden{text}, nil
		}
		return heard{text}, nil
	case <-closed:
		if r.radio.flaw == sleepsInRecv {
			<-time.After(time.Second) // of the bubble
		}
		return nil, io.EOF
	}
}

var errNoCommand = errors.New("radio: it takes no command but to call")

// call is a command: call the studio, where nobody answers.
type call struct{}

func (r *receiver) Try([]any) (int, error) { return 0, nil }

func (r *receiver) Do(command any) error {
	if command != (call{}) {
		return errNoCommand
	}
	switch r.radio.flaw {
	case hangsInDo:
		<-r.radio.studio.closed
	case sleepsInDo:
		<-r.closed
		<-time.After(time.Second) // of the bubble
	case answers:
		return nil
	default:
		<-r.closed
	}
	return io.EOF
}

func (r *receiver) Close() error {
	if r.radio.flaw == hangsInClose {
		<-r.radio.studio.closed
	}
	err := errors.New("radio: it was closed before")
	r.once.Do(func() {
		close(r.closed)
		s := r.radio.studio
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.receivers, r)
		if r.radio.flaw != leaksHandle {
			r.tallied()
		}
		err = nil
	})
	if r.radio.flaw != closesOnce {
		return nil
	}
	return err
}

// on is the topic of what a station says.
func on(station string) topic.Pattern[News] { return topic.Where(Station.Is(station)) }

// driver returns the driver.
func driver(s *studio) actions.Action {
	return actions.Spawn(actions.Stateless(
		endpoint.ObserveSubscribers(topic.All[News](),
			endpoint.OnFirst(func(c News) actions.Action { return tune(radio{station: c.Station, studio: s}) }, Station),
			endpoint.OnLast(func(c News) actions.Action { return silence(radio{station: c.Station, studio: s}) }, Station),
		),
	)).Named("radio driver")
}

func tune(r radio) actions.Action {
	return endpoint.Device(r,
		endpoint.OnValue(func(tuned) actions.Action { return ready(r.station) }),
		endpoint.OnValue(func(h heard) actions.Action { return actions.Send(News{r.station, h.Text}) }),
		endpoint.OnEnded(func(reason error) actions.Action {
			return actions.Tree{ready(r.station), actions.Delete(r.station).Because(reason)}
		}),
	)
}

func silence(r radio) actions.Action {
	return actions.Tree{actions.Close(r), actions.Delete(r.station)}
}

// ready shows that a station can be heard.
func ready(station string) actions.AddEndpoint {
	return endpoint.Publisher(topic.Where(TunedTo.Is(station))).As(station)
}

// relay carries news, and the presence of stations, into a nested machine.
func relay(int) actions.Action {
	return actions.Spawn(actions.Stateless(
		endpoint.ObserveSubscribers(topic.All[News](),
			endpoint.OnFirst(func(c News) actions.Action {
				return actions.AtMeta(endpoint.Subscriber(on(c.Station), endpoint.OnMessage(func(n News) actions.Action { return actions.Send(n) })).As(c.Station))
			}, Station),
			endpoint.OnLast(func(c News) actions.Action { return actions.AtMeta(actions.Delete(c.Station)) }, Station),
		),
		actions.AtMeta(endpoint.ObservePublishers(topic.All[Tuned](),
			endpoint.OnPresence(func(t Tuned) actions.Action { return ready(t.Station) }),
			endpoint.OnAbsence(func(t Tuned, reason error) actions.Action { return actions.Delete(t.Station).Because(reason) }),
		)),
	)).Named("radio relay")
}

func station(i int) string { return fmt.Sprintf("station %d", i) }

// subject returns a driver to be tested, with the given outside.
func subject(s *studio, boot actions.Action) Driver {
	return Driver{
		Boot:   boot,
		Things: 2,
		Demand: func(i int) actions.Action { return endpoint.Subscriber(on(station(i))) },
		Ready: func(i int) actions.Action {
			return endpoint.ObservePublishers(topic.Where(TunedTo.Is(station(i))))
		},
		Happen: func(i, n int) []any {
			text := fmt.Sprintf("news number %d", n)
			s.say(station(i), text)
			return []any{News{station(i), text}}
		},
		Fail: func(i int) (func(), error) {
			s.jam(station(i), true)
			return func() { s.jam(station(i), false) }, errJammed
		},
		Stuck: func() (world.Device, []any) {
			return radio{station: station(0), studio: s, flaw: s.stuck}, []any{call{}}
		},
		Open:  s.Open,
		Close: func() { close(s.closed) },
	}
}

// A driver without flaws passes.
func TestSoundDriver(t *testing.T) {
	Test(t, func(t testing.TB) Driver {
		s := newStudio(t)
		return subject(s, driver(s))
	})
}

// So does its relay.
func TestSoundRelay(t *testing.T) {
	Test(t, func(t testing.TB) Driver {
		s := newStudio(t)
		d := subject(s, driver(s))
		d.Relay = relay
		return d
	})
}
