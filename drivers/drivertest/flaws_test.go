package drivertest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A flaw is what is wrong with a device.
type flaw string

const (
	leaksGoroutine flaw = "a goroutine is left"
	leaksHandle    flaw = "something is left open outside"
	hangsInRecv    flaw = "Close does not end Recv"
	sleepsInRecv   flaw = "Close ends Recv after a while"
	hangsInDo      flaw = "Close does not end Do"
	sleepsInDo     flaw = "Close ends Do after a while"
	answers        flaw = "Do does not wait"
	hangsInClose   flaw = "Close does not return"
	ignoresContext flaw = "Open waits for ever"
	opensOnce      flaw = "what was closed cannot be opened again"
	closesOnce     flaw = "the second Close is an error"
	unregistered   flaw = "a type has no name"
	oneName        flaw = "all devices have one name"
	pointerName    flaw = "the name depends on where the outside is in memory"
	restlessName   flaw = "the name changes"
)

var restless int

func (f flaw) deviceName(r radio) string {
	name := "radio(" + r.station
	switch f {
	case oneName:
		return "radio"
	case pointerName:
		name += fmt.Sprintf(", %p", r.studio)
	case restlessName:
		restless++
		name += fmt.Sprint(", ", restless)
	}
	if r.extra > 0 {
		name += fmt.Sprint(", ", r.extra)
	}
	return name + ")"
}

// flawed returns a driver for devices with a flaw.
func flawed(f flaw) func(*studio) actions.Action {
	return func(s *studio) actions.Action { return serving(s, f, tune, silence) }
}

// stuck returns a driver that is as it should be, with a flaw in its device that
// is stuck.
func stuck(f flaw) func(*studio) actions.Action {
	return func(s *studio) actions.Action {
		s.stuck = f
		return driver(s)
	}
}

// serving returns a driver with other ways to open and to close.
func serving(s *studio, f flaw, open, shut func(radio) actions.Action) actions.Action {
	return actions.Spawn(actions.Stateless(
		endpoint.ObserveSubscribers(topic.All[News](),
			endpoint.OnFirst(func(c News) actions.Action { return open(radio{station: c.Station, studio: s, flaw: f}) }, Station),
			endpoint.OnLast(func(c News) actions.Action { return shut(radio{station: c.Station, studio: s, flaw: f}) }, Station),
		),
	)).Named("radio driver")
}

// opening returns a driver that opens in another way.
func opening(open func(radio) actions.Action) func(*studio) actions.Action {
	return func(s *studio) actions.Action { return serving(s, "", open, silence) }
}

// alike returns a device that says something else.
func alike(r radio, hs ...endpoint.DeviceHandler) actions.Action {
	return endpoint.Device(r, append(hs, endpoint.OnValue(func(tuned) actions.Action { return ready(r.station) }))...)
}

func saying(r radio, what func(heard) actions.Action) actions.Action {
	return alike(r,
		endpoint.OnValue(what),
		endpoint.OnEnded(func(reason error) actions.Action {
			return actions.Tree{ready(r.station), actions.Delete(r.station).Because(reason)}
		}))
}

func ending(r radio, how func(reason error) actions.Action) actions.Action {
	return alike(r,
		endpoint.OnValue(func(h heard) actions.Action { return actions.Send(News{r.station, h.Text}) }),
		endpoint.OnEnded(how))
}

// tally is the state of drivers that keep count of users themselves.
type tally struct {
	studio *studio
	users  [2]int
	known  [2]bool
	begun  bool
}

func (t tally) radio(c News) (radio, int) {
	return radio{station: c.Station, studio: t.studio}, int(c.Station[len(c.Station)-1] - '0')
}

func counting(s *studio, hs ...endpoint.Handler[News]) actions.Action {
	return actions.Spawn(actions.Next(tally{studio: s}, endpoint.ObserveSubscribers(topic.All[News](), hs...))).Named("radio driver")
}

func come(t tally, c News) actions.Transition[tally] {
	r, i := t.radio(c)
	t.users[i]++
	return actions.Next(t, actions.When(t.users[i] == 1, tune(r)))
}

// calls is shared by everybody, as no variable should be.
var calls int

var flaws = []struct {
	name string
	law  string
	boot func(*studio) actions.Action
	want []string
}{
	{"opens at once", "opens nothing unless asked", func(s *studio) actions.Action {
		return actions.Spawn(actions.Stateless(tune(radio{station: "station 0", studio: s})))
	}, []string{"at the ground: nobody has asked for anything, but the driver has opened radio(station 0)", "The last of what has happened:"}},
	{"opens never", "opens by demand and once", func(*studio) actions.Action { return actions.Send(News{}) },
		[]string{"somebody has asked for thing 0, but the driver holds no device"}},
	{"opens for each user", "opens by demand and once", func(s *studio) actions.Action {
		return counting(s, endpoint.OnPresenceState(func(t tally, c News) actions.Transition[tally] {
			r, i := t.radio(c)
			t.users[i]++
			r.extra = t.users[i]
			return actions.Next(t, tune(r))
		}))
	}, []string{"a second user has asked for what is open already, and the driver has opened radio(station 0, 2), besides radio(station 0, 1)"}},
	{"overlooks who was there first", "serves those who were there before it", func(s *studio) actions.Action {
		serve := func(t tally, c News) actions.Transition[tally] {
			r, _ := t.radio(c)
			return actions.Next(t, actions.When(t.begun, tune(r)))
		}
		return actions.Spawn(actions.Next(tally{studio: s},
			endpoint.ObserveSubscribers(topic.All[News](), endpoint.OnFirstState(serve, Station)),
			actions.Yield(func(t tally) actions.Transition[tally] { t.begun = true; return actions.Next(t) })))
	}, []string{"somebody had asked for thing 0 before the driver was there, but the driver holds no device"}},
	{"closes with the first to leave", "closes with the last demand", func(s *studio) actions.Action {
		return counting(s, endpoint.OnPresenceState(come), endpoint.OnAbsenceState(func(t tally, c News, _ error) actions.Transition[tally] {
			r, _ := t.radio(c)
			return actions.Next(t, silence(r))
		}))
	}, []string{"one of two users has left, and so the driver must hold what it has held before, radio(station 0), but it holds nothing"}},
	{"closes when demand is handed over", "closes with the last demand", func(s *studio) actions.Action {
		return counting(s, endpoint.OnPresenceState(come), endpoint.OnAbsenceState(func(t tally, c News, _ error) actions.Transition[tally] {
			r, i := t.radio(c)
			t.users[i]--
			return actions.Next(t, actions.When(t.users[i] == 0, silence(r)))
		}))
	}, []string{"a user has spawned another one to take its place, and has quit"}},
	{"closes never", "closes with the last demand", func(s *studio) actions.Action {
		return serving(s, "", tune, func(radio) actions.Action { return nil })
	}, []string{"the last user has left, but the driver still holds radio(station 0)"}},
	{"spawns on the first, quits on the last", "closes after a demand that is gone at once", func(s *studio) actions.Action {
		return serving(s, "", func(r radio) actions.Action {
			return actions.Spawn(actions.Stateless(tune(r),
				endpoint.ObserveSubscribers(on(r.station), endpoint.OnLast(func(News) actions.Action { return actions.Quit() }, Station))))
		}, func(radio) actions.Action { return nil })
	}, []string{"a user has come and gone", "the driver still holds radio(station 0)"}},
	{"waits for a farewell", "closes after a user has crashed", func(s *studio) actions.Action {
		return counting(s, endpoint.OnPresenceState(come), endpoint.OnAbsenceState(func(t tally, c News, reason error) actions.Transition[tally] {
			r, _ := t.radio(c)
			return actions.Next(t, actions.When(reason == nil, silence(r)))
		}))
	}, []string{"the only user has crashed, but the driver still holds radio(station 0)"}},
	{"opens once only", "opens again what was closed", func(s *studio) actions.Action {
		return counting(s, endpoint.OnFirstState(func(t tally, c News) actions.Transition[tally] {
			r, i := t.radio(c)
			was := t.known[i]
			t.known[i] = true
			return actions.Next(t, actions.When(!was, tune(r)))
		}, Station), endpoint.OnLastState(func(t tally, c News) actions.Transition[tally] {
			r, _ := t.radio(c)
			return actions.Next(t, silence(r))
		}, Station))
	}, []string{"thing 0 was closed, and somebody asks for it again, but nothing has been opened"}},
	{"does not say that it is ready", "shows that it is ready", opening(func(r radio) actions.Action { return endpoint.Device(r) }),
		[]string{"open is radio(station 0), but user 1, who watches 0 sees nobody"}},
	{"is ready too early", "shows that it is ready", func(s *studio) actions.Action {
		return actions.Tree{driver(s), actions.Spawn(actions.Stateless(endpoint.Publisher(topic.All[Tuned]())))}
	}, []string{"nobody has asked for thing 0, but user 1, who watches 0 sees somebody already"}},
	{"is ready for ever", "shows that it is ready", func(s *studio) actions.Action {
		return serving(s, "", tune, func(r radio) actions.Action { return actions.Close(r) })
	}, []string{"has left, but user 1, who watches 0 still sees somebody"}},
	{"is ready for a moment", "shows that it is ready", opening(func(r radio) actions.Action {
		return endpoint.Device(r, endpoint.OnValue(func(tuned) actions.Action { return actions.Tree{ready(r.station), actions.Delete(r.station)} }))
	}), []string{"those whom user 1, who watches 0 has seen are gone again"}},
	{"says nothing", "tells what happens to those who asked", opening(func(r radio) actions.Action { return alike(r) }),
		[]string{"user 1, who wants 0 must be told", "{Station:station 0 Text:news number 1}"}},
	{"says everything twice", "tells what happens to those who asked", opening(func(r radio) actions.Action {
		return saying(r, func(h heard) actions.Action {
			return actions.Tree{actions.Send(News{r.station, h.Text}), actions.Send(News{r.station, h.Text})}
		})
	}), []string{"user 1, who wants 0 must be told"}},
	{"tells everybody", "tells what happens to those who asked", opening(func(r radio) actions.Action {
		return saying(r, func(h heard) actions.Action {
			say := endpoint.Publisher(topic.All[News]()).As("all")
			return actions.Tree{say, actions.Send(News{r.station, h.Text}), actions.Send(News{"station 1", h.Text})}
		})
	}), []string{"something has happened to thing 0, but user 3, who wants 1 has heard something"}},
	{"says nothing of failures", "tells of a failure with its reason", opening(func(r radio) actions.Action {
		return ending(r, func(error) actions.Action { return nil })
	}), []string{"thing 1 has failed, but nobody is told: user 3, who wants 1 must see somebody come, and go for a reason"}},
	{"gives no reason", "tells of a failure with its reason", opening(func(r radio) actions.Action {
		return ending(r, func(error) actions.Action { return actions.Tree{ready(r.station), actions.Delete(r.station)} })
	}), []string{"what users are told has no reason: absence of publisher"}},
	{"gives another reason", "tells of a failure with its reason", opening(func(r radio) actions.Action {
		return ending(r, func(error) actions.Action {
			return actions.Tree{ready(r.station), actions.Delete(r.station).Because(errors.New("never mind"))}
		})
	}), []string{`users must be told of a reason that is "radio: the station is jammed"`, `but what they are told is "never mind"`}},
	{"fails altogether", "tells of a failure with its reason", opening(func(r radio) actions.Action {
		return ending(r, func(reason error) actions.Action { return actions.Tree{ready(r.station), actions.Fail(reason)} })
	}), []string{"user 1, who wants 0 must be told", "but has been told\n\t[]"}},
	{"gives up after a failure", "tells of a failure with its reason", func(s *studio) actions.Action {
		return counting(s, endpoint.OnFirstState(func(t tally, c News) actions.Transition[tally] {
			r, i := t.radio(c)
			return actions.Next(t, actions.When(!t.known[i], endpoint.Device(r,
				endpoint.OnValue(func(h heard) actions.Action { return actions.Send(News{r.station, h.Text}) }),
				endpoint.OnEndedState(func(t tally, reason error) actions.Transition[tally] {
					t.known[i] = true
					return actions.Next(t, ready(r.station), actions.Delete(r.station).Because(reason))
				}))))
		}, Station))
	}, []string{"it has been mended, and somebody asks for it again, but nothing has been opened"}},
	{"keeps an alarm", "lets the machine end", opening(func(r radio) actions.Action {
		return actions.Tree{tune(r), endpoint.Device(world.Alarm{Clock: world.SystemClock(), After: 1000 * time.Hour})}
	}), []string{"the machine has no users any more, but 10m0s later it has not ended. Open are: world.Alarm("}},
	{"leaks a goroutine", "leaves nothing behind", flawed(leaksGoroutine),
		[]string{"the machine is gone, but goroutines are left:", "radio.Open"}},
	{"leaks something outside", "leaves nothing behind", flawed(leaksHandle),
		[]string{"the machine is gone, but outside is still open: radio station 0"}},
	{"does not end Recv", "can be stopped at any moment", flawed(hangsInRecv),
		[]string{"the machine has been stopped, but 10m0s later it has not ended", "(*receiver).Recv"}},
	{"does not close", "can be stopped at any moment", flawed(hangsInClose),
		[]string{"the machine has been stopped, but 10m0s later it has not ended", "(*receiver).Close"}},
	{"does not stop to open", "can be stopped at any moment", flawed(ignoresContext),
		[]string{"the machine has been stopped, but 10m0s later it has not ended", "radio.Open"}},
	{"panics when it is stopped", "can be stopped at any moment", opening(func(r radio) actions.Action {
		return ending(r, func(reason error) actions.Action {
			if errors.Is(reason, world.ErrStopped) {
				panic("not now")
			}
			return nil
		})
	}), []string{"process 2 radio driver has crashed: vm: panic: not now", "flaws_test.go"}},
	{"does what cannot be done", "leaves nothing behind", opening(func(r radio) actions.Action {
		return saying(r, func(h heard) actions.Action {
			return actions.When(r.station == "station 1", actions.AtMeta(actions.AtMeta(actions.AtMeta(actions.AtMeta(actions.Quit())))))
		})
	}), []string{"process 2 radio driver was ended by the machine: vm: no level above the ground"}},
	{"differs from run to run", "does the same everywhere", opening(func(r radio) actions.Action {
		return saying(r, func(h heard) actions.Action { calls++; return actions.Send(News{r.station, fmt.Sprint(calls)}) })
	}), []string{"two runs of the same script at the ground differ", `+ 	drivertest.News{Station: "station 0", Text:`}},
	{"counts in a global variable", "is pure on its machine side", opening(func(r radio) actions.Action {
		return saying(r, func(h heard) actions.Action { calls++; return actions.Send(News{r.station, fmt.Sprint(calls)}) })
	}), []string{"not pure", "process: 2 radio driver", "in one run, and send drivertest.News"}},
	{"remembers in a variable", "is pure on its machine side", func(s *studio) actions.Action {
		known := map[string]bool{}
		return serving(s, "", func(r radio) actions.Action {
			was := known[r.station]
			known[r.station] = true
			return actions.When(!was, tune(r))
		}, silence)
	}, []string{"not pure: when a machine gets the inputs of another one", "- 2 radio driver: hold radio(station 0)"}},
	{"looks at the machine that it is in", "is pure on its machine side", func(s *studio) actions.Action {
		machines := 0
		return actions.SpawnFunc(func(actions.PID) actions.Process {
			machines++
			n := machines // which vmtest cannot see: it has the same type and place in both
			return actions.Stateless(endpoint.ObserveSubscribers(topic.All[News](), endpoint.OnFirst(func(c News) actions.Action {
				return actions.When(n == 1, tune(radio{station: c.Station, studio: s}))
			}, Station)))
		}).Named("radio driver")
	}, []string{"not pure: when a machine gets the inputs of another one", "- 2 radio driver: hold radio(station 0)"}},
	{"gives all devices one name", "has devices with good names and values", flawed(oneName),
		[]string{`two devices have the name "radio", although they are not equal`}},
	{"has pointers in names", "has devices with good names and values", flawed(pointerName),
		[]string{"devices must have the same names in each run", "radio(station 0, 0x"}},
	{"changes names", "has devices with good names and values", flawed(restlessName),
		[]string{"the name of a device must not change"}},
	{"has values without names", "has devices with good names and values", flawed(unregistered),
		[]string{"call world.Register in an init for drivertest.hidden"}},
	{"ends Recv in its own time", "has devices that can be closed at any time", flawed(sleepsInRecv),
		[]string{"device radio(station 0) has been closed, but a Recv that was waiting has not returned"}},
	{"does not open again", "has devices that can be closed at any time", flawed(opensOnce),
		[]string{"none of the devices of a run could be opened again: radio(station 0), radio(station 1)"}},
	{"closes once", "has devices that can be closed at any time", flawed(closesOnce),
		[]string{"device radio(station 0) was closed for the second time, which must do nothing, but returns radio: it was closed before"}},
	// Issue 9.2
	{"does not end Do", "has devices that can be closed while they are stuck", stuck(hangsInDo),
		[]string{"device radio(station 0) has been closed, but a Do that was waiting has not returned: Close must wake it"}},
	{"ends Do in its own time", "has devices that can be closed while they are stuck", stuck(sleepsInDo),
		[]string{"device radio(station 0) has been closed, but a Do that was waiting has not returned: Close must wake it"}},
	{"does not wait", "has devices that can be closed while they are stuck", stuck(answers),
		[]string{"device radio(station 0) has carried out 1 of 1 commands of Driver.Stuck"}},
	{"does not end Recv", "has devices that can be closed while they are stuck", stuck(hangsInRecv),
		[]string{"device radio(station 0) has been closed, but a Recv that was waiting has not returned"}},
	{"leaks something outside", "has devices that can be closed at any time", flawed(leaksHandle), []string{"outside is still open: radio station 0"}},
}

// The suite finds each flaw of a driver, and says what it is.
func TestFlaws(t *testing.T) {
	tried := map[string]bool{}
	for _, f := range flaws {
		tried[f.law] = true
		t.Run(f.law+"/"+f.name, func(t *testing.T) {
			mustFail(t, f.law, func(t testing.TB) Driver {
				s := newStudio(t)
				return subject(s, f.boot(s))
			}, f.want...)
		})
	}
	for _, l := range laws {
		if !tried[l.name] {
			t.Errorf("no driver breaks the law %q", l.name)
		}
	}
}

// The suite finds a driver that ends its machine, even though the machine
// leaves nothing behind.
func TestMachineEndedByDriver(t *testing.T) {
	mustFail(t, "leaves nothing behind", func(t testing.TB) Driver {
		s := newStudio(t)
		d := subject(s, driver(s))
		d.Relay = func(level int) actions.Action {
			return actions.Group(relay(level), actions.AtMeta(endpoint.Subscriber(topic.All[News](),
				endpoint.OnMessage(func(News) actions.Action { return actions.AtMeta(actions.Quit()) }))))
		}
		return d
	}, "the machine has ended, although there are users in it")
}
