package main

import (
	"syscall"
	"time"
)

var descriptors = attack{
	name: "descriptors",
	does: "100 guests connect to a chat room whose process may have 64 file descriptors; when no more get in, those inside leave",
	run: func(s *scene) error {
		const people = 100
		p, err := s.serve("chat", options{descriptors: 64})
		if err != nil {
			return err
		}
		outcomes := make(chan outcome, people)
		for range people {
			go func() {
				g, err := s.enter(p)
				outcomes <- outcome{g, err}
			}()
		}
		first, refused := 0, 0
		var inside []*guest
		for o, ok := next(outcomes, hang); ok; o, ok = next(outcomes, time.Second) {
			if o.err != nil {
				refused++
				continue
			}
			inside = append(inside, o.guest)
			first++
		}
		for _, g := range inside {
			g.conn.Close()
		}
		more, refusedThen := 0, 0
		for first+refused+more+refusedThen < people {
			o, ok := next(outcomes, hang)
			if !ok {
				s.fail("%d guests still wait %s after others have left", people-first-refused-more-refusedThen, seconds(hang))
				break
			}
			if o.err != nil {
				refusedThen++
				continue
			}
			more++
			o.guest.conn.Close()
		}
		s.answer("%d guests got in and %d were refused; after those inside had left, %d more got in and %d were refused", first, refused, more, refusedThen)
		if first == people {
			s.fail("all guests got in: the limit had no effect")
		}
		s.newcomers(p, "").end()
		said := p.err.count("too many open files")
		s.answer("standard error has %d lines about too many open files", said)
		if said == 0 {
			s.fail("the server does not report it on standard error")
		}
		s.end(p, syscall.SIGTERM)
		return nil
	},
}

// An outcome says whether a guest got in or was refused.
type outcome struct {
	guest *guest
	err   error
}

// next waits for the next outcome. It reports false if none comes for some time.
func next(outcomes <-chan outcome, d time.Duration) (o outcome, ok bool) {
	select {
	case o = <-outcomes:
		return o, true
	case <-time.After(d):
		return o, false
	}
}
