package sharded_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// TestBL11AWorkerListensAtItsAddressOnly: other addresses are refused, and not
// ignored.
func TestBL11AWorkerListensAtItsAddressOnly(t *testing.T) {
	given := make(chan sharded.Worker, 1)
	r := listen(t, sharded.Config{Workers: 1}, func(w sharded.Worker) actions.Process {
		given <- w
		return boot(w)
	})
	w := <-given
	n := w.Network()
	for _, address := range []string{"127.0.0.1:0", "127.0.0.2:80", ":80", "nonsense", fmt.Sprintf(":%d", w.Port)} {
		_, err := n.Listen(t.Context(), "tcp", address)
		if err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), w.Listener().HostPort()) {
			t.Errorf("at %s: %v", address, err)
		}
	}
	if _, err := n.Listen(t.Context(), "tcp", w.Listener().HostPort()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second time: %v", err)
	}
	if n != w.Network() || n.NetworkName() == "" || n.NetworkName() != w.Network().NetworkName() {
		t.Error("the network of a worker is not always the same")
	}
	if err := r.Restart(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Listen(t.Context(), "tcp", w.Listener().HostPort()); err == nil || !strings.Contains(err.Error(), "another machine") {
		t.Errorf("a machine that has been replaced: %v", err)
	}
	<-w.Done()
}

func TestMistakes(t *testing.T) {
	refused(t, sharded.Config{DrainLimit: -1}, "Config.DrainLimit")
	refused(t, sharded.Config{Clock: uncomparable{}}, "Config.Clock")
	if _, err := sharded.Listen(t.Context(), "127.0.0.1:0", nil); err == nil || !strings.Contains(err.Error(), "nil function") {
		t.Error(err)
	}
	bad := sharded.Config{Workers: 1, Ground: func(sharded.Worker) ground.Ground { return ground.Ground{DeviceQueue: -1} }}
	_, err := tryListen(t, bad, boot)
	blame(t, err, sharded.ErrNotBooted, 0)
	if !strings.Contains(err.Error(), "DeviceQueue") {
		t.Error(err)
	}
	for d, want := range map[sharded.OnDeath]string{sharded.Restart: "restart", sharded.Stop: "stop", 9: "OnDeath(9)"} {
		if d.String() != want {
			t.Error(d)
		}
	}
}

type uncomparable struct {
	world.Clock
	_ []int
}

// TestManualClock: the clock of the Config measures all times.
func TestManualClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := world.NewManualClock("test", time.Unix(0, 0))
		released := make(chan struct{})
		failed := make(chan error)
		go func() {
			_, err := tryListen(t, sharded.Config{Workers: 1, Clock: clock, Network: simnet.New("test")},
				func(sharded.Worker) actions.Process { <-released; return nil })
			failed <- err
		}()
		for _, limit := range []time.Duration{time.Minute, 30 * time.Second} {
			synctest.Wait()
			clock.Advance(limit - 1)
			synctest.Wait()
			clock.Advance(1)
		}
		if err := <-failed; !errors.Is(err, sharded.ErrBootLimit) || !errors.Is(err, sharded.ErrStillRunning) {
			t.Error(err)
		}
		close(released)
	})
}

// TestCloseIsNotHeldUpByItsContext: a Close whose context is done also ends the
// Listener.
func TestCloseIsNotHeldUpByItsContext(t *testing.T) {
	r := listen(t, sharded.Config{Workers: 2}, boot)
	c := r.dial()
	c.who()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-r.Done()
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(c); err != nil {
		t.Error(err)
	}
}
