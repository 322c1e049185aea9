package main

import (
	"strings"
	"sync"
	"syscall"
)

var newlines = attack{
	name: "newlines",
	does: "one guest pastes 60,000 newlines into a room with 20 others, who all read",
	run: func(s *scene) error {
		const (
			n    = 60_000
			last = "that was it"
		)
		p, err := s.serve("chat", options{})
		if err != nil {
			return err
		}
		all, err := s.enterAll(p, s.size(21, 11))
		if err != nil {
			return err
		}
		crowd := s.newcomers(p, "")
		var wg sync.WaitGroup
		heard, errs := make([]int, len(all)), make([]error, len(all))
		for i, g := range all {
			wg.Go(func() {
				for line := ""; line != last && errs[i] == nil; {
					line, errs[i] = g.hear()
					if line == "" && errs[i] == nil {
						heard[i]++
					}
				}
			})
		}
		if err := all[0].say(strings.Repeat("\n", n) + last); err != nil {
			s.fail("pasting: %v", err)
		}
		wg.Wait()
		crowd.end()
		whole := 0
		for i := range all {
			if errs[i] == nil && heard[i] == n {
				whole++
				continue
			}
			s.fail("guest %d got %d empty lines of %d: %v", i+1, heard[i], n, errs[i])
		}
		s.answer("%d of %d guests got all %d empty lines, and the line after them", whole, len(all), n)
		stay(all...)
		s.end(p, syscall.SIGTERM)
		return nil
	},
}
