package nats

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/realm"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/internal/applog"
)

// A Network is the [distributed.Network] that [Open] returns.
type Network struct {
	config Config
	id     identity
	prefix string // of all subjects of the realm
	token  string // of this node
	log    *slog.Logger
	flush  func()
	own    *embedded // nil if the server is elsewhere
	guest  bool      // the server is that of another Network in this process
	conn   *client.Conn

	done chan struct{} // closed by Close
	once sync.Once
	work sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	peers   map[string]*peer
	idle    int // peers without a user
	age     uint64
	dials   map[string]*dial // by the ids of their links
	links   map[linkKey]*link
	offers  map[string]*offer // by the tokens of their places
	watches map[*watch]bool
}

// refusalBurst is how many warnings of a sort are logged in a minute.
const refusalBurst = 10

// pingInterval is how often a connection to a server is tested, twice, before it is given up.
// The links on it have ended long before, by their leases.
const pingInterval = 5 * time.Second

// errLate is the cause with which something that takes too long is cancelled.
var errLate = errors.New("late")

// Open makes a node a part of a network. It starts the server of the node, if it is to have one,
// and connects. After Open has returned, ctx has no meaning, and a connection that is lost is
// made again.
//
// The error says which field of c is wrong, or why there is no connection:
// [distributed.ErrRealm] if the server has another realm key, [distributed.ErrHandshake] if it
// refuses the credentials.
func Open(ctx context.Context, c Config) (*Network, error) {
	n, err := open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	return n, nil
}

func open(ctx context.Context, c Config) (n *Network, err error) {
	if c, err = c.settled(); err != nil {
		return nil, err
	}
	id, err := c.identity()
	if err != nil {
		return nil, err
	}
	n = newNetwork(c, id)
	if err := n.openLog(); err != nil {
		return nil, err
	}
	if c.URL == "" {
		if n.own, err = c.start(ctx, id, n.log); err != nil {
			return nil, err
		}
	}
	return n, n.begin(ctx)
}

func newNetwork(c Config, id identity) *Network {
	return &Network{
		config: c, id: id, prefix: prefix + id.realm, token: token(id.node),
		done:  make(chan struct{}),
		peers: map[string]*peer{}, dials: map[string]*dial{}, links: map[linkKey]*link{},
		offers: map[string]*offer{}, watches: map[*watch]bool{},
	}
}

// Join makes another node a part of the network, in this process: it uses the server of n, or
// the one to which n connects. It needs the realm key of n. Close it before n.
func (n *Network) Join(ctx context.Context, node string) (*Network, error) {
	c := n.config
	c.Node, c.Listen, c.LeafOf = node, "", ""
	if n.id.authority == nil {
		return nil, fmt.Errorf("nats: node %q cannot join node %q, which has no realm key", node, n.id.node)
	}
	if n.own == nil {
		return Open(ctx, c)
	}
	if err := realm.ValidNode(node); err != nil {
		return nil, fmt.Errorf("nats: node %q: %w", node, err)
	}
	id, err := c.identity()
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	m := newNetwork(c, id)
	m.own, m.guest, m.log, m.flush = n.own, true, n.log, func() {}
	if err := m.begin(ctx); err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	return m, nil
}

// begin connects to the server.
func (n *Network) begin(ctx context.Context) error {
	if err := n.connect(ctx); err != nil {
		n.once.Do(func() {
			close(n.done)
			n.stop()
		})
		return err
	}
	n.work.Go(n.announceAll)
	return nil
}

func (n *Network) openLog() (err error) {
	l := n.config.Logger
	if l == nil {
		if l, _, n.flush, err = applog.FromEnvironment(); l == nil {
			l = slog.New(slog.DiscardHandler)
		}
		if n.flush == nil {
			n.flush = func() {}
		}
		n.log = l
		return err
	}
	repeats := applog.Counting(l.Handler(), refusalBurst)
	n.log, n.flush = slog.New(repeats), repeats.Flush
	return nil
}

// tls returns the settings for connections to servers.
func (id identity) tls(servers []*url.URL) *tls.Config {
	var own *x509.Certificate
	if id.authority != nil && id.authority.tls != nil {
		own = id.authority.tls.Certificate
	}
	var addresses []string
	for _, u := range servers {
		if net.ParseIP(u.Hostname()) != nil {
			addresses = append(addresses, u.Hostname())
		}
	}
	return trust(own, id.trusted, addresses)
}

// connect connects to the server.
func (n *Network) connect(ctx context.Context) error {
	c := n.config
	d := dialer{limit: c.DialLimit, buffer: c.Buffer}
	options := []client.Option{
		client.Name(n.token), client.SetCustomDialer(d), client.Timeout(c.DialLimit), client.WriteBufferSize(1),
		client.MaxReconnects(-1), client.ReconnectWait(leafPause), client.ReconnectJitter(leafPause, leafPause),
		client.ReconnectBufSize(-1), client.IgnoreAuthErrorAbort(), client.NoEcho(),
		client.MaxPingsOutstanding(2), client.PingInterval(pingInterval),
		client.DisconnectErrHandler(n.disconnected), client.ReconnectHandler(n.reconnected), client.ErrorHandler(n.failed),
	}
	at := c.URL
	if n.own != nil {
		d.inside = n.own.Server
		local := n.id
		if n.id.authority == nil { // its own server does not know the authority of its credentials
			var err error
			if local, err = n.own.admits.local(n.id); err != nil {
				return err
			}
		}
		// A connection within the process does not break: see patience.
		options = append(options, client.InProcessServer(d), client.PingInterval(0), local.login())
	} else {
		us, err := addresses(at)
		if err != nil {
			return fmt.Errorf("URL: %w", err)
		}
		if us[0].User == nil {
			options = append(options, n.id.login())
		}
		if us[0].Scheme == "tls" || us[0].Scheme == "wss" {
			options = append(options, client.Secure(n.id.tls(us)))
		} else {
			options = append(options, func(o *client.Options) error { o.TLSConfig = n.id.tls(us); return nil })
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	conn, err := client.Connect(at, options...)
	if err != nil {
		return explain(at, err)
	}
	n.conn = conn
	if most := conn.MaxPayload(); most < wire.MaxFrame {
		return fmt.Errorf("%s: the server takes messages of %d bytes (max_payload), and at least %d are needed", redacted(at), most, wire.MaxFrame)
	}
	_, err = conn.Subscribe(n.prefix+".knock."+n.token, n.knocked)
	if err == nil {
		_, err = conn.Subscribe(n.prefix+".who.*", n.asked)
	}
	if err == nil {
		err = conn.FlushTimeout(c.DialLimit)
	}
	if err == nil {
		err = conn.LastError() // a subscription that is not permitted
	}
	if err != nil {
		return explain(at, err)
	}
	return nil
}

// explain returns the reason for which there is no connection to a server.
func explain(at string, err error) error {
	if at == "" {
		at = "the server of this node"
	}
	switch text := err.Error(); {
	case errors.Is(err, distributed.ErrRealm):
	case errors.Is(err, client.ErrAuthorization), errors.Is(err, client.ErrPermissionViolation), strings.Contains(strings.ToLower(text), "permissions violation"):
		err = fmt.Errorf("%w: the server refuses the credentials of this node: %w", distributed.ErrHandshake, err)
	}
	return fmt.Errorf("%s: %w", redacted(at), err)
}

// redacted returns the text of URLs without their passwords.
func redacted(at string) string {
	us, err := addresses(at)
	if err != nil {
		return at
	}
	texts := make([]string, len(us))
	for i, u := range us {
		texts[i] = u.Redacted()
	}
	return strings.Join(texts, ",")
}

// disconnected ends all links, because the connection to the server has ended.
func (n *Network) disconnected(_ *client.Conn, err error) {
	if err == nil {
		err = net.ErrClosed
	}
	n.endLinks(fmt.Errorf("nats: the connection to the server has ended: %w", err))
	select {
	case <-n.done:
	default:
		n.log.Warn("nats: the connection to the server has ended; connecting again", slog.String("node", n.id.node), slog.Any("reason", err))
	}
}

func (n *Network) reconnected(*client.Conn) {
	n.log.Info("nats: there is a connection to the server again", slog.String("node", n.id.node))
}

// failed logs what package nats reports, such as subjects that are not permitted.
func (n *Network) failed(_ *client.Conn, s *client.Subscription, err error) {
	var subject string
	if s != nil {
		subject = s.Subject
	}
	n.log.Warn("nats: the server reports an error", slog.String("node", n.id.node), slog.String("subject", subject), slog.Any("reason", err))
}

func (n *Network) endLinks(reason error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.links {
		l.end(reason)
	}
}

// NetworkName implements [distributed.Network].
func (n *Network) NetworkName() string { return fmt.Sprintf("nats %q", n.id.node) }

// Node implements [distributed.Network].
func (n *Network) Node() string { return n.id.node }

// Realm returns the name of the realm of this node, which is no secret.
func (n *Network) Realm() string { return n.id.realm }

// URL returns where the servers of other nodes can connect to that of this one, for
// [Config].LeafOf. It is empty unless the node listens.
func (n *Network) URL() string {
	if n.own == nil {
		return ""
	}
	return n.own.url
}

// Member returns what another node needs to take part as a leaf of this one, or of its hub, or as
// a client of its server: credentials for that node alone, and where to connect. It is plain data,
// and secret. It needs the realm key of n, and a server that the other node can reach.
func (n *Network) Member(node string) (Config, error) {
	c := Config{Node: node, URL: n.config.URL, LeafOf: n.URL(), Realm: n.id.realm, DialLimit: n.config.DialLimit, Buffer: n.config.Buffer}
	if c.LeafOf == "" && c.URL == "" {
		c.LeafOf = n.config.LeafOf
	}
	if c.LeafOf == "" && c.URL == "" {
		return Config{}, fmt.Errorf("nats: node %q listens nowhere, so node %q cannot connect to it; set Listen", n.id.node, node)
	}
	if err := realm.ValidNode(node); err != nil {
		return Config{}, fmt.Errorf("nats: node %q: %w", node, err)
	}
	a := n.id.authority
	if a == nil {
		return Config{}, fmt.Errorf("nats: node %q has no realm key, so it issues no credentials for node %q", n.id.node, node)
	}
	var err error
	if c.Credentials, err = a.issue(n.id.realm, node); err != nil {
		return Config{}, fmt.Errorf("nats: issuing credentials: %w", err)
	}
	c.Authority = n.config.Authority + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.tls.Certificate.Raw}))
	return c, nil
}

// Close ends the network: all links, offers and watches, the connection, and the server of the
// node. It waits for at most half a second until what was sent is on its way. A second call does
// nothing.
func (n *Network) Close() error {
	n.once.Do(func() {
		n.mu.Lock()
		n.closed = true
		close(n.done)
		for _, o := range n.offers {
			o.end(net.ErrClosed)
		}
		for w := range n.watches {
			w.end()
		}
		n.mu.Unlock()
		_ = n.conn.FlushTimeout(parting)
		n.endLinks(fmt.Errorf("nats: node %q has left the network: %w", n.id.node, net.ErrClosed))
		n.stop()
	})
	return nil
}

// stop ends the connection and the server.
func (n *Network) stop() {
	if n.conn != nil {
		n.conn.Close()
	}
	n.work.Wait()
	if n.own != nil && !n.guest {
		n.own.stop()
	}
	n.flush()
}

// publish sends a message. It does not wait.
func (n *Network) publish(subject string, data []byte) error { return n.conn.Publish(subject, data) }
