package drivertest

import (
	"testing"

	"github.com/go-marketplace/marketplace/actions"
)

// The laws of the end: what is left of a driver when its machine is gone.

// letsTheMachineEnd makes all users leave, and then the director.
func letsTheMachineEnd(s *stage) {
	s.Helper()
	s.watching(0)
	s.demand(0).leave()
	s.demand(s.driver.Things - 1).withdraw()
	select {
	case s.hands.deeds <- deed{actions.Quit()}:
	case <-s.over:
	}
	s.awaitEnd("has no users any more")
	s.checkLeftovers()
}

// everything is a script with everything that can happen to a driver. At its end,
// things are open.
func everything(s *stage) {
	s.Helper()
	last := s.driver.Things - 1
	s.watching(0)
	a := s.demand(0)
	s.happen(0)
	b := s.demand(0)
	s.happen(0)
	a.withdraw()
	if last > 0 {
		c := s.demand(last)
		s.happen(last)
		c.leave()
	}
	heir := s.wanting(0)
	b.handOver(heir)
	s.happen(0)
	heir.crash()
	s.do(s.newUser("is gone at once", actions.Group(s.driver.Demand(0), actions.Quit())).spec)
	stays := s.demand(0)
	s.happen(0)
	if last == 0 {
		stays.leave()
	}
	mend, _ := s.fail(last)
	s.watching(last)
	s.demand(last).leave()
	if mend != nil && !s.gone() {
		mend()
	}
	s.demand(last)
	s.happen(last)
}

// How many runs canBeStopped cuts, at most: at the ground, in each other place,
// and in each place of a short test.
const (
	groundCuts = 600
	placeCuts  = 40
	shortCuts  = 20
)

// canBeStopped stops the machine at each moment of a run or, if there are too many,
// at moments spread over the run.
func canBeStopped(t *trial, in []place) {
	t.Helper()
	for _, p := range in {
		moments := 0
		var trace []string
		t.play(p, func(s *stage) {
			s.Helper()
			everything(s)
			s.finish()
			moments, trace = s.watch.records, s.watch.lines
		})
		cuts := placeCuts
		switch {
		case testing.Short():
			cuts = shortCuts
		case p == outermost:
			cuts = groundCuts
		}
		stride := 1 + moments/cuts
		for at := atStart; at <= moments && !t.Failed(); at += stride {
			if at == never {
				continue
			}
			t.stage(p, func(s *stage) {
				s.Helper()
				s.watch.cutAt, s.watch.lines = at, trace[:max(0, at)]
				s.start()
				everything(s)
				s.finish()
			})
		}
	}
}
