package main

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/journal/keys"
)

const eraseHelp = `Erase removes the key of a subject from a key store. What is sealed for the subject,
in all journals whose keys are there, and in all copies of them, cannot be read any
more. The subject never gets another key. This cannot be undone, except from a copy of
the key store: erase the subject there as well. The program may run.

  marketplace journal erase -keys chat.keys customer-17
`

func erase(c *call) error {
	dir := c.String("keys", "", "the `folder` of the key store")
	words, err := c.words()
	switch {
	case err != nil:
		return err
	case *dir == "":
		return c.wrong("-keys is missing: the folder of the key store")
	case len(words) != 1:
		return c.wrong("the subject is missing, or there are several")
	}
	if err := keys.Dir(*dir, nil).Erase(words[0]); err != nil {
		if errors.Is(err, keys.ErrNoKey) {
			return fmt.Errorf("%s has no key for %q: nothing was ever sealed for it there", *dir, words[0])
		}
		return err
	}
	_, err = fmt.Fprintf(c.out, "erased: what is sealed for %q cannot be read any more\n", words[0])
	return err
}
