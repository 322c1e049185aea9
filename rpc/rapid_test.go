package rpc_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
)

// A want is what a random server does with its requests.
type want uint8

const (
	answers want = iota
	refuses
	crashes
	keeps // until it is told to go on
	quits // without an answer
	wants // how many there are
)

// A command tells random servers what to do.
type command struct {
	Server string
	Reply  bool // reply to what is kept, and otherwise crash
}

// A randomServer serves Add as its want says.
type randomServer struct {
	Name string
	Want want
	Kept []rpc.Ask[Change, int]
}

func (s randomServer) ask(a rpc.Ask[Change, int]) actions.Transition[randomServer] {
	switch s.Want {
	case answers:
		return actions.Next(s, a.Reply(a.Args.Amount))
	case refuses:
		return actions.Next(s, a.Fail(errOverdrawn))
	case crashes:
		panic("a random server crashes")
	case quits:
		return actions.Next(s, actions.Quit())
	default:
		s.Kept = append(s.Kept[:len(s.Kept):len(s.Kept)], a)
		return actions.Next(s)
	}
}

func (s randomServer) told(c command) actions.Transition[randomServer] {
	if !c.Reply {
		return actions.Next(s, actions.Fail(errOverdrawn))
	}
	var as actions.Tree
	for _, a := range s.Kept {
		as = append(as, a.Reply(a.Args.Amount))
	}
	s.Kept = nil
	return actions.Next(s, as)
}

func (s randomServer) process(opts ...rpc.ServeOption) actions.Process {
	return actions.Next(s, rpc.Methods(rpc.HandleLater(Add, randomServer.ask, opts...)),
		endpoint.Subscriber(topic.Where(commandServer.Is(s.Name)), endpoint.OnMessageState(randomServer.told)))
}

var commandServer = topic.FieldOf(func(c *command) *string { return &c.Server })

// team has two servers under a supervisor.
type team struct{}

var teams = supervise.Define[team]("rpc_test.team", supervise.Spec{Intensity: 2},
	supervise.Child{Name: "one", Start: actions.Spawn(randomServer{Name: "team", Want: keeps}.process())},
	supervise.Child{Name: "two", Start: actions.Spawn(randomServer{Name: "team", Want: crashes}.process()), Restart: supervise.Transient},
)

// Random programs of servers, which answer, keep requests, crash and quit, and are
// started again by supervisors, and of callers, at several levels and with deadlines:
// each call ends exactly once, with a result or a reason, and nothing is left after all
// servers have gone.
func TestEachCallEndsOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := vmtest.Run(t)
		m.AllowCrashes()
		ended := vmtest.Subscriber(m, topic.All[Answer]())
		var timers []string
		sets := vmtest.Subscriber(m, topic.All[timer.Set]())
		driver := vmtest.Publisher(m, topic.All[timer.Expired]())
		calls, servers := map[string]int{}, map[string]bool{}
		collect := func() {
			for _, h := range ended.Take() {
				if h.Kind == actions.Delivery {
					calls[h.About.Tag]++
				}
			}
			for _, h := range sets.Take() {
				if h.Kind == actions.Delivery {
					timers = append(timers, h.About.Label)
				}
			}
		}
		for i := range rapid.IntRange(1, 25).Draw(r, "steps") {
			level := rapid.IntRange(0, 2).Draw(r, "level")
			nest := func(a actions.Action) actions.Action { return nested(level, a) }
			switch rapid.IntRange(0, 7).Draw(r, "step") {
			case 0, 1:
				s := randomServer{Name: fmt.Sprint("s", i), Want: want(rapid.IntRange(0, int(wants)-1).Draw(r, "want"))}
				var opts []rpc.ServeOption
				if rapid.Bool().Draw(r, "member") {
					opts = append(opts, rpc.Member(s.Name))
				}
				servers[s.Name] = true
				m.Perform(actions.Spawn(s.process(opts...)).Named(s.Name))
			case 2, 3, 4:
				var as actions.Tree
				for n := range rapid.IntRange(1, 12).Draw(r, "calls") {
					var opts []rpc.Option
					if rapid.Bool().Draw(r, "deadline") {
						opts = append(opts, rpc.Within(time.Second))
						if rapid.Bool().Draw(r, "patient") {
							opts = append(opts, rpc.Patient())
						}
					}
					tag := fmt.Sprint("c", i, ".", n)
					calls[tag] = 0
					as = append(as, actions.AtLevel(level, rpc.Call(Add, Change{"x", n}, func(result int, err error) actions.Action {
						return actions.AtLevel(level, answer(tag)(result, err))
					}, opts...)))
				}
				m.Perform(nest(caller(as)))
			case 5:
				if len(servers) > 0 {
					name := rapid.SampledFrom(slices.Sorted(maps.Keys(servers))).Draw(r, "server")
					m.Perform(actions.Send(command{name, rapid.Bool().Draw(r, "reply")}))
				}
			case 6:
				servers["team"] = true
				m.Perform(teams.Spawn())
			case 7:
				if len(timers) > 0 {
					driver.Send(timer.Expired{Label: rapid.SampledFrom(timers).Draw(r, "label")})
				}
			}
			collect()
		}
		for range 5 { // more often than supervisors start them again
			for _, name := range slices.Sorted(maps.Keys(servers)) {
				m.Perform(actions.Send(command{Server: name}))
			}
		}
		collect()
		for _, label := range timers {
			driver.Send(timer.Expired{Label: label})
		}
		collect()
		for tag, n := range calls {
			if n != 1 {
				r.Errorf("call %s has ended %d times", tag, n)
			}
		}
		for p := range m.VM().Processes() {
			switch p.Name {
			case "vmtest", "probe 1", "probe 2", "probe 3":
			default:
				r.Errorf("process %v (%q) is left, with %v and %v", p.Path, p.Name, p.State, p.Endpoints)
			}
		}
	})
}

// nested spawns a in so many nested machines.
func nested(levels int, a actions.Action) actions.Action {
	for range levels {
		a = actions.Spawn(vm.Nested(a))
	}
	return a
}
