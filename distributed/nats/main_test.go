package nats_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/nats"
	"github.com/go-marketplace/marketplace/distributed/node"
)

// serverVariable says that this program is a NATS server of a test, with a configuration file.
const serverVariable = "NATS_TEST_SERVER"

func TestMain(m *testing.M) {
	node.Main(adder) // in a process that a node has started
	if text := os.Getenv(nodeVariable); text != "" {
		runNode(text)
		return
	}
	if file := os.Getenv(serverVariable); file != "" {
		runServer(file)
		return
	}
	goleak.VerifyTestMain(m)
}

// runServer is a NATS server until its standard input ends.
func runServer(file string) {
	o, err := server.ProcessConfigFile(file)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	o.NoSigs, o.NoLog = true, true
	s, err := server.NewServer(o)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		os.Exit(1)
	}
	fmt.Println(s.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
}

// A natsServer is a NATS server in a process of its own.
type natsServer struct {
	url     string
	process *exec.Cmd
	stdin   io.Closer
}

// startServer starts a server with a configuration.
func startServer(t testing.TB, config string) *natsServer {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &natsServer{process: exec.Command(os.Args[0])}
	s.process.Env = append(os.Environ(), serverVariable+"="+file)
	s.process.Stderr = os.Stderr
	out, err := s.process.StdoutPipe()
	if err == nil {
		s.stdin, err = s.process.StdinPipe()
	}
	if err == nil {
		err = s.process.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if s.url = strings.TrimSpace(line); err != nil || !strings.HasPrefix(s.url, "nats://") && !strings.HasPrefix(s.url, "tls://") {
		t.Fatalf("the server says %q, %v", line, err)
	}
	return s
}

// kill ends the process without a word.
func (s *natsServer) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	_ = s.stdin.Close()
}

// realmKey returns a file with a new realm key.
func realmKey(t testing.TB) string {
	t.Helper()
	f := filepath.Join(t.TempDir(), "realm.key")
	if err := os.WriteFile(f, []byte(fmt.Sprintf("%s %d, with enough more bytes to be a key", t.Name(), time.Now().UnixNano())), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// serverConfig returns the configuration of a server for a realm.
func serverConfig(t testing.TB, key, listen string) string {
	t.Helper()
	config, err := nats.ServerConfig(key)
	if err != nil {
		t.Fatal(err)
	}
	return "listen: \"" + listen + "\"\n" + config
}

// open opens a network, and closes it at the end of the test.
func open(t testing.TB, c nats.Config) *nats.Network {
	t.Helper()
	n, err := nats.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, n)
	return n
}

func closeLater(t testing.TB, n *nats.Network) {
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

// member opens the network of a node that has nothing but what hub gives it.
func member(t testing.TB, hub *nats.Network, node string) *nats.Network {
	t.Helper()
	c, err := hub.Member(node)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, c)
}

// A topology makes networks of nodes.
type topology func(t *testing.T, nodes ...string) []*nats.Network

// topologies are all ways in which nodes can be connected.
var topologies = map[string]topology{
	"embedded": func(t *testing.T, nodes ...string) (all []*nats.Network) {
		all = []*nats.Network{open(t, nats.Config{Node: nodes[0], RealmKeyFile: realmKey(t)})}
		for _, node := range nodes[1:] {
			n, err := all[0].Join(t.Context(), node)
			if err != nil {
				t.Fatal(err)
			}
			closeLater(t, n)
			all = append(all, n)
		}
		return all
	},
	"leaf and hub": func(t *testing.T, nodes ...string) (all []*nats.Network) {
		all = []*nats.Network{open(t, nats.Config{Node: nodes[0], RealmKeyFile: realmKey(t), Listen: ":0"})}
		for _, node := range nodes[1:] {
			all = append(all, member(t, all[0], node))
		}
		return all
	},
	"two leaves": func(t *testing.T, nodes ...string) (all []*nats.Network) {
		hub := open(t, nats.Config{Node: "hub", RealmKeyFile: realmKey(t), Listen: ":0"})
		for _, node := range nodes {
			all = append(all, member(t, hub, node))
		}
		return all
	},
	"by URL": func(t *testing.T, nodes ...string) (all []*nats.Network) {
		key := realmKey(t)
		s := startServer(t, serverConfig(t, key, "127.0.0.1:-1"))
		for _, node := range nodes {
			all = append(all, open(t, nats.Config{Node: node, URL: s.url, RealmKeyFile: key}))
		}
		return all
	},
}

func asNetworks(ns []*nats.Network) (all []distributed.Network) {
	for _, n := range ns {
		all = append(all, n)
	}
	return all
}

func background() context.Context { return context.Background() }

// trusting returns settings with which a client trusts every server.
func trusting() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// until waits until ok holds, for what other goroutines and processes do.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	late, tick := time.After(patience), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("it takes longer than %v until %s", patience, what)
		}
	}
}
