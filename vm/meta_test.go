package vm_test

import (
	"fmt"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/vm"
)

// An ignored action is counted once, and recorded once, at any meta-level (Issue
// 9.12). HL-66, HL-89.
func TestIgnoredOnceAtEveryLevel(t *testing.T) {
	for up := range 4 {
		for name, a := range map[string]actions.Action{"delete": actions.Delete("nothing"), "kill": actions.Kill(99, nil)} {
			t.Run(fmt.Sprintf("%s, %d levels up", name, up), func(t *testing.T) {
				for range up {
					a = actions.AtMeta(a)
				}
				for range up {
					a = actions.Spawn(vm.Nested(a))
				}
				var meter ground.Meter
				told := 0
				g := ground.Ground{Meter: &meter, Watch: func(r *vm.Record) {
					if r.Kind == vm.Ignored {
						told++
					}
				}}
				if err := g.Run(t.Context(), a); err != nil || meter.Stats().Ignored != 1 || told != 1 {
					t.Errorf("counted %d times, told %d times, %v", meter.Stats().Ignored, told, err)
				}
			})
		}
	}
}
