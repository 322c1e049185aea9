package nats_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/nats"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
)

var room = distributed.Place{Node: "berlin", Name: "room"}

// home serves the room, and has somebody there.
func home(c distributed.Config) actions.Action {
	return actions.Group(c.Serve(room.Name), person("berlin", room))
}

// visitor has somebody in the room who is called like the node.
func visitor(c distributed.Config) actions.Action { return person(c.Network.Node(), room) }

// TestPlaces: people on two nodes hear each other in a room, and hear that one leaves, however
// the nodes are connected.
func TestPlaces(t *testing.T) {
	for name, make := range topologies {
		t.Run(name, func(t *testing.T) {
			ns := make(t, "berlin", "paris")
			berlin, paris := run(t, ns[0], home), run(t, ns[1], visitor)
			berlin.expect(t, "+paris", "paris: hello berlin")
			paris.expect(t, "+berlin", "berlin: hello paris")
			paris.stop()
			berlin.expect(t, "-paris left")
		})
	}
}

// nodeVariable says that this program is a node of a test, with a nats.Config.
const nodeVariable = "NATS_TEST_NODE"

// runNode is a node with somebody in the room, until its standard input ends.
func runNode(text string) {
	var c nats.Config
	err := json.Unmarshal([]byte(text), &c)
	var n *nats.Network
	if err == nil {
		n, err = nats.Open(background(), c)
	}
	if err == nil {
		defer n.Close()
		d := distributed.Config{Network: n}
		err = ground.Run(background(), console.Driver(), d.Driver(), visitor(d))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

// startNode starts a node in a process of its own, which has only what its parent gives it, and
// returns what kills it.
func startNode(t *testing.T, c nats.Config) (kill func()) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	p := exec.Command(os.Args[0])
	p.Env = append(os.Environ(), nodeVariable+"="+string(text), "HOME=/nowhere", "XDG_CONFIG_HOME=/nowhere")
	p.Stderr = os.Stderr
	stdin, err := p.StdinPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
		_ = stdin.Close()
	})
	t.Cleanup(kill)
	return kill
}

// TestKilledNode: a node that is killed is absent after a lease, and comes back when it is
// started again: as a leaf, and as a client of a cluster.
func TestKilledNode(t *testing.T) {
	key := realmKey(t)
	server := startServer(t, serverConfig(t, key, "127.0.0.1:-1"))
	for name, c := range map[string]nats.Config{
		"leaf":   {Node: "berlin", RealmKeyFile: key, Listen: ":0"},
		"by URL": {Node: "berlin", RealmKeyFile: key, URL: server.url},
	} {
		t.Run(name, func(t *testing.T) {
			n := open(t, c)
			berlin := run(t, n, home)
			paris, err := n.Member("paris")
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				kill := startNode(t, paris)
				berlin.expect(t, "+paris", "paris: hello berlin")
				begun := time.Now()
				kill()
				berlin.expect(t, "-paris lease")
				if took := time.Since(begun); took > 10*time.Second {
					t.Errorf("the absence of a node that was killed comes after %v", took)
				}
			}
		})
	}
}

// TestServerRestart: when the server that all use is killed, links end at once; when there is
// one again, they are made again.
func TestServerRestart(t *testing.T) {
	key := realmKey(t)
	config := serverConfig(t, key, freeAddress(t))
	s := startServer(t, config)
	berlin := run(t, open(t, nats.Config{Node: "berlin", URL: s.url, RealmKeyFile: key}), home)
	paris := run(t, open(t, nats.Config{Node: "paris", URL: s.url, RealmKeyFile: key}), visitor)
	for range 2 {
		berlin.expect(t, "+paris", "paris: hello berlin")
		paris.expect(t, "+berlin", "berlin: hello paris")
		s.kill()
		berlin.expect(t, "-paris cut")
		paris.expect(t, "-berlin cut")
		s = startServer(t, config)
	}
	berlin.expect(t, "+paris", "paris: hello berlin")
	paris.expect(t, "+berlin", "berlin: hello paris")
}

// TestHubRestart: the same for a hub whose leaves are connected through it.
func TestHubRestart(t *testing.T) {
	key := realmKey(t)
	c := nats.Config{Node: "hub", Listen: freeAddress(t), RealmKeyFile: key}
	hub := open(t, c)
	berlin, paris := run(t, member(t, hub, "berlin"), home), run(t, member(t, hub, "paris"), visitor)
	berlin.expect(t, "+paris", "paris: hello berlin")
	paris.expect(t, "+berlin", "berlin: hello paris")
	if err := hub.Close(); err != nil {
		t.Fatal(err)
	}
	berlin.expect(t, "-paris lease")
	paris.expect(t, "-berlin lease")
	open(t, c)
	berlin.expect(t, "+paris", "paris: hello berlin")
	paris.expect(t, "+berlin", "berlin: hello paris")
}

// TestLeafOfCluster: the server of a node can be a leaf of a nats-server, too.
func TestLeafOfCluster(t *testing.T) {
	key, leaves := realmKey(t), freeAddress(t)
	s := startServer(t, serverConfig(t, key, "127.0.0.1:-1")+"leafnodes: { listen: \""+leaves+"\" }\n")
	berlin := run(t, open(t, nats.Config{Node: "berlin", RealmKeyFile: key, LeafOf: "nats://" + leaves}), home)
	paris := run(t, open(t, nats.Config{Node: "paris", RealmKeyFile: key, URL: s.url}), visitor)
	berlin.expect(t, "+paris", "paris: hello berlin")
	paris.expect(t, "+berlin", "berlin: hello paris")
}

// freeAddress returns an address on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A proxy passes on connections, until they are cut.
type proxy struct {
	net.Listener
	to string

	mu    sync.Mutex
	conns []net.Conn
}

func startProxy(t *testing.T, url string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, to: strings.TrimPrefix(url, "tls://")}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d, err := net.Dial("tcp", p.to)
			if err != nil {
				_ = c.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, c, d)
			p.mu.Unlock()
			for _, ends := range [][2]net.Conn{{c, d}, {d, c}} {
				work.Go(func() {
					_, _ = io.Copy(ends[0], ends[1])
					_ = ends[0].Close()
					_ = ends[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		work.Wait()
	})
	return p
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// TestCutLeaf: a leaf whose connection to the hub is cut, again and again, makes it again, and
// every time presence is right. What is lost meanwhile is noticed by the sessions: NATS says
// nothing.
func TestCutLeaf(t *testing.T) {
	hub := open(t, nats.Config{Node: "berlin", RealmKeyFile: realmKey(t), Listen: ":0"})
	p := startProxy(t, hub.URL())
	c, err := hub.Member("paris")
	if err != nil {
		t.Fatal(err)
	}
	c.LeafOf = "tls://" + p.Addr().String()
	berlin := run(t, hub, home)
	paris := run(t, open(t, c), visitor)
	for range 3 {
		berlin.expect(t, "+paris", "paris: hello berlin")
		paris.expect(t, "+berlin", "berlin: hello paris")
		for here := true; here; {
			p.cut()
			select {
			case line := <-paris.lines:
				here = !strings.HasPrefix(line, "-berlin")
			case <-time.After(50 * time.Millisecond): // the connection may have come back before a frame was lost
			}
		}
		if line := <-berlin.lines; !strings.HasPrefix(line, "-paris ") {
			t.Fatalf("berlin prints %q", line)
		}
	}
}

// TestNamed: three nodes find each other's rooms, without a list, and see who goes. DP-40,
// B-P22.
func TestNamed(t *testing.T) {
	for name, make := range topologies {
		t.Run(name, func(t *testing.T) {
			serves := func(c distributed.Config) actions.Action {
				return actions.Group(c.Serve("room"), actions.Spawn(actions.Stateless(endpoint.Subscriber(distributed.Named("room"),
					endpoint.OnPresence(func(u distributed.Up) actions.Action { return console.Printf("+%s", u.Place.Node) }),
					endpoint.OnAbsence(func(u distributed.Up, reason error) actions.Action {
						return console.Printf("-%s %s", u.Place.Node, kind(reason))
					})))))
			}
			ns := make(t, "a", "b", "c")
			a, b, c := run(t, ns[0], serves), run(t, ns[1], serves), run(t, ns[2], serves)
			a.expect(t, "+b", "+c")
			b.expect(t, "+a", "+c")
			c.expect(t, "+a", "+b")
			c.stop()
			a.expect(t, "-c left")
			b.expect(t, "-c left")
		})
	}
}

// TestLostFrames: NATS drops messages of a subscriber that is slow, without a word to either
// side. The session notices the gap, on both sides, and begins anew.
func TestLostFrames(t *testing.T) {
	ns := topologies["leaf and hub"](t, "berlin", "paris")
	hatch := door.New("hatch")
	berlin := run(t, ns[0], func(c distributed.Config) actions.Action { return actions.Group(home(c), hatch.Driver()) })
	paris := run(t, ns[1], visitor)
	berlin.expect(t, "+paris", "paris: hello berlin")
	paris.expect(t, "+berlin", "berlin: hello paris")
	dropped, resume := nats.Stall(ns[1], 2)
	for dropped() == 0 {
		if err := hatch.Send(t.Context(), says{"berlin", "more"}); err != nil {
			t.Error(err)
		}
	}
	resume()
	paris.expect(t, "-berlin gap", "+berlin", "berlin: hello paris")
	berlin.expect(t, "-paris gap", "+paris", "paris: hello berlin")
}
