package timer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// A schedule that has been written and read goes on like the one that was not:
// the same timers are due, and the ticker is told the same.
func TestScheduleIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.SampledFrom([]int{1, 3, 40, 500}).Draw(t, "labels")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var kept, read schedule
		seq := uint64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			var due, due2 []change
			switch random.IntN(6) {
			case 0, 1, 2:
				cs := make([]change, random.IntN(100))
				for i := range cs {
					seq++
					cs[i] = change{
						name: nameOf(string(rune(random.IntN(labels)))),
						at:   instant{int64(random.IntN(8)), int32(random.IntN(2))},
						seq:  seq, every: time.Duration(random.IntN(2)), gone: random.IntN(3) == 0,
					}
				}
				kept, read = kept.add(cs), read.add(cs)
			case 3, 4:
				now, limit := instant{int64(random.IntN(8)), 0}, 1+random.IntN(20)
				due, kept = kept.due(now, limit)
				due2, read = read.due(now, limit)
			case 5:
				keep := func(label string) bool { return label != "a" }
				kept, read = kept.only(keep), read.only(keep)
			}
			if !slices.Equal(due, due2) || kept.sure != read.sure || kept.soonest != read.soonest ||
				kept.logged != read.logged || kept.set != read.set || kept.total != read.total {
				t.Fatalf("%v are due, and %+v is left; of what was written and read %v are, and %+v is left", due, kept, due2, read)
			}
			var err error
			if read, err = read.write().read(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// States with any labels and any subscriptions can be written. (All tests with a
// rig check that the states of drivers and relays can be.)
func TestTypesTakeAllLabels(t *testing.T) {
	globs := topic.Where(topic.Glob(Label, "\xff*"), topic.Glob(Label, `*\?"`))
	r := newRig(t, actions.Spawn(waits(globs, Expiring("\xfe"), Expiring(`"`))).Named("they"))
	clock := vmtest.Subscriber(r, Telling("\xfd"))
	clock.ExpectPresence(Time{Label: "\xfd"})
	r.Perform(After("\xff?\"", time.Hour), After("\xfe", time.Hour), At(`"`, time.Unix(1<<40, 0)), Now("\xfd"))
	r.check() // what has come in waits for the ticker
	r.play()
	r.do(Stop("\xfe"))
	r.pass(time.Hour)
	r.expect("\xff?\"")
}

// A type refuses data that is not a state.
func TestTypesRefuse(t *testing.T) {
	types := map[string]actions.Type{}
	for _, k := range TypesOn(world.NewManualClock("test", noon)) {
		types[k.Name] = k
	}
	for _, test := range []struct{ kind, data, says string }{
		{"timer.driver", `{"Held":"yes"}`, "cannot unmarshal"},
		{"timer.driver", `{"Inbox":[{"What":4,"Label":"YQ=="}]}`, "no request can be"},
		{"timer.driver", `{"Inbox":[{"What":0,"Label":"YQ=="}]}`, "no request can be"},
		{"timer.driver", `{"Asked":[{"What":1,"Label":"YQ==","Every":-1}]}`, "no request can be"},
		{"timer.driver", `{"Audience":{"Globs":[["XA=="]]}}`, "nobody can subscribe"},
		{"timer.driver", `{"Schedule":{"Sure":1}}`, "fit together"},
		// As large as an int is everywhere, and four that together are larger (Issue 9:
		// tests under GOARCH=386).
		{"timer.driver", `{"Schedule":{"Runs":[{"Over":2147483647}]}}`, "fit together"},
		{"timer.driver", `{"Schedule":{"Runs":[{"Over":536870912},{"Over":536870912},{"Over":536870912},{"Over":536870912}]}}`, "fit together"},
		{"timer.driver", `{"Schedule":{"Runs":[{"Over":-1}]}}`, "fit together"},
		{"timer.driver", `{"Schedule":{"Sure":1,"Runs":[{"Timers":[{"Label":"YQ==","Seq":1}],"Labels":["YQ==","YQ=="]}]}}`, "fit together"},
		{"timer.driver", `{"Schedule":{"Sure":1,"Runs":[{"Timers":[{"Label":"YQ==","Seq":2},{"Label":"Yg==","Seq":1}]}]}}`, "fit together"},
		{"timer.relay", `{"Drivers":-1}`, "fewer than none"},
		{"timer.relay", `{"Timers":[{"Made":"a","Label":"YQ=="},{"Made":"b","Label":"YQ=="}]}`, "two timers"},
	} {
		if _, err := types[test.kind].Decode([]byte(test.data)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %s gives %v; want %q", test.kind, test.data, err, test.says)
		}
	}
	for name, k := range types {
		if _, err := k.Decode([]byte(`{}`)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
