package main

import (
	"time"

	"github.com/benbjohnson/immutable"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// An asker is the state of the process that observes who has which question. It
// spawns one conversation for each, and keeps the answers.
type asker struct {
	config        *config
	cache         cache
	now           time.Time // of the last tick
	conversations *immutable.SortedMap[Question, talking]
	begun         uint64 // conversations
}

// talking is what an asker knows of a conversation.
type talking struct {
	number uint64
	pid    actions.PID // 0 until it is known
}

type care = actions.Transition[*asker]

// maxConversations is how many questions may be asked at a time. A client with
// another one is told that there is no answer.
const maxConversations = 2048

// clockLabel is the label of the clock of the asker, which ticks every second.
const clockLabel = "dns clock"

// duty says, by its presence, that there is a process that answers questions,
// and one that brings them.
type duty struct{}

// answerQuestions is the process that answers questions. It ends when nobody is
// there any more to bring them.
func answerQuestions(c *config) actions.Process {
	a := &asker{
		config:        c,
		cache:         newCache(c.cache),
		conversations: immutable.NewSortedMap[Question, talking](byQuestion{}),
	}
	return actions.Next(a,
		endpoint.ObserveSubscribers(topic.All[Answer](),
			endpoint.OnFirstState((*asker).asked, About),
			endpoint.OnLastState((*asker).unasked, About),
		),
		endpoint.ObservePublishers(topic.All[Answer](), endpoint.OnAbsenceState((*asker).lost)),
		endpoint.Subscriber(topic.All[Learned](), endpoint.OnMessageState((*asker).learn)),
		endpoint.Subscriber(timer.Expiring(clockLabel),
			endpoint.OnPresence(func(timer.Expired) actions.Action {
				return actions.Send(timer.Set{Label: clockLabel, Every: time.Second})
			}),
			endpoint.OnMessageState((*asker).tick),
		),
		endpoint.Publisher(topic.All[duty](),
			endpoint.OnAbsence(func(duty, error) actions.Action { return actions.Quit() }),
		),
	)
}

// asked begins a conversation: somebody has a question that nobody has had.
func (a *asker) asked(c Answer) care {
	q := c.Question
	if q.Class == dnsmessage.ClassCHAOS {
		return actions.Next(a) // that is about this program: see counter
	}
	if r, ok := a.cache.get(q, a.now); ok {
		return a.begin(q, &r).And(count(kept))
	}
	if a.conversations.Len() >= maxConversations {
		return a.begin(q, &failure).And(count(gaveUp))
	}
	return a.begin(q, nil).And(count(forwarded))
}

func (a *asker) begin(q Question, r *Reply) care {
	n := *a
	n.begun++
	t := talking{number: n.begun}
	n.conversations = n.conversations.Set(q, t)
	spawn := converse(n.config, q, r)
	return actions.Next(&n, spawn.Continue(actions.ResumeWith(func(a *asker, pid actions.PID) care {
		return a.spawned(q, t.number, pid)
	})))
}

// spawned gets the PID of a conversation. Perhaps nobody has the question any
// more.
func (a *asker) spawned(q Question, number uint64, pid actions.PID) care {
	t, ok := a.conversations.Get(q)
	if !ok || t.number != number {
		return actions.Next(a, actions.Kill(pid, nil))
	}
	n := *a
	t.pid = pid
	n.conversations = n.conversations.Set(q, t)
	return actions.Next(&n)
}

// unasked ends a conversation: nobody has the question any more.
func (a *asker) unasked(c Answer) care {
	t, ok := a.conversations.Get(c.Question)
	if !ok {
		return actions.Next(a)
	}
	n := *a
	n.conversations = n.conversations.Delete(c.Question)
	return actions.Next(&n, actions.When(t.pid != 0, actions.Kill(t.pid, nil)))
}

// lost replaces a conversation that has failed by one that says so.
func (a *asker) lost(c Answer, reason error) care {
	if _, ok := a.conversations.Get(c.Question); !ok || reason == nil {
		return actions.Next(a)
	}
	return a.begin(c.Question, &failure)
}

// learn keeps an answer. Before it knows the time, it keeps nothing.
func (a *asker) learn(l Learned) care {
	if a.now.IsZero() {
		return actions.Next(a)
	}
	n := *a
	n.cache = n.cache.put(l.Question, l.Reply, n.now)
	return actions.Next(&n)
}

// tick tells the time, to the second, as the cache wants it.
func (a *asker) tick(e timer.Expired) care {
	n := *a
	n.now = e.Now
	n.cache = n.cache.expire(n.now)
	return actions.Next(&n)
}
