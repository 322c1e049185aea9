package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

var (
	first  = inet.Remote("192.0.2.1", 53)
	second = inet.Remote("192.0.2.2", 53)
	client = inet.Remote("198.51.100.7", 4000)
	here   = inet.Listener("127.0.0.1", 5353)
)

func testConfig(upstreams ...inet.Addr) *config {
	return &config{listen: here, upstreams: upstreams, timeout: 2 * time.Second, limit: 5 * time.Second, cache: 100}
}

// A rig is a resolver in a machine without an outside: the test is the network,
// and the clock.
type rig struct {
	*vmtest.Machine
	t       testing.TB
	timers  *vmtest.Probe[timer.Expired]
	set     *vmtest.Probe[timer.Set]
	sent    *vmtest.Probe[udp.Packet] // by anybody
	network *vmtest.Probe[udp.Packet]
	counted *vmtest.Probe[event]
	seconds int // since noon
}

func newRig(t testing.TB, boot ...actions.Action) *rig { return newRigOf(t, vmtest.Config{}, boot...) }

func newRigOf(t testing.TB, c vmtest.Config, boot ...actions.Action) *rig {
	t.Helper()
	m := c.Run(t)
	r := &rig{
		Machine: m, t: t,
		timers:  vmtest.Publisher(m, topic.All[timer.Expired]()),
		set:     vmtest.Subscriber(m, topic.All[timer.Set]()),
		sent:    vmtest.Subscriber(m, topic.All[udp.Packet]()),
		network: vmtest.Publisher(m, topic.All[udp.Packet]()),
		counted: vmtest.Subscriber(m, topic.All[event]()),
	}
	m.Perform(boot...)
	return r
}

// tick tells the asker the time.
func (r *rig) tick(seconds int) {
	r.t.Helper()
	r.seconds += seconds
	r.timers.Send(timer.Expired{Label: clockLabel, Now: noon.Add(time.Duration(r.seconds) * time.Second)})
}

// expire lets a timer of the given kind expire that was set since the last
// call, and checks its duration.
func (r *rig) expire(kind string, after time.Duration) {
	r.t.Helper()
	var last *timer.Set
	for _, h := range r.set.Take() {
		if s := h.About; h.Kind == actions.Delivery && strings.HasSuffix(s.Label, kind) {
			last = &s
		}
	}
	if last == nil || last.After != after {
		r.t.Fatalf("the timer %q is set to %v; want %v", kind, last, after)
	}
	r.timers.Send(timer.Expired{Label: last.Label, Now: noon})
}

// draw gives the attempt that begins now its number.
func (r *rig) draw(id uint16) {
	r.t.Helper()
	for _, d := range r.Devices() {
		if d.Device() == (entropy{}) {
			d.Value(unguessed{id})
			d.End(nil)
			return
		}
	}
	r.t.Fatal("nobody asks for a number")
}

// asksUDP draws a number for an attempt, checks that it asks the upstream, and
// returns what it asks and from where.
func (r *rig) asksUDP(upstream inet.Addr, id uint16) (m dnsmessage.Message, us inet.Addr) {
	r.t.Helper()
	r.sent.Take()
	r.draw(id)
	for _, h := range r.sent.Take() {
		if h.Kind != actions.Delivery {
			continue
		}
		m, us = read(r.t, h.About.Body), h.About.Source
		if h.About.Destination != upstream || m.ID != id {
			r.t.Fatalf("%v asks %v under %d; want %v under %d", us, h.About.Destination, m.ID, upstream, id)
		}
		return m, us
	}
	r.t.Fatal("nobody is asked")
	return
}

// answers has a packet arrive.
func (r *rig) answers(from, to inet.Addr, packet []byte) {
	r.t.Helper()
	r.network.Send(udp.Packet{Source: from, Destination: to, Body: packet})
}

// counts checks what has been counted since the last call, in any order.
func (r *rig) counts(want ...event) {
	r.t.Helper()
	var got []event
	for _, h := range r.counted.Take() {
		if h.Kind == actions.Delivery {
			got = append(got, h.About)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Errorf("counted are %v; want %v", got, want)
	}
}

// find returns the PID of a process.
func (r *rig) find(name string) actions.PID {
	r.t.Helper()
	for p := range r.VM().Processes() {
		if p.Name == name {
			return p.Path[len(p.Path)-1]
		}
	}
	r.t.Fatalf("there is no process %q", name)
	return 0
}

// running checks how many processes of a kind there are.
func (r *rig) running(kind string, want int) {
	r.t.Helper()
	n := 0
	for p := range r.VM().Processes() {
		if strings.HasPrefix(p.Name, kind) {
			n++
		}
	}
	if n != want {
		r.t.Errorf("%d processes %q; want %d", n, kind, want)
	}
}

// subscribeDuty is an endpoint of a process that brings questions.
func subscribeDuty() actions.Action { return endpoint.Subscriber(topic.All[duty]()) }

// subscribeTo is an endpoint of a process that has a question.
func subscribeTo(q Question) actions.Action {
	return endpoint.Subscriber(Answering(q), endpoint.OnMessage(func(Answer) actions.Action { return actions.Quit() }))
}

// answeredOnce is an endpoint of a process that performs actions after the
// answer, and quits.
func answeredOnce(q Question, then actions.Action) actions.Action {
	return endpoint.Subscriber(Answering(q), endpoint.OnMessage(func(Answer) actions.Action {
		return actions.Tree{then, actions.Quit()}
	}))
}
