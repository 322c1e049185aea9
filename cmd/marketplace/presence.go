package main

import (
	"fmt"

	"github.com/go-marketplace/marketplace/journal"
)

const presenceHelp = `Presence shows which endpoints were present: the process, the role, from which
input to which, and the reason for the end.

  marketplace journal presence -topic '*Says*' chat.journal
  marketplace journal presence -at 42 chat.journal
  marketplace journal presence -topic '*Says*' -timeline chat.journal

With -timeline it shows the numbers of endpoints each time that one of them
changes: of publishers, of subscribers, and of observers of either.
`

func presence(c *call) error {
	at := c.Uint64("at", 0, "only endpoints that were present after the input with this `number`")
	about := c.String("topic", "", "only topics whose text matches a `glob`")
	timeline := c.Bool("timeline", false, "show numbers over time")
	if err := c.only(); err != nil {
		return err
	}
	h, err := journal.Read(c.dir)
	if err != nil {
		return err
	}
	p, damage := h.Presence()
	if p.Begin.Seq > 0 {
		fmt.Fprintf(c.stderr, "marketplace: the inputs before %d have been dropped; the output begins with the endpoints present after input %d\n", h.First(), p.Begin.Seq)
	}
	if *about != "" {
		p = p.About(*about)
	}
	if *at > 0 {
		p = p.At(*at)
	}
	if *timeline {
		fmt.Fprintf(c.out, "%8s  %-26s  %10s  %11s  %13s  %13s\n", "input", "time (UTC)", "publishers", "subscribers", "watching pubs", "watching subs")
		for _, n := range p.Timeline() {
			fmt.Fprintf(c.out, "%8d  %s  %10d  %11d  %13d  %13d\n", n.From.Seq, n.From.Time.Format("2006-01-02 15:04:05.000000"),
				n.Publishers, n.Subscribers, n.PublisherObservers, n.SubscriberObservers)
		}
		return damage
	}
	fmt.Fprintf(c.out, "%8s  %8s  %s\n", "from", "to", "who")
	for _, i := range p.Intervals {
		from, to := fmt.Sprint(i.From.Seq), "still"
		if i.Earlier {
			from = "earlier"
		}
		if !i.Still() {
			to = fmt.Sprint(i.To.Seq)
		}
		fmt.Fprintf(c.out, "%8s  %8s  %s%s\n", from, to, &i, because(&i))
	}
	return damage
}

func because(i *journal.Interval) string {
	if i.Reason == "" {
		return ""
	}
	return " (" + i.Reason + ")"
}
