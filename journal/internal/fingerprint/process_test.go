package fingerprint_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// TestAnotherProcess: the bytes of all that happens in a run are the same in
// another process, where addresses and seeds are different.
func TestAnotherProcess(t *testing.T) {
	const asked = "MARKETPLACE_FINGERPRINT_OF_A_RUN"
	got := run(t)
	if os.Getenv(asked) != "" {
		fmt.Println("digest", got)
		return
	}
	for _, processors := range []string{"1", "2"} {
		other := exec.Command(os.Args[0], "-test.run", "^TestAnotherProcess$", "-test.v")
		other.Env = append(os.Environ(), asked+"=yes", "GOMAXPROCS="+processors)
		out, err := other.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "digest "+got) {
			t.Fatalf("the digest is %s here; in another process: %s, error %v", got, out, err)
		}
	}
}

// run runs a machine in which timers are set, expire and are set again, and
// returns a digest of the states and the actions of all processes, and of what
// the machine commands.
func run(t *testing.T) string {
	clock := world.NewManualClock("test", noon)
	digest := sha256.New()
	var dst []byte
	add := func(v any) {
		dst = fingerprint.V2.Append(dst[:0], v)
		digest.Write(dst)
	}
	boot := []actions.Action{timer.DriverOn(clock)}
	for i := range 20 {
		label := fmt.Sprint("tea ", i)
		boot = append(boot, actions.Spawn(actions.Next(map[string]int{},
			endpoint.Subscriber(timer.Expiring(label), endpoint.OnMessageState(func(m map[string]int, e timer.Expired) actions.Transition[map[string]int] {
				next := map[string]int{e.Label: m[e.Label] + 1, "all": len(m)}
				return actions.Next(next, timer.After(label, time.Duration(i)*time.Second))
			})),
			timer.After(label, time.Duration(i)*time.Second),
		)))
	}
	m := vm.Config{Watch: func(r *vm.Record) {
		add(r.State())
		add(r.Action)
		add(r.Reason)
	}}.New(boot...)
	address := (*vm.Address)(nil)
	apply := func(in vm.Input) {
		for {
			for _, c := range m.Apply(in) {
				if c.Kind == vm.Open {
					address = c.Address
				}
				add(c.Address.Device)
				add(c.Value)
			}
			if !m.Busy() {
				return
			}
			in = vm.Input{Kind: vm.Continue}
		}
	}
	apply(vm.Input{Kind: vm.Start})
	typ, _ := world.Registered("timer.now")
	for i := range 30 {
		now := reflect.New(typ).Elem()
		now.FieldByName("Now").Set(reflect.ValueOf(noon.Add(time.Duration(i) * time.Second)))
		now.FieldByName("Reading").SetUint(uint64(i))
		apply(vm.Input{Kind: vm.Value, Address: address, Value: now.Interface()})
	}
	if s := m.Stats(); s.Actions < 100 {
		t.Errorf("there were only %d actions", s.Actions)
	}
	return fmt.Sprintf("%x", digest.Sum(nil))
}
