package main

import "github.com/go-marketplace/marketplace/journal"

const restoreHelp = `Restore copies a journal, up to one of its inputs, to another folder, DST, which must
not exist yet. The copy is a journal of its own, with another identity: a branch, with
which a program goes on behind that input. It is verified, and the hash of its last
record is printed. The program may run meanwhile. DIR may also be an archive.

Damage behind the input does not matter: restore leaves it out. To keep a copy of the
journal with its identity, use backup.

  marketplace journal restore -to 41 chat.journal chat.branch
`

func restore(c *call) error {
	last := c.Uint64("to", 0, "the `number` of the last input of the copy (default: the last there is)")
	rest, err := c.parse()
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return c.wrong("the folder for the copy is missing")
	}
	v, err := journal.RestoreWith(c.dir, rest[0], *last, c.wrap)
	if err != nil {
		return err
	}
	r := copyOf(rest[0], &v)
	r.branch = true
	c.leftOut(r)
	return c.print(r)
}
