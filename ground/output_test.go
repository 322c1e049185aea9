package ground

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A load is a command of a given size.
type load int

func (l load) Size() int { return int(l) }

// Issue 9.1: commands count against the limit as the comment of output says.
func TestOutputLimit(t *testing.T) {
	const limit = 1000
	o := &output{}
	tells := func(l load, input uint64, opened, over bool) {
		t.Helper()
		if got := o.over(input, limit, opened); got != over {
			t.Errorf("input %d is one too many: %v; %d bytes wait, and %d are exempt", input, got, o.size, o.exempt)
		}
		o.push(l, input, opened)
	}
	tells(2000, 7, true, false)
	tells(3000, 7, true, false)
	batch := o.take()
	o.settle(batch, 1)
	o.block()
	tells(4000, 7, true, false)
	tells(900, 8, true, false)
	tells(900, 9, true, false)
	tells(5000, 9, true, false)
	tells(100, 10, true, true)
	o.settle(o.take(), 5)
	if o.rest(); o.size != 100 || o.exempt != 0 || o.blocked {
		t.Errorf("when almost all is written, %d bytes wait, %d are exempt, blocked: %v", o.size, o.exempt, o.blocked)
	}

	o = &output{}
	tells(5000, 1, false, false)
	tells(5000, 1, false, false)
	tells(900, 2, false, false)
	tells(900, 3, false, false)
	tells(100, 4, false, true)
}

// An output counts the bytes that wait; commands leave it in order, and small ones
// count as 64 bytes.
func TestOutputCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := &output{}
		var want []any // told, and not done
		var input uint64
		check := func() {
			bytes := 0
			for _, c := range want {
				bytes += max(64, int(c.(load)))
			}
			if o.size != bytes || o.exempt > o.size || o.exempt < 0 || o.high() != (bytes > highWater) {
				t.Fatalf("%d bytes wait; it counts %d, of which %d are exempt", bytes, o.size, o.exempt)
			}
			if !slices.Equal(o.queue, want) {
				t.Fatalf("%v wait, want %v", o.queue, want)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				c := load(rapid.IntRange(0, highWater/4).Draw(t, "size"))
				input += uint64(rapid.IntRange(0, 1).Draw(t, "input"))
				o.push(c, input, rapid.Bool().Draw(t, "opened"))
				want = append(want, c)
			},
			"write": func(t *rapid.T) {
				batch := o.take()
				if !slices.Equal(batch, want) || o.empty() {
					t.Fatalf("the batch is %v, want %v; empty: %v", batch, want, o.empty())
				}
				n := rapid.IntRange(0, len(batch)).Draw(t, "done")
				o.settle(batch, n)
				if want = want[n:]; len(want) > 0 {
					o.block()
				} else if o.rest(); !o.empty() {
					t.Fatal("it is not empty, when all is written")
				}
			},
			"write one": func(t *rapid.T) {
				if len(want) > 0 {
					if c := o.takeOne(); c != want[0] {
						t.Fatalf("the first is %v, want %v", c, want[0])
					}
					o.settleOne(want[0])
					want = want[1:]
				}
			},
			"": func(*rapid.T) { check() },
		})
	})
}
