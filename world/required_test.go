package world_test

import (
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/world"
)

type requiredLater struct{ N int }

// CheckRequired names a type that is required and not registered, and what requires it.
func TestCheckRequired(t *testing.T) {
	if os.Getenv("REQUIRED_TEST") == "" { // what a type is registered as lasts as long as the process
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "REQUIRED_TEST=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v:\n%s", err, out)
		}
		return
	}
	if err := world.CheckRequired(); err != nil {
		t.Fatal(err)
	}
	world.RequireRegistered(reflect.TypeFor[requiredLater](), "the result of operation \"x\"")
	err := world.CheckRequired()
	for _, part := range []string{"world_test.requiredLater", `the result of operation "x"`, "world.Register"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	world.Register[requiredLater]("world_test.requiredLater")
	if err := world.CheckRequired(); err != nil {
		t.Error(err)
	}
}
