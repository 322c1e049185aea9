package distributed

import (
	"flag"
	"fmt"
	"strings"
)

// LinkFlags are flags of a program that is a node on a [TLSNetwork].
type LinkFlags struct {
	config TLSConfig
	peers  peersFlag
}

// Register adds the flags -node, -listen, -peers, -realm-key, -cert, -key and -ca to fs. They
// are the fields of a [TLSConfig].
func (f *LinkFlags) Register(fs *flag.FlagSet) {
	c := &f.config
	fs.StringVar(&c.Node, "node", "", "the `name` of this node")
	fs.StringVar(&c.Listen, "listen", "127.0.0.1:0", "the `address` where this node can be reached, host:port")
	fs.Var(&f.peers, "peers", "the `addresses` of other nodes: name=host:port, with commas between")
	fs.StringVar(&c.RealmKeyFile, "realm-key", "", "the `file` with the realm key (default: that of the user)")
	fs.StringVar(&c.CertificateFile, "cert", "", "a `file` with a certificate, instead of a realm key")
	fs.StringVar(&c.KeyFile, "key", "", "the `file` with the key of the certificate")
	fs.StringVar(&c.AuthorityFile, "ca", "", "the `file` with the certificates of the authorities to trust")
}

// Config returns what the flags say, after they were parsed. A program may change it, and pass
// it to [TLS].
func (f *LinkFlags) Config() TLSConfig {
	c := f.config
	c.Peers = f.peers
	return c
}

// Network returns the network that the flags ask for, after they were parsed.
func (f *LinkFlags) Network() (Network, error) {
	n, err := TLS(f.Config())
	if err != nil {
		return nil, err
	}
	return n, nil
}

// peersFlag is a [flag.Value] of addresses by the names of nodes.
type peersFlag map[string]string

// String implements [flag.Value].
func (p *peersFlag) String() string { return "" }

// Set implements [flag.Value].
func (p *peersFlag) Set(text string) error {
	if *p == nil {
		*p = peersFlag{}
	}
	for part := range strings.SplitSeq(text, ",") {
		node, at, ok := strings.Cut(part, "=")
		switch {
		case !ok:
			return fmt.Errorf("%q is not of the form name=host:port", part)
		case (*p)[node] != "":
			return fmt.Errorf("node %q has two addresses", node)
		}
		(*p)[node] = at
	}
	return nil
}
