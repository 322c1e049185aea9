package marketplace_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/go-marketplace/marketplace"

// mayImport says which of our packages each of our packages may import. What
// is not listed may import everything.
var mayImport = map[string][]string{
	"topic/selftext":     {},
	"topic":              {"topic/selftext"},
	"world":              {},
	"world/simnet":       {"world"},
	"actions":            {"internal/text", "internal/unsealed", "topic", "world"},
	"endpoint":           {"actions", "topic", "world"},
	"internal/applog":    {},
	"internal/nonblock":  {},
	"internal/retry":     {},
	"vmtest/scenario":    {"vm", "actions", "topic", "world"},
	"internal/stack":     {},
	"vm":                 {"topic/selftext", "internal/stack", "internal/text", "actions", "topic", "world"},
	"vm/image":           {"topic/selftext", "vm", "actions", "topic", "world"},
	"ground":             {"internal/applog", "internal/stack", "internal/text", "vm", "actions", "topic", "world"},
	"internal/text":      {"topic/selftext", "topic", "world"},
	"vmtest":             {"internal/text", "vm/image", "vm", "endpoint", "actions", "topic", "world"},
	"internal/unsealed":  {},
	"sealed":             {"internal/unsealed"},
	"journal/codec":      {"internal/unsealed", "world"},
	"journal/keys":       {"journal/wal"},
	"journal/wal":        {},
	"drivers/console":    {"drivers/internal/outlet", "endpoint", "actions", "topic", "world"},
	"drivers/eventrelay": {"endpoint", "actions", "topic", "world"},
	"drivers/inet":       {"world"},
	"drivers/tcp":        {"drivers/inet", "drivers/internal/outlet", "internal/nonblock", "internal/retry", "drivers/internal/sockopt", "endpoint", "actions", "topic", "world"},
	"drivers/timer":      {"endpoint", "actions", "topic", "world"},
	"rpc":                {"drivers/timer", "journal/codec", "endpoint", "actions", "topic", "world"},
	"drivers/udp":        {"drivers/inet", "internal/retry", "endpoint", "actions", "topic", "world"},
	"drivers/tcp/sharded": {
		"internal/applog", "ground", "vm", "drivers/tcp", "drivers/inet", "internal/retry", "drivers/internal/sockopt", "endpoint", "actions", "topic", "world",
	},
	"drivers/internal/outlet":    {"world"},
	"drivers/internal/sockopt":   {"world"},
	"world/internal/networktest": {"world"},
	"door":                       {"rpc", "journal/codec", "endpoint", "actions", "topic", "world"},
	"interrupt":                  {},
	"distributed": {
		"distributed/internal/realm", "distributed/internal/session", "distributed/internal/wire", "internal/applog", "internal/nonblock", "internal/retry", "rpc", "endpoint", "actions", "topic", "world",
	},
	"distributed/outbox": {
		"distributed", "distributed/internal/wire", "journal/codec", "rpc", "endpoint", "actions", "topic", "world",
	},
	"distributed/internal/simtest": {"distributed", "ground", "journal", "journal/wal/waltest", "actions", "world"},
	"distributed/node": {
		"distributed", "distributed/internal/wire", "door", "supervise", "drivers/timer", "ground", "vm", "journal/codec", "rpc", "endpoint", "actions", "topic", "world",
	},
	"distributed/networktest": {
		"distributed", "distributed/internal/session", "distributed/internal/wire", "door", "drivers/timer", "ground", "rpc", "endpoint", "actions", "topic",
	},
	"distributed/internal/realm":   {"distributed/internal/wire"},
	"distributed/internal/session": {"distributed/internal/wire", "world"},
	"distributed/internal/wire":    {"internal/unsealed", "journal/codec", "actions", "topic", "world"},
	"supervise":                    {"drivers/timer", "endpoint", "actions", "topic", "world"},
	"drivers/drivertest":           {"vmtest", "ground", "vm", "endpoint", "actions", "topic", "world"},
	"journal/internal/fingerprint": {"internal/unsealed", "vm", "actions", "topic", "world"},
	"journal/wal/waltest":          {"journal/wal"},
	"cmd/marketplace":              {"journal", "journal/keys", "journal/wal", "internal/text", "world"},
	"journal/cli":                  {"journal", "journal/keys", "journal/wal", "ground", "internal/text", "vm"},
	"journal": {
		"journal/codec", "journal/internal/fingerprint", "journal/keys", "journal/wal", "internal/text", "vm/image", "vm", "actions", "topic", "world",
	},
}

// TestLayers: packages lie on each other in strict layers.
func TestLayers(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		seen[name] = true
		allowed, limited := mayImport[name]
		for _, i := range p.Imports {
			ours, ok := strings.CutPrefix(i, module+"/")
			if ok && limited && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which is not below it", name, ours)
			}
			shared := strings.HasPrefix(name, "examples/") && strings.HasPrefix(ours, "examples/internal/")
			if ok && strings.HasPrefix(ours, "examples") && !shared {
				t.Errorf("%s imports %s: examples are nobody's library", name, ours)
			}
		}
	}
	for name := range mayImport {
		if !seen[name] {
			t.Errorf("there is no package %s", name)
		}
	}
}

// TestModules: who uses this module does not get NATS, nor what else the modules below it
// depend on.
func TestModules(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "all").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"github.com/nats-io/", "github.com/chromedp/", "github.com/tidwall/wal"} {
		if strings.Contains(string(out), other) {
			t.Errorf("the module depends on %s", other)
		}
	}
}

// pure are the packages that do nothing but compute.
var pure = []string{"topic", "actions", "endpoint", "vm", "vm/image"}

// impure are packages of the standard library through which one gets to the
// outside.
var impure = []string{"context", "crypto/rand", "io", "io/fs", "log", "log/slog", "math/rand", "math/rand/v2", "net", "os", "os/exec", "os/signal", "sync/atomic", "syscall", "time"}

// TestPurity: the pure packages import nothing that is not, start no goroutine
// and use no channel. B-M14.
func TestPurity(t *testing.T) {
	for _, dir := range pure {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, name := range files {
			base := filepath.Base(name)
			if strings.HasSuffix(base, "_test.go") {
				continue
			}
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Imports {
				if path, _ := strconv.Unquote(i.Path.Value); slices.Contains(impure, path) {
					t.Errorf("%s imports %s", name, path)
				}
			}
			for _, line := range strings.Split(string(src), "\n") {
				if s := strings.TrimSpace(line); strings.HasPrefix(s, "go ") || strings.HasPrefix(s, "select {") {
					t.Errorf("%s: %s", name, s)
				}
			}
		}
	}
}
