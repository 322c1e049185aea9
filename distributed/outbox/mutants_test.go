package outbox_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
)

// mutants are mistakes that TestSeeds has to find. What the test of one process finds at once
// is not among them: windows, limits, and the refusals of types. Nor are three that do no harm
// alone, because a sender greets before it sends again, and then sends in order: that a
// message of a forgotten sender, or one that comes before its turn, is passed on, and that
// messages are sent while the receiver is absent.
var mutants = map[string][]simtest.Edit{
	"nothing is sent again":                       {{"sender.go", "	s.next, s.flying = s.first, 0\n", "	s.next = max(s.next, s.fresh)\n"}},
	"a message is forgotten when it is sent":      {{"sender.go", "		s.fresh = max(s.fresh, s.next)\n	}\n", "		s.fresh = max(s.fresh, s.next)\n		as = append(as, s.end1(nil))\n	}\n"}},
	"a message is passed on each time":            {{"receiver.go", "if p.N == c.last+1 && len(c.refused) < maxWindow {\n			c.last++", "if p.N <= c.last+1 {\n			c.last = max(c.last, p.N)"}},
	"a message is acknowledged and not passed on": {{"receiver.go", "if r.listeners == 0 {", "if false {"}, {"receiver.go", "r.life != 0 && r.listeners == 0, actions.Delete(\"parcels\"), actions.Delete(\"receipts\")", "false"}},
	"all lives of a sender are one":               {{"sender.go", "			s.life = n\n", "			s.life = uint64(s.self) + uint64(len(s.to.Place.Node))\n			_ = n\n"}},
	"all lives of a receiver are one":             {{"receiver.go", "			r.life = n\n", "			r.life = 1\n			_ = n\n"}},
	"what was sent goes to another life":          {{"sender.go", "	for s.first < s.fresh {\n		as = append(as, s.end1(ErrForgotten))\n	}\n", "	s.fresh = s.first\n"}, {"sender.go", "case r.Account != s.account && r.Last+1 == s.fresh:", "case r.Account != s.account && r.Last+1 <= s.fresh:"}, {"sender.go", "s.send(parcel{Account: declined, First: s.fresh})", "s.send(parcel{Account: declined, First: s.first})"}},
	"a forgotten sender is not told":              {{"receiver.go", "		return actions.Next(r, actions.Send(receipt{Box: r.name, To: p.From}))", "		return actions.Next(r)"}},
	"each greeting gives another account":         {{"receiver.go", "case p.N == 0 && (!ok || is):", "case p.N == 0:"}},
	"an acknowledgement is for one more":          {{"sender.go", "for s.first <= r.Last && s.first < s.fresh {", "for s.first <= r.Last+1 && s.first < s.fresh {"}},
	"the callers are forgotten in a snapshot":     {{"types.go", "l.From, l.N, l.Level})\n		s.bytes", "l.From, 0, l.Level})\n		s.bytes"}},
}

// TestMutants: TestSeeds finds mistakes. All of them are tried only with -mutant-seeds 0, because
// that takes minutes.
func TestMutants(t *testing.T) { simtest.FindMutants(t, mutants, "nothing is sent again") }
