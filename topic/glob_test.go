package topic

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tidwall/match"
)

func TestGlobMatch(t *testing.T) {
	for _, c := range []struct {
		glob, text string
		want       bool
	}{
		{"", "", true},
		{"*", "", true},
		{"dev-*", "dev-7", true},
		{"dev-?", "dev-7", true},
		{"dev-?", "dev-", false},
		{"dev-?", "dev-77", false},
		{"caf?", "café", true}, // one rune, two bytes
		{"*.go", "a.b.go", true},
		{"a*a", "a", false}, // what stands left and right of a star does not overlap
		{`\*`, "*", true},
		{`\?`, "?", true},
		{`\\`, `\`, true},
		{`a\`, "a", false}, // a backslash that escapes nothing
		{`a\`, `a\`, false},
		{`*\`, `a\`, true}, // the same, but after a star
		{"\xff", "\xfe", true},
		{"\xff", "\uFFFD", true},
		{"?", "\xff", true},
	} {
		if got := globMatch(c.glob, c.text); got != c.want {
			t.Errorf("globMatch(%q, %q) = %v", c.glob, c.text, got)
		}
		if err := checkMatch(realGlobs, c.glob, c.text); err != nil {
			t.Error(err)
		}
	}
}

// To try all ways to spread a text over a hundred stars takes forever.
func TestGlobMatchEffort(t *testing.T) {
	g, s := strings.Repeat("*a", 100), strings.Repeat("a", 200)
	if globMatch(g+"*b*", s) {
		t.Error("matched a text without b")
	}
	if !globMatch(g+"*b*", s+"b") {
		t.Error("did not match a text with b at its end")
	}
}

func TestGlobsMeet(t *testing.T) {
	for _, c := range []struct {
		globs string // separated by spaces
		want  bool
	}{
		{"", true},              // no globs: all texts
		{"dev-* *-7", true},     // dev-7
		{"dev-* *-7 x*", false}, // the beginnings differ
		{"*.go *.c", false},     // the ends differ
		{"ab* *ba", true},       // aba, and more
		{"ab* *ba ???", true},   // just aba
		{"ab* *ba ??", false},   // too short
		{"? ??", false},         // one rune and two
		{"a? ?b *c*", false},    // ab has no c
		{"*a* *b* *c* ???", true},
		{"*a* *b* *c* ??", false}, // though any two of *a* *b* *c* meet in two runes
		{"*a*b* *b*a* ???", true}, // aba or bab
		{"*a*b* *b*a* ??", false},
		{`a\ *`, false},       // the first one matches nothing
		{`\* ? *`, true},      // a star
		{`\* \?`, false},      // a star is no question mark
		{`*\ *\\`, true},      // two ways to ask for a backslash at the end
		{"\xff \uFFFD", true}, // match.Match cannot tell them apart
	} {
		globs := strings.Fields(c.globs)
		if got := globsMeet(globs); got != c.want {
			t.Errorf("globsMeet(%q) = %v", globs, got)
		}
		if err := checkMeet(realGlobs, globs); err != nil {
			t.Error(err)
		}
	}
}

func TestGlobsWithin(t *testing.T) {
	for _, c := range []struct {
		globs string // separated by spaces
		glob  string
		want  bool
	}{
		{"", "*", true},
		{"", "?*", false}, // the empty text
		{"dev-7*", "dev-*", true},
		{"dev-*", "dev-7*", false},
		{"dev-*", "dev-?", false},
		{"*?", "?*", true},   // two ways to say: not empty
		{"*b", "??*", false}, // b
		{"*", "*a*", false},  // b
		{"?", "a", false},
		{"*a* *b*", "??*", true},        // neither alone has two runes
		{"*a* *b* *c", "*a*b*c", false}, // bac
		{"ab* *ba", "ab*ba", false},     // aba
		{"ab* *ba ????*", "ab*ba", true},
		{"? ??", "a", true}, // no text is outside of a
		{`\*`, "?", true},   // a star is one rune
		{"*a?b*", "*a*b*", true},
		{"*a*b*", "*a?b*", false},       // ab
		{"*a*a????b", "*a????b*", true}, // because of the last a
		{"dev-*", `dev\-*`, true},       // an escape that was not needed
		{"a\uFFFDc", "a\xffc", true},    // match.Match cannot tell them apart
		{`*\`, `*\\`, true},             // two ways to ask for a backslash at the end
		{`a\`, "b", true},               // nothing is within anything
	} {
		globs := strings.Fields(c.globs)
		if got := globsWithin(globs, c.glob); got != c.want {
			t.Errorf("globsWithin(%q, %q) = %v", globs, c.glob, got)
		}
		if err := checkWithin(realGlobs, globs, c.glob); err != nil {
			t.Error(err)
		}
	}
}

func TestGlobLiteral(t *testing.T) {
	for _, c := range []struct {
		glob, want string
		ok         bool
	}{
		{"", "", true},
		{"tony", "tony", true},
		{`wh\?t\\`, `wh?t\`, true},
		{"t?ny", "", false},
		{"t*", "", false},
		{`tony\`, "", false},  // matches nothing
		{"\uFFFD", "", false}, // matches \xff as well
		{"\xff", "", false},
	} {
		if got, ok := globLiteral(c.glob); ok != c.ok || ok && got != c.want {
			t.Errorf("globLiteral(%q) = %q, %v", c.glob, got, ok)
		}
	}
}

func TestCheckGlob(t *testing.T) {
	long := strings.Repeat("é", maxGlobRunes)
	for _, g := range []string{"", "*", `\\`, `\?`, `*\`, "\xff", long} {
		if err := checkGlob(g); err != nil {
			t.Errorf("checkGlob(%q) = %v", g, err)
		}
	}
	for g, want := range map[string]string{
		`to\`:      `topic: glob "to\\" matches nothing, since the \ at its end escapes nothing: write \\ for a backslash, or drop it`,
		long + "*": "has 257 runes, more than 256",
	} {
		if err := checkGlob(g); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "topic: ") {
			t.Errorf("checkGlob(%q) = %v, want %s", g, err, want)
		}
	}
}

// Whether globs meet is asked often. Only rare cases need a search.
func TestGlobsMeetAllocs(t *testing.T) {
	globs := []string{"dev-*", "*-7"}
	if n := testing.AllocsPerRun(100, func() { globsMeet(globs) }); n != 0 {
		t.Errorf("globsMeet(%q) allocates %v times", globs, n)
	}
}

func BenchmarkGlobsMeet(b *testing.B) {
	for _, globs := range [][]string{{"dev-*", "*-7"}, {"dev-*", "dev-????"}} {
		b.Run(strings.Join(globs, "_"), func(b *testing.B) {
			for b.Loop() {
				globsMeet(globs)
			}
		})
	}
}

func BenchmarkGlobsWithin(b *testing.B) {
	for b.Loop() {
		globsWithin([]string{"dev-1*"}, "dev-*")
	}
}

// globFuncs are functions to check against their definition, which is what
// match.Match says of all short texts. The checks are checked in turn, by giving
// them functions with faults: see TestGlobChecks.
type globFuncs struct {
	match   func(g, s string) bool
	meet    func(gs []string) bool
	within  func(gs []string, g string) bool
	outside func(gs []string, g string) (string, bool)
}

var realGlobs = globFuncs{globMatch, globsMeet, globsWithin, globOutside}

// checkMatch checks what is said about g and s.
func checkMatch(f globFuncs, g, s string) error {
	want := match.Match(s, g)
	if got := f.match(g, s); got != want {
		return fmt.Errorf("%q matches %q: got %v", g, s, got)
	}
	tokens, ok := parseGlob(nil, g)
	if got := ok && matchTokens(tokens, s); got != want {
		return fmt.Errorf("tokens of %q match %q: got %v", g, s, got)
	}
	if l, ok := globLiteral(g); ok && want != (s == l) {
		return fmt.Errorf("%q is said to match just %q: %q is %v", g, l, s, want)
	}
	if err := checkGlob(g); err != nil && want {
		return fmt.Errorf("%q matches %q: %w", g, s, err)
	}
	return nil
}

// checkMeet checks that gs meet if there is an example, which must be one, and
// that there is none among the short texts if not.
func checkMeet(f globFuncs, gs []string) error {
	example, ok := f.outside(gs, noGlob)
	if meet := f.meet(gs); meet != ok {
		return fmt.Errorf("%q meet: %v, in %q: %v", gs, meet, example, ok)
	}
	if ok && !matchesAll(gs, example) {
		return fmt.Errorf("%q meet, but not in %q", gs, example)
	}
	for _, s := range shortTexts {
		if !ok && matchesAll(gs, s) {
			return fmt.Errorf("%q meet in %q", gs, s)
		}
	}
	return nil
}

// checkWithin checks that gs are within g unless there is a counterexample, which
// must be one, and that there is none among the short texts if they are.
func checkWithin(f globFuncs, gs []string, g string) error {
	counter, ok := f.outside(gs, g)
	if within := f.within(gs, g); within == ok {
		return fmt.Errorf("%q within %q: %v, but %q: %v", gs, g, within, counter, ok)
	}
	if ok && (!matchesAll(gs, counter) || match.Match(counter, g)) {
		return fmt.Errorf("%q not within %q, but not because of %q", gs, g, counter)
	}
	for _, s := range shortTexts {
		if !ok && matchesAll(gs, s) && !match.Match(s, g) {
			return fmt.Errorf("%q not within %q because of %q", gs, g, s)
		}
	}
	return nil
}

// matchTokens reports whether s matches tokens.
func matchTokens(tokens globTokens, s string) bool {
	in := []int{0}
	for _, r := range s {
		in = tokens.step(in, globToken(r))
	}
	ok, _ := tokens.accepts(in)
	return ok
}

func matchesAll(gs []string, s string) bool {
	return !slices.ContainsFunc(gs, func(g string) bool { return !match.Match(s, g) })
}

// shortTexts are all texts of up to six runes, made of those that test globs
// mention and one that they do not.
var shortTexts = func() []string {
	all, last := []string{""}, []string{""}
	for range 6 {
		var next []string
		for _, s := range last {
			next = append(next, s+"a", s+"b", s+`\`, s+"\xff")
		}
		all, last = append(all, next...), next
	}
	return all
}()

// someGlobs makes globs of any text: up to four, short, and of few different
// runes, so that they have to do with each other.
func someGlobs(text string) []string {
	gs := strings.Split(text, "|")
	gs = gs[:min(len(gs), 4)]
	for i, g := range gs {
		runes := []rune(g)
		runes = runes[:min(len(runes), 10)]
		for j, r := range runes {
			const known = `a*b?\`
			if !strings.ContainsRune(known, r) {
				runes[j] = rune(known[int(r)%len(known)])
			}
		}
		gs[i] = string(runes)
	}
	return gs
}

func FuzzGlobMatch(f *testing.F) {
	f.Fuzz(func(t *testing.T, g, s string) {
		// match.Match is not fit for more.
		if err := checkMatch(realGlobs, g[:min(len(g), 16)], s[:min(len(s), 16)]); err != nil {
			t.Error(err)
		}
	})
}

func FuzzGlobMeet(f *testing.F) {
	f.Fuzz(func(t *testing.T, globs string) {
		if err := checkMeet(realGlobs, someGlobs(globs)); err != nil {
			t.Error(err)
		}
	})
}

func FuzzGlobWithin(f *testing.F) {
	f.Fuzz(func(t *testing.T, globs, glob string) {
		if err := checkWithin(realGlobs, someGlobs(globs), someGlobs(glob)[0]); err != nil {
			t.Error(err)
		}
	})
}

// TestGlobChecks checks that the checks find faults that are easily made.
func TestGlobChecks(t *testing.T) {
	twice := strings.NewReplacer("é", "éé").Replace // two bytes
	dangling := func(g string) bool { return (len(g)-len(strings.TrimRight(g, `\`)))%2 == 1 }
	nowhere := func([]string, string) (string, bool) { return "", false }
	for name, f := range map[string]globFuncs{
		"? is a byte":         {match: func(g, s string) bool { return globMatch(twice(g), twice(s)) }},
		"no escapes":          {match: func(g, s string) bool { return globMatch(strings.ReplaceAll(g, `\`, `\\`), s) }},
		"*\\ matches nothing": {match: func(g, s string) bool { return !dangling(g) && globMatch(g, s) }},
		"broken text":         {match: func(g, s string) bool { return utf8.ValidString(s) && globMatch(g, s) }},
		"length ignored":      {meet: func(gs []string) bool { ok, _ := globsMeetAtEnds(gs); return ok }},
		"any two meet": {meet: func(gs []string) bool {
			return !slices.ContainsFunc(gs, func(g string) bool {
				return slices.ContainsFunc(gs, func(h string) bool { return !globsMeet([]string{g, h}) })
			})
		}},
		"none meet":     {meet: func([]string) bool { return false }, outside: nowhere},
		"wrong example": {outside: func([]string, string) (string, bool) { return "ab", true }, meet: func([]string) bool { return true }},
		"any one within": {within: func(gs []string, g string) bool {
			return slices.ContainsFunc(gs, func(h string) bool { return globsWithin([]string{h}, g) })
		}},
		"globs as texts": {within: func(gs []string, g string) bool {
			return !slices.ContainsFunc(gs, func(h string) bool { return !match.Match(h, g) })
		}},
		"all within": {within: func([]string, string) bool { return true }, outside: nowhere},
		"wrong counterexample": {within: func([]string, string) bool { return false }, outside: func(gs []string, _ string) (string, bool) {
			return globOutside(gs, noGlob)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if tryGlobs(f, 5000) == nil {
				t.Error("not found")
			}
		})
	}
	if err := tryGlobs(realGlobs, 500); err != nil {
		t.Error(err)
	}
}

// tryGlobs checks the functions in f that are not nil n times.
func tryGlobs(f globFuncs, n int) (err error) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(alphabet string, n int) string {
		b := make([]byte, random.IntN(n))
		for i := range b {
			b[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(b)
	}
	if f.outside == nil {
		f.outside = globOutside
	}
	for i := 0; i < n && err == nil; i++ {
		gs := someGlobs(text(`aabb**??\||`, 24))
		if f.match != nil {
			err = checkMatch(f, text("a*?\\é\xff", 8), text("a\\é\xff", 8))
		}
		if f.meet != nil && err == nil {
			err = checkMeet(f, gs)
		}
		if f.within != nil && err == nil {
			err = checkWithin(f, gs[1:], gs[0])
		}
	}
	return err
}
