package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/keys"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// TestIssue14EncryptedCommands: each command on a journal takes an encrypted one, with its key, and
// refuses it without.
func TestIssue14EncryptedCommands(t *testing.T) {
	dir := t.TempDir()
	j, file := filepath.Join(dir, "j"), filepath.Join(dir, "key")
	if err := os.WriteFile(file, []byte(strings.Repeat("a1", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := keys.ReadKey(file)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		log, err := journal.Config{Logger: slog.New(slog.DiscardHandler), Program: "p"}.OpenStore(keys.Encrypt(wal.Dir(j), k))
		if err != nil {
			t.Fatal(err)
		}
		if err := (&ground.Ground{Journal: log}).RunFunc(t.Context(), func(actions.PID) actions.Process { return actions.Stateless() }); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(dir, "copy")
	for _, tt := range []struct {
		args, says string
	}{
		{"info", "inputs"}, {"verify", "ok: "}, {"list", "start"}, {"cat 1", "start"}, {"export", `"kind"`}, {"presence", ""},
		{"salvage", `"kind"`}, {"backup " + copied, "inputs 1 to 2"}, {"truncate -after 1", "truncated"},
	} {
		words := strings.Fields(tt.args)
		args := append([]string{"journal", words[0], j}, words[1:]...)
		var out, errs bytes.Buffer
		if tt.args != "salvage" {
			if status := run(args, &out, &errs); status != 1 || !strings.Contains(errs.String(), "is encrypted, and is opened without its key") {
				t.Errorf("%s without a key: status %d, %s%s", tt.args, status, &out, &errs)
			}
		}
		out.Reset()
		errs.Reset()
		if status := run(append(args, "-key", file), &out, &errs); status != 0 || !strings.Contains(out.String(), tt.says) {
			t.Errorf("%s: status %d, %s%s", tt.args, status, &out, &errs)
		}
	}
	if v, err := journal.VerifyStore(keys.Encrypt(wal.Dir(copied), k), nil); err != nil || v.Summary.Last.Seq != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := journal.Verify(copied, nil); err == nil {
		t.Error("the copy is not encrypted")
	}
}
