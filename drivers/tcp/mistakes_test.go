package tcp_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/world"
)

// slippery is a network, and a clock, that cannot be compared.
type slippery struct {
	world.Network
	_ []int
}

func (slippery) ClockName() string                             { return "slippery" }
func (slippery) Now() time.Time                                { return time.Time{} }
func (slippery) AfterFunc(time.Duration, func()) world.Stopper { return nil }

func TestMistakesPanic(t *testing.T) {
	remote, local := tcp.Remote("a", 1), tcp.Handle("a")
	for name, mistake := range map[string]func(){
		"a:1 to a:1":                 func() { tcp.Flow(remote, remote) },
		`to listener(:1)`:            func() { tcp.Flow(local, tcp.Listener("", 1)) },
		"from none":                  func() { tcp.Flow(tcp.Addr{}, remote) },
		"Arriving of a:1":            func() { tcp.Arriving(remote) },
		`ListeningAt of handle("a")`: func() { tcp.ListeningAt(local) },
		"Config.ClaimLimit is -1s":   func() { tcp.Config{ClaimLimit: -1e9}.Driver() },
		"Config.DialLimit is -1ns":   func() { tcp.Config{DialLimit: -1}.Driver() },
		"Config.LingerLimit is -1ns": func() { tcp.Config{LingerLimit: -1}.Driver() },
		"Config.ReadBuffer is -1":    func() { tcp.Config{ReadBuffer: -1}.Driver() },
		"Config.MaxConnections is":   func() { tcp.Config{MaxConnections: -1}.Driver() },
		"Config.Network is a":        func() { tcp.DriverOn(slippery{}) },
		"Config.Clock is a":          func() { tcp.Config{Clock: slippery{}}.Driver() },
	} {
		func() {
			defer func() {
				text := fmt.Sprint(recover())
				if !strings.HasPrefix(text, "tcp: ") || !strings.Contains(text, name) || !strings.Contains(text, ": ") {
					t.Errorf("%s: the panic says: %s", name, text)
				}
			}()
			mistake()
		}()
	}
}
