package main

import (
	"bufio"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/go-marketplace/marketplace/distributed/nats"
	"github.com/go-marketplace/marketplace/examples/internal/program"
)

// A cluster is a chat of several processes.
type cluster struct {
	t      *testing.T
	binary program.Binary
	args   map[string][]string // of each node
	nodes  map[string]*process // that run
	hub    string              // through which all others reach each other, if there is one
	killed string              // what people read of those on a node that was killed, up to its name
	reason string              // and behind it
}

// A process is a node that runs.
type process struct {
	*program.Program
	t    *testing.T
	addr string // for people
}

// topologies are the ways in which nodes can be connected, with what the other nodes observe
// when one is killed.
var topologies = map[string]func(c *cluster, key string, names ...string){
	"direct links": func(c *cluster, key string, names ...string) {
		at := map[string]string{}
		for _, n := range names {
			at[n] = program.FreeAddress(c.t)
		}
		for _, n := range names {
			var peers []string
			for _, p := range names {
				if p != n {
					peers = append(peers, p+"="+at[p])
				}
			}
			c.args[n] = []string{"-listen", at[n], "-peers", strings.Join(peers, ",")}
		}
		c.killed, c.reason = " is gone: the connection to node ", " has ended."
	},
	"NATS embedded": func(c *cluster, key string, names ...string) {
		at := program.FreeAddress(c.t)
		for _, n := range names {
			c.args[n] = []string{"-leaf-of", "tls://" + at}
		}
		c.hub = names[0]
		c.args[c.hub] = []string{"-nats", "embedded", "-listen", at}
		c.killed, c.reason = " is gone: node ", " was silent for too long."
	},
	"NATS by URL": func(c *cluster, key string, names ...string) {
		url := startServer(c.t, key)
		for _, n := range names {
			c.args[n] = []string{"-nats", url}
		}
		c.killed, c.reason = " is gone: node ", " was silent for too long."
	},
}

// startServer starts a NATS server for the nodes that have a realm key.
func startServer(t *testing.T, key string) (url string) {
	t.Helper()
	config, err := nats.ServerConfig(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "server.conf")
	if err := os.WriteFile(file, []byte("listen: \"127.0.0.1:-1\"\n"+config), 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	options.NoSigs, options.NoLog = true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not start")
	}
	return s.ClientURL()
}

// everywhere runs a test on all topologies, with nodes that have found each other.
func everywhere(t *testing.T, test func(t *testing.T, c *cluster), names ...string) {
	on(t, slices.Sorted(maps.Keys(topologies)), test, names...)
}

// on runs a test on some topologies.
func on(t *testing.T, which []string, test func(t *testing.T, c *cluster), names ...string) {
	binary := program.Build(t)
	for _, topology := range which {
		make := topologies[topology]
		t.Run(topology, func(t *testing.T) {
			c := &cluster{t: t, binary: binary.For(t), args: map[string][]string{}, nodes: map[string]*process{}}
			key := program.RealmKey(t)
			make(c, key, names...)
			for n := range c.args {
				c.args[n] = append(c.args[n], "-node", n, "-realm-key", key, "-addr", "127.0.0.1:0", "-heartbeat", heartbeat.String())
			}
			for _, n := range names {
				c.start(n)
			}
			test(t, c)
			for _, n := range slices.Backward(names) { // the hub last
				if !t.Failed() {
					c.stop(n)
				}
			}
		})
	}
}

// start starts a node, and waits until it and the others that run have found each other.
func (c *cluster) start(name string) {
	c.t.Helper()
	n := &process{Program: c.binary.Start(c.args[name]...), t: c.t}
	await := []string{`chat: node "` + name + `" is within reach`}
	for other, o := range c.nodes {
		await = append(await, `chat: node "`+other+`" is here`)
		o.await(`chat: node "` + name + `" is here`)
	}
	c.nodes[name] = n
	n.await(append(await, "chat: listening on ")...)
}

// await waits until the node has printed lines that begin with these texts, in any order.
func (n *process) await(texts ...string) {
	var seen []string
	defer func() {
		if len(texts) > 0 {
			n.t.Logf("missing are %q; there are %q", texts, seen)
		}
	}()
	for len(texts) > 0 {
		line := n.Line()
		seen = append(seen, line)
		if addr, ok := strings.CutPrefix(line, "chat: listening on "); ok {
			n.addr = addr
		}
		texts = slices.DeleteFunc(texts, func(text string) bool { return strings.HasPrefix(line, text) })
	}
}

// kill kills a node, and waits until the others say so.
func (c *cluster) kill(name string) {
	c.t.Helper()
	c.nodes[name].Signal(syscall.SIGKILL)
	c.nodes[name].Wait()
	delete(c.nodes, name)
	for _, o := range c.nodes {
		o.await(`chat: node "` + name + `" is gone: `)
	}
}

// stop stops a node in good order.
func (c *cluster) stop(name string) {
	c.t.Helper()
	n := c.nodes[name]
	if n == nil {
		return
	}
	delete(c.nodes, name)
	n.Signal(syscall.SIGTERM)
	if status, rest := n.Wait(); status != 0 {
		c.t.Errorf("node %s ends with status %d, %q", name, status, rest)
	}
	for _, o := range c.nodes {
		o.await(`chat: node "` + name + `" is gone: `)
	}
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// A person is somebody in the room of a node.
type person struct {
	t     *testing.T
	name  string
	conn  net.Conn
	lines chan string // that the person reads
}

// enter connects to a node. Lines that skip reports are not heard.
func (c *cluster) enter(node string, skip func(line string) bool) *person {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.nodes[node].addr)
	if err != nil {
		c.t.Fatal(err)
	}
	return newPerson(c.t, conn, node, skip)
}

// newPerson returns somebody who has connected to a node.
func newPerson(t *testing.T, conn net.Conn, node string, skip func(line string) bool) *person {
	t.Helper()
	p := &person{t: t, conn: conn, lines: make(chan string, 1000)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(p.lines)
		for in := bufio.NewScanner(conn); in.Scan(); {
			if line := in.Text(); skip == nil || !skip(line) {
				p.lines <- line
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		for range p.lines { // so that the goroutine above ends
		}
		<-read
	})
	line := p.line()
	name, ok := strings.CutPrefix(strings.TrimSuffix(line, "."), "You are ")
	if !ok || !strings.HasSuffix(name, "@"+node) {
		t.Fatalf("node %s says %q", node, line)
	}
	p.name = name
	return p
}

// line returns the next line, and "" if there are no more.
func (p *person) line() string {
	p.t.Helper()
	select {
	case line := <-p.lines:
		return line
	case <-time.After(patience):
		p.t.Fatalf("%s hears nothing more", p.name)
		return ""
	}
}

// hears expects that these lines come next, in any order, as those of different nodes do.
// Whether somebody arrived before the person did is the same.
func (p *person) hears(want ...string) {
	p.t.Helper()
	var got []string
	for range want {
		line := p.line()
		if who, ok := strings.CutSuffix(line, " is here."); ok {
			line = who + " arrived."
		}
		got = append(got, line)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		p.t.Errorf("%s hears\n%q\nnot\n%q", p.name, got, want)
	}
}

// says says a line in the room, which everybody hears next.
func (p *person) says(line string, all ...*person) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(line + "\n")); err != nil {
		p.t.Fatal(err)
	}
	for _, q := range all {
		q.hears(p.name + ": " + line)
	}
}

// disconnected expects that the connection of the person has ended, and nothing else.
func (p *person) disconnected() {
	p.t.Helper()
	if line := p.line(); line != "" {
		p.t.Errorf("%s hears %q, but is disconnected", p.name, line)
	}
}

// arrived and gone are what is heard of people.
func arrived(ps ...*person) (lines []string) {
	for _, p := range ps {
		lines = append(lines, p.name+" arrived.")
	}
	return lines
}

func (c *cluster) gone(ps ...*person) (lines []string) {
	for _, p := range ps {
		_, node, _ := strings.Cut(p.name, "@")
		lines = append(lines, p.name+c.killed+node+c.reason)
	}
	return lines
}
