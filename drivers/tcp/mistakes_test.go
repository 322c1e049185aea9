package tcp_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/world"
)

// slippery is a network and a clock of a type that is not comparable.
type slippery struct {
	world.Network
	_ []int
}

func (slippery) ClockName() string                             { return "slippery" }
func (slippery) Now() time.Time                                { return time.Time{} }
func (slippery) AfterFunc(time.Duration, func()) world.Stopper { return nil }

// heap is a writer of a type that is not comparable.
type heap []byte

func (heap) Write(b []byte) (int, error) { return len(b), nil }

func TestMistakesPanic(t *testing.T) {
	remote, local := tcp.Remote("a", 1), tcp.Handle("a")
	for name, mistake := range map[string]func(){
		"a:1 to a:1":                        func() { tcp.Flow(remote, remote) },
		`to listener(:1)`:                   func() { tcp.Flow(local, tcp.Listener("", 1)) },
		"from none":                         func() { tcp.Flow(tcp.Addr{}, remote) },
		"Arriving of a:1":                   func() { tcp.Arriving(remote) },
		`ListeningAt of handle("a")`:        func() { tcp.ListeningAt(local) },
		"Config.ClaimLimit is -1s":          func() { tcp.Config{ClaimLimit: -1e9}.Driver() },
		"Config.DialLimit is -1ns":          func() { tcp.Config{DialLimit: -1}.Driver() },
		"Config.LingerLimit is -1ns":        func() { tcp.Config{LingerLimit: -1}.Driver() },
		"Config.ReadBuffer is -1":           func() { tcp.Config{ReadBuffer: -1}.Driver() },
		"Config.Backlog is -1":              func() { tcp.Config{Backlog: -1}.Driver() },
		"Config.AcceptRate is -1":           func() { tcp.Config{AcceptRate: -1}.Driver() },
		"Config.AcceptBurst is -1":          func() { tcp.Config{AcceptRate: 1, AcceptBurst: -1}.Driver() },
		"Config.AcceptBurst is 5 without":   func() { tcp.Config{AcceptBurst: 5}.Driver() },
		"Config.MaxConnections is":          func() { tcp.Config{MaxConnections: -1}.Driver() },
		"Config.HandshakeLimit is -1ns":     func() { tcp.Config{HandshakeLimit: -1}.Driver() },
		"Config.IdleLimit is -1ns":          func() { tcp.Config{IdleLimit: -1}.Driver() },
		"Config.KeepAlive.Idle is -1ns":     func() { tcp.Config{KeepAlive: &net.KeepAliveConfig{Idle: -1}}.Driver() },
		"Config.KeepAlive.Interval is -1ns": func() { tcp.Config{KeepAlive: &net.KeepAliveConfig{Interval: -1}}.Driver() },
		"Config.KeepAlive.Count is -1":      func() { tcp.Config{KeepAlive: &net.KeepAliveConfig{Count: -1}}.Driver() },
		`Config.TLS["web"] is nil`:          func() { tcp.Config{TLS: map[string]*tls.Config{"web": nil}}.Driver() },
		`Config.TLS["client"] allows renegotiation`: func() {
			tcp.Config{TLS: map[string]*tls.Config{"client": {Renegotiation: tls.RenegotiateFreelyAsClient}}}.Driver()
		},
		`Spy("s", nil)`:                func() { tcp.Spy("s", nil) },
		`Spy("s", …): a tcp_test.heap`: func() { tcp.Spy("s", heap{}) },
		"from a:1 to a:1":              func() { tcp.SessionOf(remote, remote) },
		"Config.Network is a":          func() { tcp.DriverOn(slippery{}) },
		"Config.Clock is a":            func() { tcp.Config{Clock: slippery{}}.Driver() },
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
