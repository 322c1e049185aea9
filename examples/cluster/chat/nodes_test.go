package main

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestTwoNodes: people on both nodes see each other arrive, speak and depart. If a node is
// killed, its people depart from the other, once each and with the reason, and can come back.
// If it is stopped, they depart with another reason. Issue 13, DP-20.
func TestTwoNodes(t *testing.T) {
	everywhere(t, func(t *testing.T, c *cluster) {
		ann := c.enter("a", nil)
		bob := c.enter("b", nil)
		ann.hears(arrived(bob)...)
		bob.hears(arrived(ann)...)
		ann.says("hello", ann, bob)
		bob.says("how are you?", bob, ann)

		carl := c.enter("b", nil)
		ann.hears(arrived(carl)...)
		bob.hears(arrived(carl)...)
		carl.hears(arrived(ann, bob)...)
		carl.conn.Close()
		ann.hears(carl.name + " departed.")
		bob.hears(carl.name + " departed.")

		for _, dead := range []string{"b", "a"} {
			c.kill(dead)
			bob.disconnected()
			ann.hears(c.gone(bob)...)
			ann.says("alone", ann)
			c.start(dead)
			bob = c.enter(dead, nil)
			bob.hears(arrived(ann)...)
			ann.hears(arrived(bob)...)
			bob.says("back", ann, bob)
			ann, bob = bob, ann // so that bob is on the node that is next
		}

		c.stop("b")
		ann.hears(bob.name + " departed: node b has stopped.")
		ann.says("alone again", ann)
	}, "a", "b")
}

// TestThreeNodes: each of three nodes is killed in turn, and the others hear of its people, as
// in TestTwoNodes. Without the hub of NATS, all nodes are alone. Issue 13.
func TestThreeNodes(t *testing.T) {
	names := []string{"a", "b", "c"}
	everywhere(t, func(t *testing.T, c *cluster) {
		people := map[string]*person{}
		others := func(name string) (all []*person) { // than those on a node
			for n, p := range people {
				if n != name {
					all = append(all, p)
				}
			}
			return all
		}
		for _, n := range names {
			people[n] = c.enter(n, nil)
			for _, o := range others(n) {
				o.hears(arrived(people[n])...)
			}
			people[n].hears(arrived(others(n)...)...)
		}
		for _, n := range names {
			people[n].says("hello from "+n, others("")...)
		}
		for _, dead := range names {
			lost := func(n string) []*person { // by the people on node n
				if dead == c.hub {
					return others(n)
				}
				return []*person{people[dead]}
			}
			c.kill(dead)
			people[dead].disconnected()
			for _, n := range names {
				if n != dead {
					people[n].hears(c.gone(lost(n)...)...)
				}
			}
			for _, n := range names {
				switch {
				case n == dead:
				case dead == c.hub:
					people[n].says("alone on "+n, people[n])
				default:
					people[n].says("still on "+n, others(dead)...)
				}
			}
			c.start(dead)
			people[dead] = c.enter(dead, nil)
			for _, n := range names {
				if n == dead {
					people[n].hears(arrived(others(n)...)...)
				} else {
					people[n].hears(arrived(lost(n)...)...)
				}
			}
			for _, n := range names {
				people[n].says("together on "+n, others("")...)
			}
			if t.Failed() {
				return
			}
		}
	}, names...)
}

// In TestCrowds, each node has a crowd of people, who say a line after each pause.
const (
	crowd = 50
	pause = 500 * time.Millisecond
)

// TestCrowds: fifty people on each of two nodes talk all the time. When either node is killed,
// everybody on the other hears it once of each person there, with the reason; and once of each
// who comes back. The flags say how often, and on which topologies. A process that has no
// processor for a lease is lost, too, which is no fault of the network. Issue 13.
//
//	go test ./chat -run TestCrowds -crowds 'NATS by URL' -runs 50 -node-heartbeat 4s -timeout 60m
func TestCrowds(t *testing.T) {
	talk := func(line string) bool { return strings.HasSuffix(line, ": talk") }
	on(t, strings.Split(*crowds, ","), func(t *testing.T, c *cluster) {
		people := map[string][]*person{}
		all := func() []*person { return slices.Concat(people["a"], people["b"]) }
		var talking sync.WaitGroup
		defer func() {
			for _, p := range all() {
				p.conn.Close()
			}
			talking.Wait()
		}()
		enter := func(node string) {
			people[node] = nil
			for range crowd {
				p := c.enter(node, talk)
				people[node] = append(people[node], p)
				talking.Go(func() {
					pace := time.NewTicker(pause)
					defer pace.Stop()
					for range pace.C {
						if _, err := p.conn.Write([]byte("talk\n")); err != nil {
							return // the person or the node is gone
						}
					}
				})
			}
		}
		meet := func(ps []*person) { // and all others
			for _, p := range ps {
				p.hears(arrived(slices.DeleteFunc(all(), func(q *person) bool { return p == q })...)...)
			}
		}
		enter("a")
		enter("b")
		meet(all())
		for range *runs {
			for dead, alive := range map[string]string{"a": "b", "b": "a"} {
				c.kill(dead)
				for _, p := range people[dead] {
					p.disconnected()
				}
				for _, p := range people[alive] {
					p.hears(c.gone(people[dead]...)...)
				}
				people[alive][0].says("we are alone", people[alive]...)
				c.start(dead)
				enter(dead)
				meet(people[dead])
				for _, p := range people[alive] {
					p.hears(arrived(people[dead]...)...)
				}
				people[dead][0].says("we are back", all()...)
				if t.Failed() {
					return
				}
			}
		}
	}, "a", "b")
}
