package sharded_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
)

// Issue 9.8: with nothing configured, a sharded listener and its machines log to
// standard error as a single ground does: a panic, and failures to accept, once and
// then with a count.
func TestDefaultLog(t *testing.T) {
	t.Setenv("MARKETPLACE_LOG", "")
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	defer func(was *os.File) { os.Stderr = was }(os.Stderr)
	os.Stderr = file
	synctest.Test(t, func(t *testing.T) {
		network := newTroubled(t)
		for range 3 {
			network.trouble <- syscall.EMFILE
		}
		crash := actions.Spawn(actions.Stateless(actions.Yield(func(struct{}) actions.Transition[struct{}] { panic("no more soup") }))).Named("cook")
		l, err := sharded.Config{Workers: 1, Listener: network, Network: network.Network}.Listen(t.Context(), "", func(w sharded.Worker) actions.Process {
			return actions.Stateless(w.Driver(), serve(w), crash)
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			<-network.tried
		}
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	b, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	log := string(b)
	for _, want := range []string{
		"level=ERROR msg=crashed path=", "name=cook reason=\"vm: panic: no more soup\"\n\tgithub.com/go-marketplace/marketplace/drivers/tcp/sharded_test.TestDefaultLog.",
		"level=WARN msg=\"sharded: accepting a connection failed; trying again\" address=", "repeated=2\n",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("there is no %q in\n%s", want, log)
		}
	}
	if n := strings.Count(log, "level="); n != 3 {
		t.Errorf("%d lines:\n%s", n, log)
	}
}

// Issue 9.8: an invalid MARKETPLACE_LOG is an error here, too.
func TestLogVariable(t *testing.T) {
	t.Setenv("MARKETPLACE_LOG", "loud")
	if _, err := sharded.Listen(t.Context(), "127.0.0.1:0", boot); err == nil || !strings.Contains(err.Error(), `sharded: MARKETPLACE_LOG is "loud"`) {
		t.Error(err)
	}
}
