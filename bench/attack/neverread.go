package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
)

// The lines that a guest says while others do not read: of a kilobyte each, and so many
// between two guests who enter.
const (
	longLine = 1 << 10
	block    = 512
)

var neverReaders = attack{
	name: "never-readers",
	does: "24 guests enter one after another and never read; between each two, a guest who reads says 512 kB; then the server gets a signal to end",
	end:  closeLimit,
	run: func(s *scene) error {
		p, err := s.serve("chat", options{})
		if err != nil {
			return err
		}
		talker, err := s.enter(p)
		if err != nil {
			return err
		}
		crowd := s.newcomers(p, "")
		var deaf []*guest
		last := ""
		for i := range s.size(24, 12) {
			g, err := s.enter(p)
			if err != nil {
				return err
			}
			deaf = append(deaf, g)
			if last, err = talker.talk(i); err != nil {
				s.fail("the guest who talks and reads, in block %d: %v", i, err)
				break
			}
		}
		crowd.end()
		stay(talker)
		s.end(p, syscall.SIGTERM)
		s.deafEnds(deaf, last)
		return nil
	},
}

// talk says a block of lines, hears them, and returns the last.
func (g *guest) talk(number int) (last string, err error) {
	said := make(chan error, 1)
	last = longText(number, block-1)
	go func() {
		for i := range block {
			if err := g.say(longText(number, i)); err != nil {
				said <- err
				return
			}
		}
		said <- nil
	}()
	for i := range block {
		line, err := g.hear()
		if err != nil {
			return "", fmt.Errorf("after %d lines of %d: %w", i, block, err)
		}
		if want := longText(number, i); line != want {
			return "", fmt.Errorf("line %d is %.20q, not %.20q", i, line, want)
		}
	}
	return last, <-said
}

func longText(number, i int) string {
	s := fmt.Sprintf("%d.%d ", number, i)
	return s + strings.Repeat("x", longLine-len(s))
}

// deafEnds checks how the connections of guests who did not read have ended: everything
// that was said must come before a clean end.
func (s *scene) deafEnds(deaf []*guest, last string) {
	var all, cut atomic.Int64
	atOnce(len(deaf), len(deaf), func(i int) {
		heard, line, err := deaf[i].hearRest()
		switch {
		case !errors.Is(err, io.EOF):
			cut.Add(1)
		case line == last:
			all.Add(1)
		default:
			s.fail("guest %d, who never read, got %d lines, the last of them %.9q and not %.9q, and then a clean end", i+1, heard, line, last)
		}
	})
	s.answer("of %d guests who never read, %d got all lines, and %d had their connection reset", len(deaf), all.Load(), cut.Load())
}

// hearRest reads what is left. It returns the number of lines, the last one, and the
// reason why no more come.
func (g *guest) hearRest() (heard int, last string, err error) {
	for {
		line, err := g.hear()
		if err != nil {
			return heard, last, err
		}
		heard, last = heard+1, line
	}
}
