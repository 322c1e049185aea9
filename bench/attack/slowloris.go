package main

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
)

var slowloris = attack{
	name: "slowloris",
	does: "1,000 clients connect to the chat room; half of them send nothing, and half a byte every 100 ms, but never a whole line, while one guest talks",
	run: func(s *scene) error {
		p, err := s.serve("chat", options{})
		if err != nil {
			return err
		}
		var slow []*guest
		talker, err := s.enter(p)
		if err != nil {
			return err
		}
		heard, rounds := make(chan error, 1), s.size(50, 3)
		go func() {
			for i := range rounds {
				if err := talker.hearUntil(fmt.Sprint("round ", i)); err != nil {
					heard <- err
					return
				}
			}
			heard <- nil
		}()
		crowd := s.newcomers(p, "")
		if slow, err = s.enterAll(p, s.size(1000, 50)); err != nil {
			return err
		}
		var cut atomic.Int64
		for i := range rounds {
			atOnce(16, len(slow)/2, func(i int) {
				if _, err := slow[i].conn.Write([]byte("x")); err != nil {
					cut.Add(1)
				}
			})
			if err := talker.say(fmt.Sprint("round ", i)); err != nil {
				return err
			}
			if !s.pause(100 * time.Millisecond) {
				break
			}
		}
		if err := <-heard; err != nil {
			s.fail("the guest who talks: %v", err)
		}
		crowd.end()
		stay(talker)
		s.answer("the guest who talks got %d lines of %d; %d bytes went to a closed connection", rounds, rounds, cut.Load())
		s.end(p, syscall.SIGTERM)
		return nil
	},
}
