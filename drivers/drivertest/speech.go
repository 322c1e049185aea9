package drivertest

// The laws of speech: what users hear from a driver.

func showsReadiness(s *stage) {
	s.Helper()
	w := s.watching(0)
	if came, _ := presences(w.heard()); came > 0 {
		s.fatalf("nobody has asked for thing 0, but %s sees somebody already", w.name)
	}
	u := s.demand(0)
	seer := w
	if w == nil {
		seer = u
	}
	came, went := presences(seer.heard())
	if came == 0 {
		s.fatalf("somebody has asked for thing 0, and open is %s, but %s sees nobody", list(s.watch.openNow()), seer.name)
	}
	if went >= came {
		s.fatalf("somebody has asked for thing 0, but those whom %s has seen are gone again", seer.name)
	}
	u.leave()
	if w == nil {
		return
	}
	if _, gone := presences(w.heard()); went+gone < came {
		s.fatalf("the last who has asked for thing 0 has left, but %s still sees somebody", w.name)
	}
}

func tellsWhatHappens(s *stage) {
	s.Helper()
	a, b := s.demand(0), s.demand(0)
	var other *user
	if s.driver.Things > 1 {
		other = s.demand(1)
	}
	forget := func() { a.heard(); b.heard(); other.heard() }
	for range 3 {
		forget()
		messages, told := s.happen(0)
		a.expectTold(messages, told)
		b.expectTold(messages, told)
		if other != nil {
			other.expectSilence("something has happened to thing 0")
		}
	}
	if other != nil {
		forget()
		messages, told := s.happen(1)
		other.expectTold(messages, told)
		a.expectSilence("something has happened to thing 1")
		b.expectSilence("something has happened to thing 1")
	}
	a.withdraw()
	forget()
	messages, told := s.happen(0)
	b.expectTold(messages, told)
	a.expectSilence("something has happened to what this user has asked for no more")
}

func tellsOfFailure(s *stage) {
	s.Helper()
	victim := s.driver.Things - 1
	var other *user
	if victim > 0 {
		other = s.demand(0)
	}
	open := s.watch.openNow()
	mend, reason := s.fail(victim)
	w, u := s.watching(victim), s.demand(victim)
	e, ok := complaint(append(u.heard(), w.heard()...))
	switch {
	case !ok:
		s.fatalf("thing %d has failed, but nobody is told: %s must see somebody come, and go for a reason", victim, u.name)
	case e.reason == nil:
		s.fatalf("thing %d has failed, but what users are told has no reason: %s", victim, e.text)
	case !matches(e.reason, reason):
		s.fatalf("thing %d has failed: users must be told of a reason that is %q (%T), but what they are told is %q (%T)", victim, reason, reason, e.reason, e.reason)
	}
	if other != nil {
		other.heard()
		if messages, told := s.happen(0); s.driver.Happen != nil {
			other.expectTold(messages, told)
		} else if now := s.watch.openNow(); len(now) < len(open) {
			s.fatalf("thing %d has failed, and with it what others want: open was %s, and is %s", victim, list(open), list(now))
		}
	}
	u.leave()
	if mend == nil {
		return
	}
	mend()
	before := len(s.watch.openedSoFar())
	again := s.demand(victim)
	if len(s.watch.openedSoFar()) == before {
		s.fatalf("thing %d has failed, those who wanted it have left, it has been mended, and somebody asks for it again, but nothing has been opened", victim)
	}
	again.heard()
	if messages, told := s.happen(victim); s.driver.Happen != nil {
		again.expectTold(messages, told)
	}
}
