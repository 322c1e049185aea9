package main

import (
	"context"

	"github.com/go-marketplace/marketplace/journal"
)

const tailHelp = `Tail lists the last inputs, as list does. With -f, it goes on with the inputs that
the program writes, until it is interrupted. An input is listed when it is on disk,
some milliseconds after it was written. If the history is changed meanwhile, or the
journal is replaced, tail says so, and ends with status 1.

  marketplace journal tail -n 3 chat.journal
  marketplace journal tail -f chat.journal
`

func tail(c *call) error {
	n := c.Uint64("n", 10, "how `many` of the inputs that are there to list")
	follow := c.Bool("f", false, "follow the journal: list inputs as they are written")
	if err := c.only(); err != nil {
		return err
	}
	h, err := journal.ReadStore(c.store())
	if err != nil {
		return err
	}
	before := h.First() - 1
	if last := h.Last(); last > before+*n {
		before = last - *n
	}
	c.heading()
	if !*follow {
		return c.lines(h, before)
	}
	if err := c.out.Flush(); err != nil {
		return err
	}
	for batch, err := range h.Follow(context.Background(), journal.Position{Seq: before}) {
		if err != nil {
			return err
		}
		for _, in := range batch.Inputs {
			if err := c.line(&in); err != nil {
				return err
			}
		}
		if err := c.out.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// lines writes the inputs after one.
func (c *call) lines(h *journal.History, after uint64) error {
	for in, err := range h.Inputs(after + 1) {
		if err != nil {
			return err
		}
		if err := c.line(&in); err != nil {
			return err
		}
	}
	return nil
}
