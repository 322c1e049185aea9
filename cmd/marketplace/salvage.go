package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal"
)

const salvageHelp = `Salvage gets out of a damaged journal whatever can be read: the inputs before the
damage and behind it, and those in files that were moved aside when the journal
was cut off. It changes nothing.

It writes inputs as export does, with two more fields: file, and offset, which is
that of the input in the file. The order is that of the files. Numbers may be
missing, and may come more than once if the journal went on after a cut. What
cannot be read is reported on standard error.

  marketplace journal salvage -o saved.json chat.journal
`

// A salvagedLine is the output of salvage for an input.
type salvagedLine struct {
	line
	File   string `json:"file"`
	Offset int64  `json:"offset"`
}

func salvage(c *call) error {
	file := c.String("o", "-", "the `file` to write; - is standard output")
	if err := c.only(); err != nil {
		return err
	}
	return c.writeTo(*file, func() error {
		inputs, lost := 0, int64(0)
		for s, err := range journal.SalvageStore(c.store()) {
			if err != nil {
				c.say("%v", err)
				continue
			}
			if s.Lost > 0 {
				lost += s.Lost
				c.say("%s of %s before offset %d cannot be read", plural(uint64(s.Lost), "byte"), s.File, s.Offset)
			}
			if s.Input.Seq == 0 {
				continue
			}
			l, err := lineOf(&s.Input)
			if err != nil {
				c.say("%v, at offset %d of %s", err, s.Offset, s.File)
				continue
			}
			inputs++
			if err := c.encode(salvagedLine{l, s.File, s.Offset}); err != nil {
				return err
			}
		}
		if inputs == 0 {
			return fmt.Errorf("%s: there is no input that can be read", c.dir)
		}
		c.say("%s salvaged, %s cannot be read", plural(uint64(inputs), "input"), plural(uint64(lost), "byte"))
		return nil
	})
}

// writeTo calls f while the output goes to a file; - is standard output. The file has what
// f has written, also if it returns an error.
func (c *call) writeTo(file string, f func() error) error {
	if file == "-" {
		return f()
	}
	to, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	c.out.Reset(text.Plain(to))
	return cmp.Or(f(), c.out.Flush(), to.Close())
}
