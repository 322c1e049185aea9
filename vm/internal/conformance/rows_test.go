package conformance

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/vmtest/scenario"
)

// rows has, by their IDs, the promises of the interface that scenarios show, and
// patterns of the names of those scenarios. Their facts do not hold if the
// promise is broken.
var rows = map[string][]string{
	"HL-14":  {"tree-fillers"},
	"HL-20":  {"flow-pub-par-*"},
	"HL-26":  {"flow-sub-eve-*"},
	"HL-29":  {"topic-wild-*"},
	"HL-35":  {"flow-???-???-???", "msg-feedback-observers"},
	"HL-36":  {"msg-observer-sends"},
	"HL-37":  {"self-delivery*"},
	"HL-38":  {"dup-endpoints-one-process"},
	"HL-40":  {"msg-two-senders-fifo", "msg-order-reaction"},
	"HL-46":  {"flow-pub-par-par"},
	"HL-47":  {"absence-reason", "quit-default", "crash-absence", "kill-fresh"},
	"HL-50":  {"presence-sync-start"},
	"HL-51":  {"flow-*"},
	"HL-52":  {"topic-both-sides", "topic-many-vs-one"},
	"HL-53":  {"dup-peer-two-ids", "presence-multi-endpoints"},
	"HL-54":  {"self-presence*"},
	"HL-56":  {"absence-reason"},
	"HL-57":  {"quit-default"},
	"HL-59":  {"update-*"},
	"HL-60":  {"update-wild-ids"},
	"HL-63":  {"absence-unknown-endpoint"},
	"HL-65":  {"absence-reason", "dup-delete"},
	"HL-66":  {"absence-unknown-endpoint"},
	"HL-68":  {"absence-own-handler"},
	"HL-80":  {"msg-terms", "dup-messages"},
	"HL-81":  {"msg-feedback-*", "self-delivery-feedback"},
	"HL-83":  {"spawn-continuation-order"},
	"HL-84":  {"spawn-order"},
	"HL-85":  {"crash-boot"},
	"HL-88":  {"quit-*", "kill-pid-*"},
	"HL-89":  {"kill-unknown", "gc-kill-collected"},
	"HL-91":  {"crash-earlier-actions-kept", "crash-no-actions", "crash-sequence"},
	"HL-93":  {"yield-interleave", "yield-nested"},
	"HL-95":  {"vm-boot-*"},
	"HL-97":  {"nested-*-3"},
	"HL-98":  {"nested-quit-*", "nested-crash-*", "vm-kill-deep"},
	"HL-101": {"nested-sub-*", "nested-delete-*", "nested-pub-*", "nested-spawn-*", "nested-vm-quit-*"},
	"HL-103": {"nested-spawn-*", "meta-spawn-vm"},
	"HL-104": {"nested-vm-quit-*"},
	"HL-106": {"vm-late-meta-event"},
	"LL-04":  {"msg-terms"},
	"LL-05":  {"topic-*"},
	"LL-06":  {"topic-*"},
	"LL-08":  {"gc-*"},
}

// TestRows: each row has its scenarios, and their facts are checked.
func TestRows(t *testing.T) {
	corpus := readScenarios(t, "testdata/conformance")
	for row, patterns := range rows {
		for _, p := range patterns {
			if !slices.ContainsFunc(corpus, func(s *scenario.Scenario) bool {
				ok, err := filepath.Match(p, s.ID)
				aside := slices.ContainsFunc(setAside, func(q string) bool { return slices.Contains(s.Quirks, q) })
				return ok && err == nil && !aside && len(s.Expected.Processes) > 0
			}) {
				t.Errorf("%s: there is no scenario %s", row, p)
			}
		}
	}
}
