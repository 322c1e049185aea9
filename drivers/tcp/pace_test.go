package tcp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// cutAll takes all pieces that may be delivered.
func cutAll(p *pace) (pieces []string, err error) {
	for {
		b, err := p.cut()
		if b == nil {
			return pieces, err
		}
		pieces = append(pieces, string(b))
	}
}

func TestDR28Pieces(t *testing.T) {
	for name, test := range map[string]struct {
		mode   Mode
		credit int
		come   []string // "EOF" is the end
		want   []string
		left   int
		empty  bool
	}{
		"bytes as they come":             {Bytes(), 100, []string{"hello\n", "wor"}, []string{"hello\n", "wor"}, 91, true},
		"no credit":                      {Bytes(), 0, []string{"hello"}, nil, 0, false},
		"a chunk is split":               {Bytes(), 3, []string{"hello"}, []string{"hel"}, 0, false},
		"the second chunk is split":      {Bytes(), 7, []string{"hello", "world"}, []string{"hello", "wo"}, 0, false},
		"less than the credit":           {Bytes(), 1000, []string{"x"}, []string{"x"}, 999, true},
		"free-running":                   {Bytes(), Unlimited, []string{"x", "y"}, []string{"x", "y"}, Unlimited, true},
		"a line":                         {Lines(10), 5, []string{"hello\n"}, []string{"hello\n"}, 4, true},
		"a line and a half":              {Lines(10), 5, []string{"hello\nwor"}, []string{"hello\n"}, 4, false},
		"a line in pieces":               {Lines(10), 5, []string{"h", "el", "lo", "\n", "w"}, []string{"hello\n"}, 4, false},
		"carriage return":                {Lines(10), 5, []string{"a\r", "\nb\rc\r\n"}, []string{"a\r\n", "b\rc\r\n"}, 3, true},
		"empty lines":                    {Lines(10), 5, []string{"\n\n\r\n"}, []string{"\n", "\n", "\r\n"}, 2, true},
		"lines beyond the credit":        {Lines(10), 2, []string{"a\nb\nc\nd\n"}, []string{"a\n", "b\n"}, 0, false},
		"the last line has no end":       {Lines(10), 2, []string{"a\nb", "c", "EOF"}, []string{"a\n", "bc"}, 0, true},
		"no credit for the last line":    {Lines(10), 1, []string{"a\nb", "EOF"}, []string{"a\n"}, 0, false},
		"the longest line":               {Lines(5), 2, []string{"1234\n"}, []string{"1234\n"}, 1, true},
		"the longest line without end":   {Lines(5), 2, []string{"123", "45", "EOF"}, []string{"12345"}, 1, true},
		"a long line is not looked at":   {Lines(5), 0, []string{"1234567890"}, nil, 0, false},
		"a long line beyond the credit":  {Lines(5), 1, []string{"1\n1234567890"}, []string{"1\n"}, 0, false},
		"free-running lines":             {Lines(5), Unlimited, []string{"a\nb\n", "c\n"}, []string{"a\n", "b\n", "c\n"}, Unlimited, true},
		"nothing, and the end":           {Lines(5), 1, []string{"EOF"}, nil, 1, true},
		"a line that is larger than int": {Lines(Unlimited), 1, []string{"a", "b\n"}, []string{"ab\n"}, 0, true},
	} {
		play := func(t *testing.T, next func(pace) pace) {
			var p pace
			p.switchTo(test.mode, test.credit)
			var got []string
			for _, c := range test.come {
				if c == "EOF" {
					p.ended = true
				} else {
					p.put([]byte(c))
				}
				pieces, err := cutAll(&p)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, pieces...)
				p = next(p)
			}
			if !slices.Equal(got, test.want) || test.left != Unlimited && p.credit != test.left || p.empty() != test.empty || p.done() != (p.ended && p.empty()) {
				t.Errorf("got %q, credit %d, empty %v", got, p.credit, p.empty())
			}
		}
		t.Run(name, func(t *testing.T) { play(t, func(p pace) pace { return p }) })
		t.Run(name+", written and read", func(t *testing.T) {
			play(t, func(p pace) pace {
				again, err := p.write().read()
				if err != nil {
					t.Error(err)
				}
				return again
			})
		})
	}
}

func TestDR28LineTooLong(t *testing.T) {
	for name, come := range map[string][]string{
		"complete":        {"1\n", "12345\n"},
		"incomplete":      {"1\n", "123456"},
		"in pieces":       {"1", "\n123", "45", "6"},
		"with its end":    {"1\n", "12345", "\n"},
		"in one piece":    {"1\n1234567890\n"},
		"followed by one": {"1\n1234567890\n2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var p pace
			p.switchTo(Lines(5), 10)
			var got []string
			for i, c := range come {
				p.put([]byte(c))
				pieces, err := cutAll(&p)
				got = append(got, pieces...)
				if last := i == len(come)-1; last != errors.Is(err, ErrLineTooLong) {
					t.Errorf("after piece %d: %v", i, err)
				} else if last && !strings.Contains(err.Error(), "5 bytes") {
					t.Errorf("the error does not name the limit: %v", err)
				}
			}
			if !slices.Equal(got, []string{"1\n"}) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestDR28GrantsAddUp(t *testing.T) {
	const most = Unlimited - 1
	for _, test := range []struct {
		had, granted, have int
		ok                 bool
	}{
		{0, 0, 0, true}, {0, 5, 5, true}, {5, 7, 12, true}, {0, most, most, true}, {most - 1, 1, most, true}, {most, 0, most, true},
		{most, 1, most, false}, {1, most, 1, false}, {most, most, most, false}, {5, Unlimited, Unlimited, true}, {Unlimited, 5, Unlimited, true},
	} {
		var p pace
		p.switchTo(Bytes(), test.had)
		err := p.grant(test.granted)
		have := p.credit
		if !p.limited {
			have = Unlimited
		}
		if have != test.have || (err == nil) != test.ok || err != nil && !errors.Is(err, ErrControl) {
			t.Errorf("%d and %d gave %d, %v", test.had, test.granted, have, err)
		}
	}
}

// A copy of a pace is independent: a change of one does not affect the other.
func TestPaceIsAValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p pace
		text := rapid.SliceOfN(rapid.StringMatching(`[ab\n]{1,6}`), 1, 8).Draw(t, "text")
		for _, s := range text {
			p.switchTo(rapid.SampledFrom([]Mode{Bytes(), Lines(100)}).Draw(t, "mode"), rapid.IntRange(0, 4).Draw(t, "credit"))
			p.put([]byte(s))
			before := fmt.Sprint(rest(p))
			for _, end := range []string{"one", "two\n"} {
				q := p
				q.put([]byte(end))
				q.switchTo(Lines(100), 2)
				cutAll(&q)
				q.switchTo(Bytes(), Unlimited)
				cutAll(&q)
			}
			if after := fmt.Sprint(rest(p)); after != before {
				t.Fatalf("%s has become %s", before, after)
			}
			cutAll(&p)
		}
	})
}

// rest returns what waits.
func rest(p pace) string {
	var b bytes.Buffer
	b.Write(p.begun.with(nil))
	b.Write(p.next)
	for _, m := range p.more {
		b.Write(m)
	}
	return b.String()
}

// A line within one read is not copied, and the beginning of a longer line does not
// keep the whole read in memory.
func TestLinesAreNotCopied(t *testing.T) {
	chunk := []byte("one\ntwo\nthr")
	var p pace
	p.switchTo(Lines(100), Unlimited)
	p.put(chunk)
	for i, want := range []int{0, 4} {
		b, err := p.cut()
		if err != nil || &b[0] != &chunk[want] || cap(b) != len(b) {
			t.Errorf("piece %d is %q, %v, with room for %d", i, b, err, cap(b))
		}
	}
	if b, err := p.cut(); b != nil || err != nil {
		t.Errorf("there is %q, %v", b, err)
	}
	if &p.begun.bytes[0] == &chunk[8] {
		t.Error("three bytes keep all of what was read")
	}
}

// Each piece of a line costs the same, however small it is.
func TestALineInManyPieces(t *testing.T) {
	cost := func(n int) float64 {
		return testing.AllocsPerRun(1, func() {
			var p pace
			p.switchTo(Lines(n+1), 1)
			for range n {
				p.put([]byte("x"))
				p.cut()
			}
			p.put([]byte("\n"))
			if b, err := p.cut(); len(b) != n+1 || err != nil {
				t.Fatal(len(b), err)
			}
		})
	}
	if small, large := cost(1000), cost(10000); large > 11*small {
		t.Errorf("10 times as many cost %v allocations, and not %v", large, 10*small)
	}
}
