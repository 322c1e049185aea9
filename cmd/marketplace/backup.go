package main

import (
	"fmt"

	"github.com/go-marketplace/marketplace/journal"
)

const backupHelp = `Backup copies a journal to another folder, DST, which must not exist yet. The program
may run meanwhile, and drop what is old: the copy is the journal as it was at one
moment, and the program can go on from it. It is verified, and the hash of its last
record is printed.

Backup copies segments, and the snapshots that the log has; not what was moved aside
after damage. If the journal is damaged, the copy is as well, and the exit status is 1.

  marketplace journal backup chat.journal chat.backup
`

func backup(c *call) error {
	rest, err := c.parse()
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return c.wrong("the folder for the copy is missing")
	}
	v, err := journal.BackupWith(c.dir, rest[0], c.wrap)
	r := copyOf(rest[0], &v)
	c.leftOut(r)
	if err != nil && v.Damage != nil {
		return fmt.Errorf("%s is copied to %s, with its damage: %w", c.dir, rest[0], err)
	}
	if err != nil {
		return err
	}
	return c.print(r)
}

// leftOut says which snapshots a copy does not have. With -json, the report says so.
func (c *call) leftOut(r copyReport) {
	for _, b := range r.LeftOut {
		if !c.json {
			c.say("left out: the snapshot after input %d, %s: %s", b.Seq, b.File, b.Reason)
		}
	}
}
