package drivertest

import (
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// The laws of demand: what a driver opens and closes, and when.

func opensNothingUnlessAsked(s *stage) {
	s.Helper()
	for i := range s.driver.Things {
		s.watching(i) // which is no demand
	}
	if all := s.watch.openedSoFar(); len(all) > 0 {
		s.fatalf("nobody has asked for anything, but the driver has opened %s", list(names(all)))
	}
	s.expectClosed("nobody has asked for anything")
}

func opensByDemand(s *stage) {
	s.Helper()
	s.demand(0)
	s.expectOpen("somebody has asked for thing 0")
	first := s.watch.openedSoFar()
	s.demand(0)
	if all := s.watch.openedSoFar(); len(all) > len(first) {
		s.fatalf("a second user has asked for what is open already, and the driver has opened %s, besides %s",
			list(names(all[len(first):])), list(names(first)))
	}
	s.expectOpen("two users have asked for thing 0")
}

// servesEarlyDemand spawns the driver after a user.
func servesEarlyDemand(t *trial, in []place) {
	t.Helper()
	for _, p := range in {
		if p.relayed {
			continue // the driver is not in the machine of the users
		}
		t.stage(p, func(s *stage) {
			s.Helper()
			driver := s.driver.Boot
			s.driver.Boot = nil
			s.start()
			u := s.demand(0)
			s.do(driver)
			s.expectOpen("somebody had asked for thing 0 before the driver was there")
			u.heard()
			if messages, told := s.happen(0); s.driver.Happen != nil {
				u.expectTold(messages, told)
			}
			s.finish()
		})
	}
}

func closesWithTheLast(s *stage) {
	s.Helper()
	a, b := s.demand(0), s.demand(0)
	open, all := s.watch.openNow(), s.watch.openedSoFar()
	unchanged := func(why string) {
		s.Helper()
		if now := s.watch.openNow(); !slices.Equal(now, open) {
			s.fatalf("%s, and so the driver must hold what it has held before, %s, but it holds %s", why, list(open), list(now))
		}
		if more := s.watch.openedSoFar(); len(more) > len(all) {
			s.fatalf("%s, but the driver has opened %s anew", why, list(names(more[len(all):])))
		}
	}
	a.leave()
	unchanged("one of two users has left")
	c := s.wanting(0)
	b.handOver(c)
	unchanged("a user has spawned another one to take its place, and has quit")
	c.leave()
	s.expectClosed("the last user has left")
	for i := range s.driver.Things {
		s.demand(i).withdraw()
		s.expectClosed("the last user has deleted its endpoints")
	}
}

// closesAfterBrief has a demand come and go before the driver has had a turn, and
// while the driver responds to it.
func closesAfterBrief(s *stage) {
	s.Helper()
	for turns := range 4 * (1 + s.place.depth) {
		u := s.newUser("is gone at once", actions.Group(s.driver.Demand(0), actions.Yield(after(turns))))
		s.do(u.spec)
		s.expectClosed("a user has come and gone, while the driver was busy with it or before")
	}
	u := s.demand(0)
	s.expectOpen("somebody has asked for thing 0, after others that were gone at once")
	u.leave()
	s.expectClosed("the last user has left")
}

// after quits after some turns.
func after(turns int) func(struct{}) actions.Transition[struct{}] {
	return func(struct{}) actions.Transition[struct{}] {
		if turns == 0 {
			return actions.Stateless(actions.Quit())
		}
		return actions.Stateless(actions.Yield(after(turns - 1)))
	}
}

func closesAfterCrash(s *stage) {
	s.Helper()
	s.demand(0).crash()
	s.expectClosed("the only user has crashed")
	u := s.demand(0)
	s.expectOpen("somebody has asked for thing 0, after a user that has crashed")
	u.heard()
	if messages, told := s.happen(0); s.driver.Happen != nil {
		u.expectTold(messages, told)
	}
}

func opensAgain(s *stage) {
	s.Helper()
	reopened := func() *user {
		s.Helper()
		before := len(s.watch.openedSoFar())
		u := s.demand(0)
		if len(s.watch.openedSoFar()) == before {
			s.fatalf("thing 0 was closed, and somebody asks for it again, but nothing has been opened")
		}
		s.expectOpen("somebody has asked again for thing 0")
		return u
	}
	for range 3 {
		reopened().leave()
		s.expectClosed("the last user has left")
	}
	for n := range 3 {
		u := reopened()
		if n > 0 {
			s.hurry = true // a user wants the thing again while the driver closes it
			u.leave()
			s.hurry = false
			u = s.demand(0)
			s.expectOpen("somebody has asked again for thing 0, while it was being closed")
		}
		u.heard()
		if messages, told := s.happen(0); s.driver.Happen != nil {
			u.expectTold(messages, told)
		}
		u.leave()
	}
}
