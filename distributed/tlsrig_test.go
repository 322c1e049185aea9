package distributed_test

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/networktest"
)

func TestTLS(t *testing.T) {
	networktest.Test(t, networktest.Config{Make: func(t *testing.T, nodes ...string) []distributed.Network {
		return asNetworks(realm(t, nodes...))
	}})
}

// calls is how many calls TestTLSCalls makes; a soak has 1,000,000.
var calls = flag.Int("calls", 3000, "how many calls TestTLSCalls makes")

// TestTLSCalls: no call over TLS is lost, doubled, or late. B-P04, B-F09.
func TestTLSCalls(t *testing.T) {
	ns := realm(t, "client", "home")
	networktest.Calls(t, ns[0], ns[1], *calls)
}

// TestTLSPortable: links do the same on systems that cannot write without waiting.
func TestTLSPortable(t *testing.T) {
	networktest.Test(t, networktest.Config{Make: func(t *testing.T, nodes ...string) []distributed.Network {
		ns := realm(t, nodes...)
		for _, n := range ns {
			distributed.Portable(n)
		}
		return asNetworks(ns)
	}})
}

func asNetworks(ns []*distributed.TLSNetwork) (all []distributed.Network) {
	for _, n := range ns {
		all = append(all, n)
	}
	return all
}

// realm returns nodes with the same new realm key, which know each other.
func realm(t testing.TB, nodes ...string) []*distributed.TLSNetwork {
	t.Helper()
	key := keyFile(t, "0123456789abcdef0123456789abcdef")
	return nodesWith(t, nodes, func(c *distributed.TLSConfig) { c.RealmKeyFile = key })
}

// nodesWith returns nodes that know each other.
func nodesWith(t testing.TB, nodes []string, with func(*distributed.TLSConfig)) (ns []*distributed.TLSNetwork) {
	t.Helper()
	at := map[string]string{}
	for _, node := range nodes {
		at[node] = freeAddress(t)
	}
	for _, node := range nodes {
		c := distributed.TLSConfig{Node: node, Listen: at[node], Peers: map[string]string{}, Logger: slog.New(slog.DiscardHandler)}
		for other, a := range at {
			if other != node {
				c.Peers[other] = a
			}
		}
		with(&c)
		ns = append(ns, mustTLS(t, c))
	}
	return ns
}

func mustTLS(t testing.TB, c distributed.TLSConfig) *distributed.TLSNetwork {
	t.Helper()
	n, err := distributed.TLS(c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// keyFile returns a file with a realm key.
func keyFile(t testing.TB, key string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "realm.key")
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var addresses atomic.Uint32

// freeAddress returns an address that nothing else uses. Where all of 127.0.0.0/8 is
// loopback, no other process uses its host.
func freeAddress(t testing.TB) string {
	t.Helper()
	host := "127.0.0.1"
	if runtime.GOOS == "linux" {
		n := addresses.Add(1)
		host = fmt.Sprintf("127.%d.%d.%d", 1+os.Getpid()%200, 1+os.Getpid()/200%200, 1+n%250)
	}
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A logBook keeps what is logged.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// mustLog fails the test unless all texts are in one line of the log.
func (b *logBook) mustLog(t *testing.T, texts ...string) {
	t.Helper()
	for line := range strings.Lines(b.String()) {
		if containsAll(line, texts) {
			return
		}
	}
	t.Errorf("no line of the log has %q:\n%s", texts, b)
}

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}
