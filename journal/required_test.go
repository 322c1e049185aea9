package journal_test

import (
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/world"
)

type resultOfAnOperation struct{ N int }

// A journal does not begin while a type that may enter it has no name.
func TestRequiredTypesAreRegistered(t *testing.T) {
	if os.Getenv("REQUIRED_TEST") == "" { // what a type is registered as lasts as long as the process
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "REQUIRED_TEST=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v:\n%s", err, out)
		}
		return
	}
	world.RequireRegistered(reflect.TypeFor[resultOfAnOperation](), `the result of operation "x"`)
	c := journal.Config{Durability: journal.Memory}
	if d := driveOn(t, c, wal.NewMemory()); d.err == nil || !strings.Contains(d.err.Error(), "journal_test.resultOfAnOperation is not registered") {
		t.Errorf("Begin returns %v", d.err)
	}
	world.Register[resultOfAnOperation]("journal_test.resultOfAnOperation")
	if d := driveOn(t, c, wal.NewMemory()); d.err != nil {
		t.Errorf("Begin returns %v after the registration", d.err)
	}
}
