//go:build unix

package distributed_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

var chaos = flag.Duration("chaos", 5*time.Second, "how long TestChaosOfProcesses does harm")

// guestPlaces is how many places the nodes of TestChaosOfProcesses serve together.
const guestPlaces = 200

var guestNodes = []string{"a", "b", "c"}

func guestPlace(i int) distributed.Place {
	return distributed.Place{Node: guestNodes[i%len(guestNodes)], Name: fmt.Sprint("p", i)}
}

// A guest is the process of a node that takes part at all places: it is present there, sees who
// else is, says something somewhere again and again, and makes one call after the other. Its life
// is greater in each process without a journal. It prints what is wrong, and its status.
type guest struct {
	name   string
	life   int
	said   int                // numbers what it says
	there  []map[string]bool  // by place: who is
	heard  map[string]float64 // by place and speaker: the last of what was said
	calls  int                // that were made
	ended  int
	answer int // calls with a result
}

func (g *guest) next(as ...actions.Action) actions.Transition[*guest] { return actions.Next(g, as...) }

func (g *guest) wrong(format string, args ...any) actions.Transition[*guest] {
	return g.next(report("wrong: " + fmt.Sprintf(format, args...)))
}

// guestBoot returns what a node of TestChaosOfProcesses does.
func (s spec) guestBoot(c distributed.Config) []actions.Action {
	boot := []actions.Action{timer.Driver(), c.Driver()}
	g := &guest{name: s.Name, life: s.Life, heard: map[string]float64{}}
	as := actions.Tree{actions.OpenDevice{Device: stdout{}}, g.timers()}
	for i := range guestPlaces {
		g.there = append(g.there, map[string]bool{})
		as = append(as, g.visit(i))
		if at := guestPlace(i); at.Node == s.Name {
			boot = append(boot, actions.Spawn(vm.Nested(c.Serve(at.Name), clerks.Spawn(clerk{}))).Named("place"))
		}
	}
	return append(boot, actions.Spawn(g.next(as, g.call())).Named("guest"))
}

func (g *guest) timers() actions.Action {
	return actions.Group(
		endpoint.Subscriber(timer.Expiring("talk"), endpoint.OnMessageState(func(g *guest, _ timer.Expired) actions.Transition[*guest] {
			g.said++
			return g.next(distributed.Send(guestPlace(g.said%guestPlaces), says{g.name, fmt.Sprintf("%d.%09d", g.life, g.said)}))
		})),
		endpoint.Subscriber(timer.Expiring("status"), endpoint.OnMessageState(func(g *guest, _ timer.Expired) actions.Transition[*guest] {
			all := 0
			for _, there := range g.there {
				if len(there) == len(guestNodes) {
					all++
				}
			}
			return g.next(report(fmt.Sprintf("status %d %d %d", all, g.ended, g.answer)))
		})),
		timer.Every("talk", 20*time.Millisecond), timer.Every("status", 500*time.Millisecond),
	)
}

// visit takes part at a place.
func (g *guest) visit(i int) actions.Action {
	at := guestPlace(i)
	return actions.Group(
		at.At(endpoint.Publisher(topic.Where(sayer.Is(g.name)))),
		at.At(endpoint.Subscriber(topic.All[says](),
			endpoint.OnPresenceState(func(g *guest, s says) actions.Transition[*guest] {
				if g.there[i][s.Who] {
					return g.wrong("%s has come twice to %v", s.Who, at)
				}
				g.there[i][s.Who] = true
				return g.next()
			}),
			endpoint.OnAbsenceState(func(g *guest, s says, _ error) actions.Transition[*guest] {
				if !g.there[i][s.Who] {
					return g.wrong("%s has gone from %v and was not there", s.Who, at)
				}
				delete(g.there[i], s.Who)
				return g.next()
			}),
			endpoint.OnMessageState(func(g *guest, s says) actions.Transition[*guest] {
				key := fmt.Sprint(i, " ", s.Who)
				var n float64
				if _, err := fmt.Sscan(s.What, &n); err != nil || n <= g.heard[key] {
					return g.wrong("%s says %s at %v after %.9f", s.Who, s.What, at, g.heard[key])
				}
				g.heard[key] = n
				return g.next()
			}),
		)),
	)
}

// call makes a call at a place, and then the next one.
func (g *guest) call() actions.Action {
	g.calls++
	n := g.calls
	id := n*len(guestNodes) + slices.Index(guestNodes, g.name) + g.life<<24
	return rpc.CallState(tally, id, func(g *guest, result int, err error) actions.Transition[*guest] {
		if g.ended++; g.ended != n || err == nil && result != 3*id {
			return g.wrong("call %d is the end number %d, with %d, %v", n, g.ended, result, err)
		}
		if err == nil {
			g.answer++
		}
		return g.next(g.call())
	}, rpc.At(guestPlace((7*n+g.life)%guestPlaces)))
}

// A guestNode is a node of TestChaosOfProcesses, in all its lives.
type guestNode struct {
	t       *testing.T
	spec    spec
	cables  []*cable // by which it reaches the others
	process *node
	stopped bool // by SIGSTOP
	status  string
}

func (n *guestNode) start() {
	if n.spec.Journal == "" {
		n.spec.Life++
	}
	n.process, n.status = startNode(n.t, n.spec), ""
}

// look takes what the node has printed, and returns the last line.
func (n *guestNode) look() (last string) {
	for {
		select {
		case last = <-n.process.lines:
			if status, ok := strings.CutPrefix(last, "status "); ok {
				n.status = status
			} else if strings.HasPrefix(last, "wrong: ") {
				n.t.Errorf("%s, life %d: %s", n.spec.Name, n.spec.Life, last)
			}
		default:
			return last
		}
	}
}

// end ends the process, and returns the last line.
func (n *guestNode) end(how syscall.Signal) string {
	n.process.signal(how)
	if n.stopped {
		n.process.signal(syscall.SIGCONT)
		n.stopped = false
	}
	for last := ""; ; {
		select {
		case <-n.process.done:
			if l := n.look(); l != "" {
				last = l
			}
			return last
		case <-time.After(10 * time.Millisecond): // it may wait until its lines are taken
			if l := n.look(); l != "" {
				last = l
			}
		}
	}
}

// harm does harm to a node, or ends some, and says what.
func (n *guestNode) harm(r *rand.Rand) string {
	c := n.cables[r.IntN(len(n.cables))]
	switch k := r.IntN(10); {
	case n.stopped && k < 5:
		n.stopped = false
		n.process.signal(syscall.SIGCONT)
		return "goes on"
	case k < 2:
		n.end(syscall.SIGKILL)
		n.start()
		return "is killed"
	case k < 3 && !n.stopped:
		n.end(syscall.SIGTERM)
		n.start()
		return "is started again"
	case k < 5 && !n.stopped:
		n.stopped = true
		n.process.signal(syscall.SIGSTOP)
		return "is stopped"
	case k < 7:
		c.cut()
		return "is cut off from " + c.to
	case c.isBlack():
		c.hole(false)
		return "has a cable again to " + c.to
	case k < 9:
		c.hole(true)
		return "has a black hole to " + c.to
	}
	return ""
}

// TestChaosOfProcesses: three processes, one of them with a journal, serve 200 places together on
// direct links, and take part in all of them. They are killed with -9, stopped in good order,
// stopped by SIGSTOP, and their connections are cut or swallow all. At all times, presence and
// absence alternate, messages of one sender come once and in order, and each call ends once. In the
// end all see all, calls are answered, and each process ends without a goroutine or a file too
// many. The two minutes of issue 13:
//
//	go test ./distributed -run TestChaosOfProcesses -chaos 2m -v
func TestChaosOfProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes: not with -short")
	}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	key, dir := keyFile(t, "0123456789abcdef0123456789abcdef"), t.TempDir()
	at := map[string]string{}
	for _, name := range guestNodes {
		at[name] = freeAddress(t)
	}
	var all []*guestNode
	for i, name := range guestNodes {
		n := &guestNode{t: t, spec: spec{Name: name, Listen: at[name], Key: key, Guest: true, Peers: map[string]string{}}}
		if i == 0 {
			n.spec.Journal = filepath.Join(dir, name)
		}
		for _, other := range guestNodes {
			if other != name {
				c := newCable(t, at[other])
				n.cables = append(n.cables, c)
				n.spec.Peers[other] = c.l.Addr().String()
			}
		}
		all = append(all, n)
	}
	for _, n := range all {
		n.start()
	}
	harms := 0
	for began := time.Now(); time.Since(began) < *chaos; {
		<-time.After(time.Duration(r.Int64N(int64(time.Second)))) // the harm does not depend on what the nodes do
		n := all[r.IntN(len(all))]
		if what := n.harm(r); what != "" {
			harms++
			t.Logf("%v: %s %s", time.Since(began).Round(time.Millisecond), n.spec.Name, what)
		}
		for _, n := range all {
			n.look()
		}
	}
	for _, n := range all {
		if n.stopped {
			n.stopped = false
			n.process.signal(syscall.SIGCONT)
		}
		for _, c := range n.cables {
			if c.isBlack() {
				c.hole(false)
			}
		}
	}
	limit := time.After(5 * time.Minute)
	answered := map[*guestNode]int{}
	began := time.Now()
	for done := 0; done < len(all); {
		select {
		case <-limit:
			for _, n := range all {
				t.Errorf("%s has the status %q: places where all are, calls that have ended, and that were answered", n.spec.Name, n.status)
			}
			return
		case <-time.After(50 * time.Millisecond):
		}
		done = 0
		for _, n := range all {
			n.look()
			var places, ended, answers int
			fmt.Sscan(n.status, &places, &ended, &answers)
			if _, seen := answered[n]; places == guestPlaces && !seen {
				answered[n] = answers
			}
			if first, seen := answered[n]; seen && places == guestPlaces && answers > first+guestPlaces {
				done++
			}
		}
	}
	t.Logf("all see all, and are answered, %v after the harm has ended, of which there were %d", time.Since(began).Round(time.Millisecond), harms)
	for _, n := range all {
		t.Logf("%s: %s", n.spec.Name, n.status)
		if last := n.end(syscall.SIGTERM); last != "end 2 0" {
			t.Errorf("%s says %q at its end", n.spec.Name, last)
		}
	}
}
