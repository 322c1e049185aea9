package wire_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

type change struct{ Amount int }

var _ = rpc.Define[change, int]("wire_test.add")

func init() { world.Register[change]("wire_test.change") }

// The roles of callers and servers can be sent.
func TestRolesOfCallsHaveKeys(t *testing.T) {
	op := topic.FieldOf(func(r *rpc.Request[change]) *string { return &r.Op })
	to := topic.FieldOf(func(r *rpc.Reply[int]) *rpc.Caller { return &r.To })
	for _, r := range []topic.Role{
		{Topic: topic.Where(op.Is("wire_test.add")).Topic(), Orientation: topic.Subscriber},
		{Topic: topic.Where(to.Is(rpc.Caller{Via: 3, N: 4})).Topic(), Orientation: topic.Publisher},
	} {
		key, err := wire.Key(r)
		if err != nil {
			t.Errorf("%v: %v", r, err)
			continue
		}
		if got, err := wire.RoleOf(key); err != nil || !got.Equal(r) {
			t.Errorf("%v is read as %v, %v", r, got, err)
		}
	}
}
