package node

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
)

// variable is the variable of the environment that makes a process a node.
const variable = "MARKETPLACE_NODE"

// version is the version of what a parent and a node write to each other.
const version = 1

// maxLine bounds a line that a node or its parent writes for the other, in bytes.
const maxLine = 1 << 20

// A bootstrap is the first line of the standard input of a node. It has secrets, which are
// neither in arguments nor in the environment.
type bootstrap struct {
	Version   int
	Token     string // of the line that says that the node is ready
	Node      string
	Parent    string
	Kind      string          // of the network
	Network   json.RawMessage // for the function of that kind
	Heartbeat time.Duration
	Lease     time.Duration
	Window    int
	Outlive   time.Duration
	Admission distributed.Admission `json:",omitempty"`
}

// An order is a later line of the standard input of a node.
type order struct {
	Meet    string `json:",omitempty"` // the name of a node
	Address string `json:",omitempty"` // where it listens; empty if it has gone
	Stop    bool   `json:",omitempty"` // end in good order
}

// ready returns how the line begins with which a node says that it can be reached. All else
// in its standard output is what its programs print. They do not know the token, and others
// whose texts they print do not, either.
func ready(token string) string { return "marketplace-node-ready " + token + " " }

// A readiness follows in the line.
type readiness struct {
	Address string `json:",omitempty"`
}

// A Founder is a network on which a node can start others. If nodes of the network need each
// other's addresses, it has methods Meet and Forget, as [distributed.TLSNetwork] has.
type Founder interface {
	distributed.Network

	// Found returns what a new node needs to make its network: the kind of the network
	// ([RegisterNetwork]) and JSON for the function of that kind, which can have secrets.
	// The node listens on an address as [Launcher.Listen] says.
	Found(node, listen string) (kind string, config []byte, err error)
}

// meet tells a network where another node listens, or, if the address is empty, that it has
// gone.
func meet(n distributed.Network, node, address string) error {
	l, ok := n.(interface {
		Meet(node, address string) error
		Forget(node string)
	})
	switch {
	case !ok:
		return nil
	case address == "":
		l.Forget(node)
		return nil
	}
	return l.Meet(node, address)
}

// networks has the functions that make networks, by their kinds.
var networks sync.Map // of string func(node string, config []byte) (distributed.Network, error)

// RegisterNetwork registers how a node that was started makes its network. The kind is that
// of [Founder.Found], and config what that has returned. Call it in an init function. It
// panics if the kind is empty or taken.
func RegisterNetwork(kind string, make func(node string, config []byte) (distributed.Network, error)) {
	if _, taken := networks.LoadOrStore(kind, make); taken || kind == "" || make == nil {
		panic(fmt.Sprintf("node: RegisterNetwork(%q): the kind is empty or taken, or there is no function", kind))
	}
}

// founder returns the network of c as one on which nodes can be started: one that is solo, or
// one that is not.
func (c *Config) founder(solo bool) (Founder, error) {
	switch n := c.Network.(type) {
	case *distributed.TLSNetwork:
		return tlsFounder{n, func(node string) bool { return solo || c.isSolo(node) }}, nil
	case Founder:
		if solo {
			return nil, fmt.Errorf("%w: a %T finds its nodes by itself, so none of them is solo", ErrLaunch, n)
		}
		return n, nil
	}
	return nil, fmt.Errorf("%w: nodes cannot be started on a network that is a %T", ErrLaunch, c.Network)
}

func (c *Config) isSolo(node string) bool {
	_, solo := c.solos.Load(node)
	return solo
}

// A tlsFounder is the Founder of direct links.
type tlsFounder struct {
	*distributed.TLSNetwork
	hides func(node string) bool // whose address a new node does not learn
}

// A tlsConfig is the configuration of direct links, as a parent gives it to a node.
type tlsConfig struct {
	Credentials distributed.Credentials
	Listen      string
	Peers       map[string]string
}

func (f tlsFounder) Found(node, listen string) (string, []byte, error) {
	k, err := f.Issue(node)
	if err != nil {
		return "", nil, err
	}
	peers := f.Peers()
	maps.DeleteFunc(peers, func(n, _ string) bool { return n == node || f.hides(n) }) // node: from a life before
	if at := f.Addr(); at != nil {
		peers[f.Node()] = at.String()
	}
	text, err := json.Marshal(tlsConfig{k, listen, peers})
	return "tls", text, err
}

func init() {
	RegisterNetwork("tls", func(node string, config []byte) (distributed.Network, error) {
		var c tlsConfig
		if err := json.Unmarshal(config, &c); err != nil {
			return nil, err
		}
		t, err := c.Credentials.Use(distributed.TLSConfig{Node: node, Listen: c.Listen, Peers: maps.Clone(c.Peers)})
		if err != nil {
			return nil, err
		}
		n, err := distributed.TLS(t)
		if err != nil {
			return nil, err
		}
		return n, nil
	})
}

// errBootstrap says that a node cannot be what its parent wants.
var errBootstrap = errors.New("node: the parent wants what this program does not have")

// open makes the Config of a node.
func (b bootstrap) open(programs []Program) (*Config, error) {
	if b.Version != version {
		return nil, fmt.Errorf("node: the parent speaks version %d of the bootstrap, and this is version %d: both need the same version of the program", b.Version, version)
	}
	f, ok := networks.Load(b.Kind)
	if !ok {
		return nil, fmt.Errorf("node: this program knows no network of the kind %q; does it import the package?", b.Kind)
	}
	if err := checkAdmission(errBootstrap, b.Admission); err != nil {
		return nil, err
	}
	n, err := f.(func(string, []byte) (distributed.Network, error))(b.Node, b.Network)
	if err != nil {
		return nil, fmt.Errorf("node: making the network: %w", err)
	}
	c := New(n, programs...)
	c.Heartbeat, c.Lease, c.Window, c.Outlive, c.Admission = b.Heartbeat, b.Lease, b.Window, b.Outlive, b.Admission
	return c, nil
}

// address returns where a network listens, or "".
func address(n distributed.Network) string {
	if l, ok := n.(interface{ Addr() net.Addr }); ok {
		if at := l.Addr(); at != nil {
			return at.String()
		}
	}
	return ""
}

// readLine reads a line of JSON.
func readLine(r *bufio.Reader, v any) error {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("a line has more than %d bytes", maxLine)
	case err != nil:
		return err
	}
	return json.Unmarshal(line, v)
}

// writeLine writes a line of JSON.
func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// readReady returns the readiness at the end of a line of the output, if there is one, and
// what a program has printed before it without the end of a line.
func readReady(line, token string) (before string, r readiness, ok bool) {
	before, text, ok := strings.Cut(line, ready(token))
	return before, r, ok && json.Unmarshal([]byte(text), &r) == nil
}
