package ground

import (
	"log/slog"
	"testing"

	"github.com/go-marketplace/marketplace/vm"
)

// A logger can be told of every kind of record.
func TestEveryRecordCanBeLogged(t *testing.T) {
	l := slog.New(slog.DiscardHandler)
	for kind := range vm.RecordKind(32) {
		if vm.AllRecords.Has(kind) {
			logRecord(l, &vm.Record{Kind: kind})
			_ = level(&vm.Record{Kind: kind})
		}
	}
}
