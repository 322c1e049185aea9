package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A conversation is the state of the process that handles one question, for as
// long as somebody has it. It asks one upstream after another, until there is
// an answer, and sends it to all who wait and to all who come later.
type conversation struct {
	config    *config
	question  Question
	name      string
	upstreams []inet.Addr // that may have an answer; the first is being asked
	reply     *Reply      // once there is one
}

type talk = actions.Transition[conversation]

// The names of the endpoints of a conversation that last until the answer.
const (
	outcomesEnd = "outcomes"
	tryEnd      = "try"
	limitEnd    = "limit"
)

// converse is the process that handles a question. If there is an answer
// already, r is that answer, and the process asks nobody.
func converse(c *config, q Question, r *Reply) actions.SpawnProcess {
	return actions.SpawnFunc(func(self actions.PID) actions.Process {
		t := conversation{config: c, question: q, name: fmt.Sprintf("dns %v", self), upstreams: c.upstreams, reply: r}
		if r != nil {
			return actions.Next(t, t.publish())
		}
		return actions.Next(t,
			endpoint.Subscriber(topic.Where(ofConversation.Is(t.name)), endpoint.OnMessageState(conversation.came)).As(outcomesEnd),
			t.alarm(limitEnd, c.limit, conversation.over),
			t.alarm(tryEnd, c.timeout, conversation.turn),
			t.publish(),
			t.ask(true, false),
		)
	}).Named(q.String())
}

// publish shows those who wait for the answer that there is a conversation. It
// sends the answer at once to those who come late.
func (c conversation) publish() actions.Action {
	return endpoint.Publisher(Answering(c.question), endpoint.OnPresenceState(func(c conversation, _ Answer) talk {
		if c.reply == nil {
			return actions.Next(c)
		}
		return actions.Next(c, c.answer())
	}))
}

func (c conversation) answer() actions.Action {
	return actions.Send(Answer{c.question, *c.reply})
}

// alarm calls a method when d has passed.
func (c conversation) alarm(id string, d time.Duration, then func(conversation) talk) actions.Action {
	label := c.name + " " + id
	return actions.Tree{
		endpoint.Subscriber(timer.Expiring(label),
			endpoint.OnMessageState(func(c conversation, _ timer.Expired) talk { return then(c) }),
		).As(id),
		timer.After(label, d),
	}
}

// ask asks the first of the upstreams.
func (c conversation) ask(extended, stream bool) actions.Action {
	return try(attempt{c.name, c.question, c.upstreams[0], stream, extended})
}

// wait sets the timer for the upstream that is being asked.
func (c conversation) wait() actions.Action {
	return timer.After(c.name+" "+tryEnd, c.config.timeout)
}

// turn turns to the next upstream, because the one being asked is slow. If that
// one still answers, the answer counts; and it may be asked again.
func (c conversation) turn() talk {
	c.upstreams = append(slices.Clone(c.upstreams[1:]), c.upstreams[0])
	return actions.Next(c, c.wait(), c.ask(true, false), count(retried))
}

// over gives up.
func (c conversation) over() talk { return c.finish(failure) }

// came handles the outcome of an attempt.
func (c conversation) came(o outcome) talk {
	a := o.of
	switch o.verdict {
	case answered:
		return c.finish(o.reply)
	case truncated:
		a.stream = true
		return actions.Next(c, c.wait(), try(a), count(overTCP))
	case puzzled:
		a.extended = false
		return actions.Next(c, c.wait(), try(a), count(retried))
	}
	current := c.upstreams[0] == a.upstream
	c.upstreams = slices.DeleteFunc(slices.Clone(c.upstreams), func(u inet.Addr) bool { return u == a.upstream })
	switch {
	case len(c.upstreams) == 0:
		return c.finish(failure)
	case current:
		return actions.Next(c, c.wait(), c.ask(true, false), count(retried))
	}
	return actions.Next(c)
}

// finish sends the answer. The attempts that are still under way end.
func (c conversation) finish(r Reply) talk {
	c.reply = &r
	return actions.Next(c,
		actions.Delete(outcomesEnd), actions.Delete(tryEnd), actions.Delete(limitEnd),
		c.answer(),
		actions.When(r.Keep > 0, actions.Send(Learned{c.question, r})),
		actions.When(r.Packet == nil, count(gaveUp)),
	)
}
