package topic_test

import (
	"cmp"
	"net/netip"
	"testing"
	"unique"

	"github.com/go-marketplace/marketplace/topic"
)

// TestAllocs checks that what happens for every message takes no memory:
// matching, and finding with a warm buffer.
func TestAllocs(t *testing.T) {
	m := mail{
		header: header{"tony", "tea"}, To: netip.MustParseAddrPort("127.0.0.1:80"), User: unique.Make("tony"),
		Payload: spot{"a", 1}, Shape: square{2}, Grid: [2]int{1, 2}, ID: [16]byte{1}, Level: 1.5, Ref: new(int),
	}
	typed, tuple := topic.MessageOf(m), topic.MessageOf(topic.Tuple{"says", topic.Tuple{"tony", 1}, spot{"a", 1}})
	topics := map[string]topic.Topic{
		"any":       topic.Any.Topic(),
		"type":      topic.All[mail]().Topic(),
		"text":      topic.Where(mailFrom.Is("tony")).Topic(),
		"texts":     topic.Where(mailHead.Is(m.header)).Topic(),
		"address":   topic.Where(mailTo.Is(m.To)).Topic(),
		"handle":    topic.Where(mailUser.Is(m.User)).Topic(),
		"interface": topic.Where(mailPayload.Is(m.Payload)).Topic(),
		"methods":   topic.Where(mailShape.Is(m.Shape)).Topic(),
		"array":     topic.Where(mailGrid.Is(m.Grid)).Topic(),
		"bytes":     topic.Where(mailID.Is(m.ID)).Topic(),
		"float":     topic.Where(mailLevel.Is(m.Level)).Topic(),
		"pointer":   topic.Where(mailRef.Is(m.Ref)).Topic(),
		"glob":      topic.Where(topic.Glob(mailFrom, "t*y"), mailReady.Is(false)).Topic(),
		"tuple":     topic.Like(topic.Tuple{"says", topic.Tuple{topic.Wild, 1}, topic.Wild}).Topic(),
		"constants": topic.Like(topic.Tuple{"says", topic.Wild, spot{"a", 1}}).Topic(),
		"tuples":    topic.All[topic.Tuple]().Topic(),
	}
	free := func(t *testing.T, what string, f func()) {
		t.Helper()
		if n := testing.AllocsPerRun(100, f); n > 0 {
			t.Errorf("%s allocates %v times", what, n)
		}
	}
	all := topic.NewIndex(cmp.Compare[int])
	var buf []int
	n := 0
	for name, tp := range topics {
		t.Run(name, func(t *testing.T) {
			message := typed
			if !tp.Matches(typed) {
				message = tuple
			}
			free(t, "Matches", func() {
				if !tp.Matches(message) {
					t.Fatal("no match")
				}
			})
			one := topic.NewIndex(cmp.Compare[int])
			one.Add(tp, n)
			free(t, "Index.Match", func() {
				if len(one.Match(message, &buf)) != 1 {
					t.Fatal("not found")
				}
			})
			if meeting, ok := tp.Intersect(tp); !ok || !meeting.Equivalent(tp) {
				t.Error("an intersection with itself is something else")
			}
			free(t, "Intersect with itself", func() { tp.Intersect(tp) })
		})
		all.Add(tp, n)
		n++
	}
	free(t, "Index.Match with everything in it", func() {
		if len(all.Match(typed, &buf)) != 13 || len(all.Match(tuple, &buf)) != 4 {
			t.Fatal("not found")
		}
	})
	free(t, "Index.Related", func() {
		if len(all.Related(topics["any"], &buf)) != n {
			t.Fatal("not found")
		}
	})
}
