package distributed_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(nodeVariable); spec != "" {
		runNode(spec)
		return
	}
	goleak.VerifyTestMain(m)
}
