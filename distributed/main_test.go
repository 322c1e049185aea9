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

// realmVariable is the variable that says that this program prints the realm of the user, for
// TestRealmKeyIsMadeOnce.
const realmVariable = "DISTRIBUTED_TEST_PRINT_REALM"

func TestMain(m *testing.M) {
	if os.Getenv(realmVariable) != "" {
		printRealm()
		return
	}
	if spec := os.Getenv(nodeVariable); spec != "" {
		runNode(spec)
		return
	}
	goleak.VerifyTestMain(m)
}
