package distributed_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
)

// mutants are mistakes that TestSeeds has to find. Not among them are three:
//   - that sessions have ids: frames of one do not come over the link of another;
//   - that a side takes no frame after it was paused for longer than a lease: an actor sees
//     only that news are old, and then withdrawn. Package session finds these two.
//   - what a snapshot lacks: a journal notices that itself, and replays.
var mutants = map[string][]simtest.Edit{
	"peers are kept when a link is lost": {{"clientlink.go",
		`			as = append(as, r.withdraw(c.text, reason))
		}
		l.roles = l.roles.Set(key, &remoteRole{claims: r.claims, peers: noPeers})`,
		`			_ = c
		}
		l.roles = l.roles.Set(key, &remoteRole{claims: r.claims, peers: r.peers, settled: r.settled})`}},
	"endpoints are asserted before the WELCOME": {
		{"clientlink.go", "	if l.session == 0 {\n		return nil\n	}\n	w := wire.Writer", "	w := wire.Writer"},
		{"clientlink.go", "if !had && l.session != 0 {", "if !had {"},
		{"link.go", "if c != nil && cmd.Session == number {\n				bodies", "if c != nil {\n				bodies"},
	},
	"a mirror does not end with its link": {{"mirror.go",
		"	return actions.Next(m, actions.Fail(reason))\n}\n\n// closed", "	return actions.Next(m)\n}\n\n// closed"}},
	"an earlier mirror stays":                       {{"serve.go", "before = actions.Kill(pid, ErrReplaced)", "_ = pid"}},
	"a machine that is restarted is another client": {{"driver.go", "if d.client == 0 {", "if true {"}},
	"a machine that is restarted keeps its peers": {{"driver.go",
		"return d.lost(h, errInterrupted).And(", "return actions.Next(d).And("}},
	"no lease":                       {{"internal/session/session.go", "{ return s.rang + s.config.Lease + 1 }", "{ if s.phase == joined { return s.rang + 1e3*s.config.Lease }; return s.rang + s.config.Lease + 1 }"}},
	"a BEAT without the last number": {{"internal/session/receive.go", "err = s.whole(f)\n		}\n		if err == nil && limit", "err = nil\n		}\n		if err == nil && limit"}},
	"no number of a frame": {
		{"internal/session/receive.go", "case f.Seq != s.got+1:", "case f.Seq <= s.got:"},
		{"internal/session/receive.go", "	s.got++\n", "	s.got = f.Seq\n"},
	},
	"an endpoint that is closed is not retracted": {{"clientlink.go",
		"_ = l.write(func(w *wire.Writer) error { return w.Retract(r.id, reason) })", "_ = reason"}},
	"letters are sent in each session":                 {{"letters.go", "	letters := l.letters\n	l.letters, l.size = nil, 0\n", "	letters := l.letters\n"}},
	"what waits for a link is forgotten":               {{"letters.go", "	for _, m := range letters {\n		l.send(m, wait)\n	}\n", "	_ = letters\n"}},
	"a second claim to a role shows no peers":          {{"clientlink.go", "as = r.publish(c, text)", "as = nil"}},
	"one claim of two with a role goes with the other": {{"clientlink.go", "if r.claims = slices.Delete(r.claims, i, i+1); len(r.claims) > 0 {", "if r.claims = slices.Delete(r.claims, i, i+1); false {"}},
	"all peers are counted together":                   {{"happening.go", "t = t.Project(by)", "t = t.Project(topic.Selection{}); _ = by"}},
	"Up stays when a link is lost":                     {{"clientlink.go", "return append(as, actions.Delete(upEnd{l.home}).Because(reason))", "return as"}},
	"a handle goes to nowhere":                         {{"border.go", "h.Place = b.sender", "_ = b"}},
	"a client does not say as what it is served":       {{"clientlink.go", "	l.serve(here)\n", ""}},
}

// TestMutants: TestSeeds finds mistakes. All of them are tried only with -mutant-seeds 0, because
// that takes minutes.
func TestMutants(t *testing.T) { simtest.FindMutants(t, mutants, "peers are kept when a link is lost") }
