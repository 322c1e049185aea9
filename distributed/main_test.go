package distributed_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// nodeVariable is the variable that says that this program is a node of a test.
const nodeVariable = "DISTRIBUTED_TEST_NODE"

// runNode is what a node does, on systems on which tests start nodes.
var runNode func(spec string)

func TestMain(m *testing.M) {
	if spec := os.Getenv(nodeVariable); spec != "" {
		runNode(spec)
		return
	}
	goleak.VerifyTestMain(m)
}
