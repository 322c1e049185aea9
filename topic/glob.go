package topic

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/tidwall/match"
)

// In a glob '*' stands for any text, '?' for one rune, and '\' makes the rune after
// it stand for itself. [match.Match] defines what a glob matches. This file decides
// whether several globs match a common text, and whether some imply another. Both
// are a search for a text. Two observations keep the search small:
//
//   - Texts are sequences of runes, where a byte that is not UTF-8 counts as
//     U+FFFD, because match.Match cannot tell one from the other.
//   - Where all globs allow any rune, the search tries one rune that is in none of
//     them: no other rune avoids more, where the text has to avoid another glob.

const (
	maxGlobRunes = 256 // the longest glob that checkGlob accepts, because the search takes time
	noGlob       = `\` // matches nothing
)

// checkGlob returns an error for a glob that matches nothing or is too long.
func checkGlob(g string) error {
	if n := utf8.RuneCountInString(g); n > maxGlobRunes {
		return fmt.Errorf("topic: glob %.32q... has %d runes, more than %d: keep what tells values apart and use * for the rest", g, n, maxGlobRunes)
	}
	if _, ok := parseGlob(nil, g); !ok {
		return fmt.Errorf(`topic: glob %q matches nothing, since the \ at its end escapes nothing: write \\ for a backslash, or drop it`, g)
	}
	return nil
}

// globLiteral returns the one string that g matches, if g has no wildcards.
func globLiteral(g string) (string, bool) {
	tokens, ok := parseGlob(nil, g)
	text := make([]rune, len(tokens))
	for i, t := range tokens {
		ok = ok && t >= 0 && t != utf8.RuneError // RuneError also matches bytes that are not UTF-8
		text[i] = rune(t)
	}
	if !ok {
		return "", false
	}
	return string(text), true
}

// globMatch reports whether s matches g. It returns what [match.Match] returns, but
// its time is at most proportional to the product of the lengths of s and g.
func globMatch(g, s string) bool {
	// The matcher first gives a star as little text as possible. Once the part up to
	// the next star matches, more text is no better. So it finds a match in at most
	// one call per rune, and one at the start. Trying all other ways would take time
	// exponential in the number of stars.
	ok, _ := match.MatchLimit(s, g, 2) // calls per byte of s
	return ok
}

// globTokens are the parts of a glob.
type globTokens []globToken

// A globToken is a rune that stands for itself, or a wildcard.
type globToken rune

const (
	anyOne  globToken = -1 // one rune
	anyMany globToken = -2 // any number of runes
)

// parseGlob appends the tokens of g to dst, which must be empty and provides memory.
// It reports false if g matches nothing.
//
// The tokens are in canonical form: of adjacent wildcards, each anyOne comes before
// the only anyMany, so that a rune follows anyMany.
func parseGlob(dst globTokens, g string) (_ globTokens, ok bool) {
	for g != "" {
		r, n := utf8.DecodeRuneInString(g)
		g = g[n:]
		t := globToken(r)
		switch {
		case r == '*':
			t = anyMany
		case r == '?':
			t = anyOne
		case r == '\\' && g != "":
			r, n = utf8.DecodeRuneInString(g)
			g = g[n:]
			t = globToken(r)
		case r == '\\' && !slices.Contains(dst, anyMany):
			// After a star match.Match goes backwards, and a backslash that
			// escapes nothing stands for itself. Elsewhere it stands for nothing.
			return dst, false
		}
		if end := len(dst); t >= 0 || end == 0 || dst[end-1] != anyMany {
			dst = append(dst, t)
		} else if t == anyOne {
			dst = append(dst[:end-1], anyOne, anyMany)
		}
	}
	return dst, true
}

// globsMeet reports whether there is a string that matches all of gs.
//
// If all of gs have a star, this takes time proportional to their length. If
// not, the length of the string is given, and the time can be exponential in
// the number of globs. There is no way around it unless P = NP, because the
// search for a shortest common supersequence can be written as globs: *a*b* and
// *b*a* and ???. Memory is bounded in any case: see [maxGlobFailed].
func globsMeet(gs []string) bool {
	if meet, sure := globsMeetAtEnds(gs); sure {
		return meet
	}
	_, ok := globOutside(gs, noGlob)
	return ok
}

// globsMeetAtEnds compares the parts of gs before the first star and after the last.
// If these disagree, no string matches all. If they agree and each glob has a star,
// some string does: it has the longest of these parts at its ends and, in turn, all
// that is between stars in its middle. In other cases, sure is false.
func globsMeetAtEnds(gs []string) (meet, sure bool) {
	tokens, front, back := make(globTokens, 0, 64), make(globTokens, 0, 64), make(globTokens, 0, 64)
	sure = true
	for _, g := range gs {
		var matches, begins, ends bool
		tokens, matches = parseGlob(tokens[:0], g)
		front, begins = mergeGlobTokens(front, tokens)
		sure = sure && slices.Contains(tokens, anyMany)
		slices.Reverse(tokens)
		back, ends = mergeGlobTokens(back, tokens)
		if !matches || !begins || !ends {
			return false, true
		}
	}
	return true, sure
}

// mergeGlobTokens narrows all by the tokens before the first star in some. It
// reports false if nothing matches both.
func mergeGlobTokens(all, some globTokens) (_ globTokens, ok bool) {
	for i, t := range some {
		switch {
		case t == anyMany:
			return all, true
		case i == len(all):
			all = append(all, t)
		case all[i] == anyOne:
			all[i] = t
		case t != anyOne && t != all[i]:
			return all, false
		}
	}
	return all, true
}

// globsWithin reports whether g matches every string that matches all of gs. Every
// string matches all of gs if gs is empty. Time can be exponential, and memory is
// bounded, as for [globsMeet], but also if all globs have stars.
func globsWithin(gs []string, g string) bool {
	for i := range gs { // mostly one of them suffices
		if gs[i] == g || len(gs) > 1 && globsWithin(gs[i:i+1], g) {
			return true
		}
	}
	_, ok := globOutside(gs, g)
	return !ok
}

// globOutside returns a string that matches all of gs but not g, if there is one.
func globOutside(gs []string, g string) (string, bool) {
	if meet, sure := globsMeetAtEnds(gs); sure && !meet {
		return "", false
	}
	avoid, ok := parseGlob(nil, g)
	s := globSearch{avoid: avoid, wider: avoid.wider(), other: 'a', failed: map[string][][]int{}}
	used, in := slices.Clone(avoid), []int{0}
	if !ok {
		in = nil
	}
	for _, g := range gs {
		t := newGlobTrack(g)
		s.globs = append(s.globs, t)
		used = append(used, t.tokens...)
	}
	for slices.Contains(used, s.other) {
		s.other++
	}
	ok = s.from(make([]int, len(s.globs)), in, -1)
	return string(s.text), ok
}

// A globTrack is a glob that the text of a search must match.
type globTrack struct {
	tokens globTokens
	need   []int // by position: the smallest number of runes that match from there
	fixed  int   // from this position on, after the last star, it is also the largest
}

func newGlobTrack(g string) globTrack {
	tokens, _ := parseGlob(nil, g)
	t := globTrack{tokens: tokens, need: make([]int, len(tokens)+1)}
	for i, token := range slices.Backward(tokens) {
		t.need[i] = t.need[i+1] + 1
		if token == anyMany {
			t.need[i]--
			t.fixed = max(t.fixed, i+1)
		}
	}
	return t
}

// after returns the positions in tokens that rune r leads to from p, each -1 if
// there is none: one that stays at a star, and one that goes on.
func (tokens globTokens) after(p int, r globToken) (stay, on int) {
	switch {
	case p == len(tokens) || tokens[p] >= 0 && tokens[p] != r:
		return -1, -1
	case tokens[p] != anyMany:
		return -1, p + 1
	case p+1 < len(tokens) && tokens[p+1] == r:
		return p, p + 2
	}
	return p, -1
}

// step returns the positions in tokens to which rune r leads from a set of
// positions. Sets are in order, and begin at their last star: from a star, all texts
// match that match from a position before it.
func (tokens globTokens) step(in []int, r globToken) (out []int) {
	for _, p := range in {
		stay, on := tokens.after(p, r)
		if stay >= 0 {
			out = append(out, stay)
		}
		if 0 <= on && on < len(tokens) && tokens[on] == anyMany {
			out = out[:0]
		}
		if on >= 0 {
			out = append(out, on)
		}
	}
	return out
}

// accepts reports whether texts that lead to set in match, and whether they do
// so whatever follows.
func (tokens globTokens) accepts(in []int) (now, always bool) {
	for _, p := range in {
		always = always || p == len(tokens)-1 && tokens[p] == anyMany
		now = now || always || p == len(tokens)
	}
	return now, always
}

// A globSearch searches, rune by rune, for a text that matches all of globs and does
// not match avoid. Its state is one position for each of globs, and a set of
// positions for avoid: all positions that the text may have reached, because none
// may get to the end.
//
// The search ends: each step changes a position or the set, positions only grow,
// and the set can change only a few times while the positions stay the same.
type globSearch struct {
	globs  []globTrack
	avoid  globTokens
	wider  [][]bool           // of avoid
	other  globToken          // a rune that is in none of them
	text   []rune             // so far
	failed map[string][][]int // sets from which the search has found nothing, by positions
	stored int
}

// maxGlobFailed limits how many numbers a search stores in failed, which takes some
// 50 MB. At the limit the search forgets its failures, which only save time.
const maxGlobFailed = 1 << 22

// from completes s.text, which has led to the positions at and the set in. It
// reports false if it cannot. It adds exactly left runes, or any number if left is
// negative.
func (s *globSearch) from(at, in []int, left int) bool {
	matched, always := s.avoid.accepts(in)
	if always {
		return false
	}
	var key []byte
	runes := []globToken{s.other} // that may come next
	for i, p := range at {
		g := &s.globs[i]
		if need := g.need[p]; left >= 0 && (need > left || p >= g.fixed && need < left) {
			return false
		}
		matched = matched || g.need[p] > 0
		key = binary.AppendUvarint(key, uint64(p))
		for _, t := range g.tokens[p:min(p+2, len(g.tokens))] {
			if t >= 0 && !slices.Contains(runes, t) {
				runes = append(runes, t)
			}
		}
	}
	if !matched {
		return true
	}
	if left >= 0 {
		slices.Reverse(runes) // the other rune last: the number of runes is limited
	}
	failed := func(set []int) bool { return s.covers(in, set) }
	for _, r := range runes {
		// This is checked before each try, because the try before may have failed at
		// these positions too, with a set that was at least as good.
		if left == 0 || slices.ContainsFunc(s.failed[string(key)], failed) {
			return false
		}
		if s.try(at, in, left-1, r) {
			return true
		}
	}
	if s.stored += len(at) + len(in) + 8; s.stored > maxGlobFailed {
		s.stored = 0
		clear(s.failed)
	}
	s.failed[string(key)] = append(s.failed[string(key)], in)
	return false
}

// try is from, after rune r. One of the globs must have r at its position: else r
// is no better than the other rune.
func (s *globSearch) try(at, in []int, left int, r globToken) bool {
	next, nextIn := make([]int, len(at)), s.avoid.step(in, r)
	var choose func(i, left int, used bool) bool
	choose = func(i, left int, used bool) bool {
		if i == len(at) {
			// A rune that moves no position helps only if s.avoid matches less after it.
			return used && (!slices.Equal(at, next) || !s.covers(nextIn, in)) && s.from(next, nextIn, left)
		}
		g := &s.globs[i]
		first, second := g.tokens.after(at[i], r)
		if left >= 0 {
			first, second = second, first
		}
		for _, p := range [...]int{first, second} {
			if p < 0 || p >= g.fixed && left >= 0 && left != g.need[p] {
				continue
			}
			next[i] = p
			left, used := left, used || p > at[i] && g.tokens[p-1] == r
			if p >= g.fixed {
				left = g.need[p]
			}
			if choose(i+1, left, used) {
				return true
			}
		}
		return false
	}
	s.text = append(s.text, rune(r))
	if choose(0, left, r == s.other) {
		return true
	}
	s.text = s.text[:len(s.text)-1]
	return false
}

// covers reports whether s.avoid matches from set a all texts that it matches from
// set b.
func (s *globSearch) covers(a, b []int) bool {
	return !slices.ContainsFunc(b, func(q int) bool {
		return !slices.ContainsFunc(a, func(p int) bool { return s.wider[q][p] })
	})
}

// wider returns, by positions q and p in tokens, whether all texts that match from q
// match from p.
func (tokens globTokens) wider() [][]bool {
	n := len(tokens)
	w := make([][]bool, n+1)
	for q := n; q >= 0; q-- {
		w[q] = make([]bool, n+1)
		for p := range w[q] {
			now, always := tokens.accepts([]int{p})
			switch {
			case q == n || always:
				w[q][p] = now
			case tokens[q] != anyMany:
				stay, on := tokens.after(p, tokens[q])
				w[q][p] = stay >= 0 && w[q+1][stay] || on >= 0 && w[q+1][on]
			case q < n-1 && p < n && tokens[p] == anyMany:
				stay, on := tokens.after(p, tokens[q+1])
				w[q][p] = w[q+2][stay] || on >= 0 && w[q+2][on]
			}
		}
	}
	return w
}
