package rpc_test

import (
	"context"
	"errors"
	"testing"

	"github.com/go-marketplace/marketplace/rpc"
)

// CheckCall refuses what CallNamed would refuse before it sends anything.
func TestCheckCall(t *testing.T) {
	for _, c := range []struct {
		op   string
		args any
		opts rpc.Options
		want error
	}{
		{"rpc_test.add", Change{}, rpc.Options{}, nil},
		{"rpc_test.add", Change{}, rpc.Options{Limited: true, Within: 1}, nil},
		{"rpc_test.add", Change{}, rpc.Options{Limited: true}, context.DeadlineExceeded},
		{"rpc_test.add", 1, rpc.Options{}, rpc.ErrType},
		{"rpc_test.add", nil, rpc.Options{}, rpc.ErrType},
		{"rpc_test.nothing", Change{}, rpc.Options{}, rpc.ErrUnknown},
		{"rpc_test.note", "", rpc.Options{}, rpc.ErrUnknown}, // a cast
	} {
		if err := rpc.CheckCall(c.op, c.args, c.opts); !errors.Is(err, c.want) {
			t.Errorf("%s of %v, %+v: %v, want %v", c.op, c.args, c.opts, err, c.want)
		}
	}
}
