package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
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
	h, err := journal.ReadStore(c.store())
	if err != nil {
		return err
	}
	p, damage := h.Presence()
	for try := 0; try < 100 && errors.Is(damage, wal.ErrDropped); try++ { // the program has dropped what came next
		if h, err = journal.ReadStore(c.store()); err != nil {
			return err
		}
		p, damage = h.Presence()
	}
	if p.Begin.Seq > 0 {
		c.say("the inputs before %d have been dropped; the output begins with the endpoints present after input %d", h.First(), p.Begin.Seq)
	}
	if *about != "" {
		p = p.About(*about)
	}
	if *at > 0 {
		p = p.At(*at)
	}
	if *timeline {
		c.title("%8s  %-26s  %10s  %11s  %13s  %13s\n", "input", "time (UTC)", "publishers", "subscribers", "watching pubs", "watching subs")
		for _, n := range p.Timeline() {
			if err := c.print(&countReport{mark(n.From), n.Publishers, n.Subscribers, n.PublisherObservers, n.SubscriberObservers}); err != nil {
				return err
			}
		}
		return damage
	}
	c.title("%8s  %8s  %s\n", "from", "to", "who")
	for _, i := range p.Intervals {
		if err := c.print(intervalOf(&i)); err != nil {
			return err
		}
	}
	return damage
}

// title prints a line above others, except with -json.
func (c *call) title(format string, args ...any) {
	if !c.json {
		fmt.Fprintf(c.out, format, args...)
	}
}

// A countReport has the numbers of endpoints from an input on.
type countReport struct {
	mark
	Publishers          int `json:"publishers"`
	Subscribers         int `json:"subscribers"`
	PublisherObservers  int `json:"publisher_observers"`
	SubscriberObservers int `json:"subscriber_observers"`
}

func (n *countReport) text(w io.Writer) {
	fmt.Fprintf(w, "%8d  %s  %10d  %11d  %13d  %13d\n", n.Seq, n.Time.Format("2006-01-02 15:04:05.000000"),
		n.Publishers, n.Subscribers, n.PublisherObservers, n.SubscriberObservers)
}

// An intervalReport is the time in which an endpoint had one role.
type intervalReport struct {
	Path        string `json:"path"`
	Name        string `json:"name,omitempty"`
	Level       uint32 `json:"level,omitempty"`
	ID          string `json:"id,omitempty"`
	Orientation string `json:"orientation"`
	Interest    string `json:"interest"`
	Topic       string `json:"topic"`
	From        mark   `json:"from"`
	Earlier     bool   `json:"earlier,omitempty"`
	To          *mark  `json:"to,omitempty"` // nil if it is still present
	Reason      string `json:"reason,omitempty"`
	who         string
}

func intervalOf(i *journal.Interval) *intervalReport {
	r := &intervalReport{i.Path.String(), i.Name, i.Level, i.ID, i.Orientation.String(), i.Interest.String(), i.Topic, mark(i.From), i.Earlier, nil, i.Reason, i.String()}
	if !i.Still() {
		r.To = &mark{i.To.Seq, i.To.Time}
	}
	return r
}

func (r *intervalReport) text(w io.Writer) {
	from, to, reason := fmt.Sprint(r.From.Seq), "still", ""
	if r.Earlier {
		from = "earlier"
	}
	if r.To != nil {
		to = fmt.Sprint(r.To.Seq)
	}
	if r.Reason != "" {
		reason = " (" + r.Reason + ")"
	}
	fmt.Fprintf(w, "%8s  %8s  %s%s\n", from, to, r.who, reason)
}
