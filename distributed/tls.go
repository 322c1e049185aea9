package distributed

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/realm"
	"github.com/go-marketplace/marketplace/internal/applog"
)

// A TLSConfig says how a node reaches others over [TLS], and how it proves who it is.
//
// If it has no credentials, the node belongs to the realm of its user: the realm key is in
// the file marketplace/realm.key in the user's configuration folder ([os.UserConfigDir]), and
// the first node makes it. So nodes of one user on one machine need no credentials. For nodes
// of several users or machines, copy a realm key, and name the file; or have certificates.
type TLSConfig struct {
	// Node is the name of this node. It may be empty if a certificate has it.
	Node string

	// Listen is the address to listen on for links to places, host:port. A host that is
	// empty is 127.0.0.1, so only programs on this machine can connect; name another one, as
	// in 0.0.0.0:7100, for others. Port 0 is one that is free. The default is 127.0.0.1:0.
	Listen string

	// Peers has the addresses of other nodes, host:port, by their names. A node that only
	// dials, or is only dialed, need not be there on the other side. [TLSNetwork.Meet] adds others.
	Peers map[string]string

	// RealmKeyFile is a file with the realm key: a text of at least 32 bytes, which nobody
	// but the user of this process may read. It never leaves the machine: each node
	// derives the authority of the realm from it, and issues its own certificate.
	RealmKeyFile string

	// RealmKey is the realm key itself, of at least 32 bytes, instead of a file: for
	// nodes that get it from elsewhere, or for a realm that ends with this program.
	RealmKey []byte

	// Certificate, or CertificateFile and KeyFile, which are in PEM form, are a
	// certificate of one's own instead of a realm key. It is for the use by clients and
	// servers, and has a URI marketplace://realm/node among its names. Nodes talk to each
	// other if their realms are equal.
	Certificate              tls.Certificate
	CertificateFile, KeyFile string

	// Authorities, or AuthorityFile, which is in PEM form, are the authorities of the
	// certificates of all nodes. A certificate of one's own needs them.
	Authorities   *x509.CertPool
	AuthorityFile string

	// HandshakeLimit is how long it may take until a link is there, on both sides. The
	// default is 5 s.
	HandshakeLimit time.Duration

	// MaxHandshakes is how many connections may be in the handshake at once. If there are
	// more, the oldest gives way. The default is 256.
	MaxHandshakes int

	// Logger has the connections that are refused, each as a warning, at most 10 of each
	// sort in a minute; others are counted, and the next one has their number in its
	// attribute "repeated". The default logs to standard error what the environment
	// variable MARKETPLACE_LOG asks for, as the ground does.
	Logger *slog.Logger
}

// refusalBurst is how many refusals of a sort are logged in a minute.
const refusalBurst = 10

// A TLSNetwork is the [Network] that [TLS] returns.
//
// It has one listener for all places of the node, from the first Offer on until the last is
// closed. What is no node of the realm costs the listener a handshake, and a warning.
type TLSNetwork struct {
	credentials
	asServer, asClient *tls.Config
	listen             string
	peers              *peers
	limit              time.Duration
	most               int
	log                *slog.Logger
	flush              func()
	refused            atomic.Uint64
	portable           bool // see newTLSCarrier
	listenOn           func(context.Context, string) (net.Listener, error)

	opening sync.Mutex // held to open and to close the listener

	mu       sync.Mutex
	offers   map[string]*tlsOffer
	listener *tlsListener // nil unless something is offered
}

// TLS returns a network of direct connections with TLS 1.3, on which both sides prove who
// they are. It is for few nodes, whose addresses are known: it never finds nodes, and passes
// nothing on.
//
// It reads the credentials. The error says which field of c, or which file, is wrong.
func TLS(c TLSConfig) (*TLSNetwork, error) {
	n, err := newTLS(c)
	if err != nil {
		return nil, fmt.Errorf("distributed: TLS: %w", err)
	}
	return n, nil
}

func newTLS(c TLSConfig) (n *TLSNetwork, err error) {
	n = &TLSNetwork{
		peers:  newPeers(c.Peers),
		limit:  c.HandshakeLimit,
		most:   c.MaxHandshakes,
		offers: map[string]*tlsOffer{},
		listenOn: func(ctx context.Context, at string) (net.Listener, error) {
			c := net.ListenConfig{KeepAlive: -1} // a session has a lease
			return c.Listen(ctx, "tcp", at)
		},
	}
	if c.Node != "" || c.Certificate.Certificate == nil && c.CertificateFile == "" {
		if err := realm.ValidNode(c.Node); err != nil {
			return nil, fmt.Errorf("node %q: %w", c.Node, err)
		}
	}
	if n.listen, err = listenAddress(c.Listen); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	switch {
	case n.limit < 0:
		return nil, fmt.Errorf("HandshakeLimit is %v", n.limit)
	case n.limit == 0:
		n.limit = 5 * time.Second
	}
	switch {
	case n.most < 0:
		return nil, fmt.Errorf("MaxHandshakes is %d", n.most)
	case n.most == 0:
		n.most = 256
	}
	if n.credentials, err = c.credentials(); err != nil {
		return nil, err
	}
	for _, node := range slices.Sorted(maps.Keys(c.Peers)) {
		if err := n.checkPeer(node, c.Peers[node]); err != nil {
			return nil, fmt.Errorf("peers: %q: %w", node, err)
		}
	}
	n.asServer, n.asClient = n.server(), n.client()
	return n, n.openLog(c.Logger)
}

func (n *TLSNetwork) openLog(l *slog.Logger) (err error) {
	if l == nil {
		if l, _, n.flush, err = applog.FromEnvironment(); l == nil {
			l = slog.New(slog.DiscardHandler)
		}
		n.log = l
		return err
	}
	repeats := applog.Counting(l.Handler(), refusalBurst)
	n.log, n.flush = slog.New(repeats), repeats.Flush
	return nil
}

func listenAddress(a string) (string, error) {
	if a == "" {
		a = ":0"
	}
	host, port, err := splitAddress(a)
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), err
}

func splitAddress(a string) (host, port string, err error) {
	if host, port, err = net.SplitHostPort(a); err != nil {
		return "", "", err
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", "", fmt.Errorf("address %q: the port is no number from 0 to 65535", a)
	}
	return host, port, nil
}

// NetworkName implements [Network].
func (n *TLSNetwork) NetworkName() string { return fmt.Sprintf("tls %q", n.node) }

// Node implements [Network].
func (n *TLSNetwork) Node() string { return n.node }

// Realm returns the name of the realm of this node, which is no secret: nodes with the same
// realm key have the same.
func (n *TLSNetwork) Realm() string { return n.realm }

// Refused returns how many connections this node has refused.
func (n *TLSNetwork) Refused() uint64 { return n.refused.Load() }

// Addr returns the address on which the node listens. It is nil unless a place is offered.
func (n *TLSNetwork) Addr() net.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listener == nil {
		return nil
	}
	return n.listener.socket.Addr()
}

// Dial implements [Network].
func (n *TLSNetwork) Dial(ctx context.Context, node, _ string) (Link, error) {
	at, known := n.peers.address(node)
	if !known {
		nodes, _ := n.peers.nodes()
		return nil, fmt.Errorf("%w: %q; node %q knows %q", ErrUnknownNode, node, n.node, nodes)
	}
	l, err := n.connect(ctx, node, at)
	if err != nil {
		return nil, fmt.Errorf("dialing node %q at %s: %w", node, at, err)
	}
	return l, nil
}

// Watch implements [Network]: the nodes are those whose addresses are known.
func (n *TLSNetwork) Watch(context.Context, string) (Watch, error) {
	return &peersWatch{peers: n.peers, closed: make(chan struct{})}, nil
}
