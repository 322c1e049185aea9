package follow

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/drivertest"
	"github.com/go-marketplace/marketplace/endpoint"
)

func TestDriver(t *testing.T) {
	dir := t.TempDir()
	path := func(i int) string { return filepath.Join(dir, fmt.Sprint("log ", i)) }
	drivertest.Test(t, func(t testing.TB) drivertest.Driver {
		for i := range 2 {
			remove(t, path(i))
			write(t, path(i), "")
		}
		return drivertest.Driver{
			Boot:   Config{}.Driver(),
			Types:  Config{}.Types(),
			Relay:  func(int) actions.Action { return Relay() },
			Things: 2,
			Demand: func(i int) actions.Action { return endpoint.Subscriber(In(path(i))) },
			Happen: func(i, n int) []any {
				text := fmt.Sprint("line ", n)
				write(t, path(i), text+"\n")
				return []any{Line{path(i), text}}
			},
			Fail: func(i int) (func(), error) {
				remove(t, path(i))
				return func() { write(t, path(i), "") }, os.ErrNotExist
			},
			Open: openFiles(dir),
		}
	})
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// openFiles returns a function that tells which files in a directory this
// program has open. It is nil where the system does not say.
func openFiles(dir string) func() []string {
	const all = "/proc/self/fd"
	if _, err := os.ReadDir(all); err != nil {
		return nil
	}
	return func() (open []string) {
		entries, _ := os.ReadDir(all)
		for _, e := range entries {
			if name, _ := os.Readlink(filepath.Join(all, e.Name())); strings.HasPrefix(name, dir) {
				open = append(open, name)
			}
		}
		return open
	}
}
