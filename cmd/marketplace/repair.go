package main

import (
	"strconv"

	"github.com/go-marketplace/marketplace/journal"
)

const truncateHelp = `Truncate removes all inputs after one, and says so in the journal: info shows it.
The program goes on behind that input. What is cut off is moved to files in the
folder whose names end with .cut, and salvage reads them. The program must not run.

  marketplace journal truncate -after 41 chat.journal
`

const skipHelp = `Skip marks an input that the program does not get any more when it starts, nor in a
replay; the input stays in the journal. It is for an input with which the program
hangs or dies at each start. If later inputs had other results because of it, the
program says so when it starts. The program must not run.

Skip refuses a start and a stop, and an input before a snapshot.

  marketplace journal skip chat.journal 42
`

func truncate(c *call) error {
	after := c.Uint64("after", 0, "the `number` of the last input that stays")
	if err := c.only(); err != nil {
		return err
	}
	if *after == 0 {
		return c.wrong("-after is missing: the number of the last input that stays")
	}
	return c.repaired(journal.TruncateStore(c.store(), *after))
}

func skip(c *call) error {
	rest, err := c.parse()
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return c.wrong("the number of an input is missing")
	}
	seq, err := strconv.ParseUint(rest[0], 10, 64)
	if err != nil {
		return c.wrong("%q is not the number of an input", rest[0])
	}
	return c.repaired(journal.SkipStore(c.store(), seq))
}

// repaired says what was done.
func (c *call) repaired(r journal.Repair, err error) error {
	if err != nil {
		return err
	}
	return c.print(repairOf(r))
}
