package vm

import (
	"github.com/go-marketplace/marketplace/actions"
)

// A machine works in rounds. In a round, each process with actions in its queue has
// a turn, in the order of PIDs. In its turn it performs the actions that are in its
// queue by then. Actions that come later wait for the next round, and so do those
// of new processes.
//
// Within a round, work finishes what has begun before it begins anything else. Each
// rule below is a case in work, and the first that applies goes first.
//
//	Rule 0: A nested machine that got an event works until it is done.
//	Rule 1: A pending handler or continuation is called.
//	Rule 2: A message goes to its next receivers.
//	Rule 3: The news of an endpoint goes to the next peer.
//	Rule 4: A process that has ended loses its next endpoint.
//	Rule 5: A process is told that one that it monitors has gone.
//	Rule 6: A process ends that was bound to one that has ended.
//	Rule 7: A process that is being spawned takes its next step.
//	Rule 8: The acting process performs its next action.
//	Rule 9: The acting process has no action left: its turn ends.
//	Rule 10: The next process of the round has its turn, or the round ends.
//	Rule 11: A round that is due begins.
//
// For example, process 2 sends a message that processes 3 and 4 receive. Process 3
// returns a message of its own, and process 4 quits:
//
//	Rule 8: 2 performs its action. There are two receivers.
//	Rule 2: 3 is told. Its action goes to its queue. 4 is told, and its action, too.
//	Rule 9: The turn of 2 ends.
//	Rule 10: 3 has its turn in this round, because 3 > 2.
//	Rule 8: 3 sends. Nobody receives the message.
//	Rule 9, Rule 10: 4 has its turn.
//	Rule 8: 4 ends.
//	Rule 4, Rule 3: The endpoints of 4 go, one after another, and their peers are told.
//
// Rules 0 to 7 keep their place in fields of the kernel. A transition function that
// panics or ends the goroutine leaves work where it is, and the next call goes on.

// work does what there is to do, until nothing is left but, perhaps, another round.
func (k *kernel) work() {
	for {
		switch {
		case k.inside != nil:
			inner := k.inside
			inner.work()
			k.inside = nil
			k.collectOutput(inner)
		case k.call.on():
			k.makeCall()
		case k.resuming.p != nil:
			k.resume()
		case k.sending.on:
			k.deliver()
		case k.notice.on():
			k.notify()
		case k.leaving.on():
			k.leave()
		case len(k.downs) > 0:
			k.tellDown()
		case len(k.orphans) > 0:
			k.endOrphan()
		case k.spawning.stage != notSpawning:
			k.spawn()
		case k.at < len(k.batch):
			it := k.batch[k.at]
			k.batch[k.at] = item{}
			k.at++
			k.perform(it)
		case k.acting != nil:
			k.endTurn()
		case k.inRound:
			k.beginTurn()
		case k.roundDue:
			k.roundDue = false
			k.beginRound()
		default:
			return
		}
	}
}

// idle reports whether no process of k has anything left to do.
func (k *kernel) idle() bool { return k.runnable == 0 }

func (k *kernel) beginRound() {
	k.inRound = true
	k.horizon = k.space.last
	k.ready.reset()
	k.ready, k.next = k.next, k.ready
	k.ready.order()
}

func (k *kernel) beginTurn() {
	for !k.ready.empty() {
		p := k.ready.pop()
		if p.dead {
			continue
		}
		p.scheduled = false
		k.runnable--
		c := p.own()
		k.m.backlog -= len(c.queue)
		k.acting = p
		k.batch, k.at, k.continued = c.queue, 0, 0
		c.queue = nil
		return
	}
	k.endRound()
}

func (k *kernel) endTurn() {
	k.m.putSpare(k.batch)
	k.batch, k.at = nil, 0
	if !k.acting.dead {
		k.noteCandidate(k.acting)
	}
	k.acting = nil
}

// endRound collects the candidates to which nothing can happen any more. If others
// monitor these, the round ends after they have been told, because nothing can
// happen then to some of them, either.
func (k *kernel) endRound() {
	for i, p := range k.candidates {
		k.candidates[i] = nil
		if !p.dead && p.cell.isIdle() {
			k.enqueue(p, item{action: actions.Quit()})
			continue
		}
		if p.dead || !p.cell.holdsNothing() || p.inner != nil && p.inner.devices > 0 {
			continue
		}
		k.m.stats.Collected++
		k.m.record(&Record{Kind: Collected, at: p})
		k.discard(p)
		k.noteDown(p, nil)
	}
	k.candidates = k.candidates[:0]
	if len(k.downs) > 0 {
		k.orderDowns()
		return
	}
	k.inRound = false
	if k.host == nil {
		k.m.stats.Rounds++
	}
}

// collectOutput gives the process of a nested machine the actions that result from
// the work of the machine: another round, if there is more to do, and the actions
// at meta-levels.
func (k *kernel) collectOutput(inner *kernel) {
	host := inner.host
	if !host.dead {
		if !inner.idle() {
			k.enqueue(host, item{op: innerRound})
		}
		for _, it := range inner.out {
			k.enqueue(host, it)
		}
		// Perhaps nothing keeps the machine inside any more.
		k.noteCandidate(host)
	}
	clear(inner.out)
	inner.out = inner.out[:0]
}
