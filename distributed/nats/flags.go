package nats

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/go-marketplace/marketplace/distributed"
)

// Flags are flags of a program that is a node: on NATS if it is asked for, and otherwise on
// direct links, as with [distributed.LinkFlags].
type Flags struct {
	links        distributed.LinkFlags
	nats, leafOf string
	credentials  string
	set          *flag.FlagSet
}

// The value of the flag -nats for a server in the process of the node.
const embeddedURL = "embedded"

// Register adds the flags -nats, -leaf-of and -creds to fs, and those of [distributed.LinkFlags].
func (f *Flags) Register(fs *flag.FlagSet) {
	f.set = fs
	f.links.Register(fs)
	fs.StringVar(&f.nats, "nats", "", "the `URL` of a NATS server, or \"embedded\" for one in this process, at which others connect with -leaf-of")
	fs.StringVar(&f.leafOf, "leaf-of", "", "the `URL` of another node with -nats embedded and -listen: tls://host:port")
	fs.StringVar(&f.credentials, "creds", "", "a `file` with credentials for NATS, instead of a realm key")
}

// Config returns what the flags say, after they were parsed, and whether they ask for NATS. A
// program may change it, and pass it to [Open].
func (f *Flags) Config() (c Config, ok bool, err error) {
	t := f.links.Config()
	c = Config{Node: t.Node, LeafOf: f.leafOf, RealmKeyFile: t.RealmKeyFile}
	if f.nats == "" && f.leafOf == "" && f.credentials == "" {
		return c, false, nil
	}
	for _, other := range []string{"peers", "cert", "key"} {
		if f.given(other) {
			return c, true, fmt.Errorf("nats: the flag -%s is for direct links, and goes without -nats, -leaf-of and -creds", other)
		}
	}
	if f.nats != embeddedURL {
		c.URL = f.nats
	}
	if f.given("listen") {
		c.Listen = t.Listen
	}
	if c.Credentials, err = text(f.credentials); err == nil {
		c.Authority, err = text(t.AuthorityFile)
	}
	return c, true, err
}

// Network returns the network that the flags ask for, after they were parsed, and what closes it.
func (f *Flags) Network(ctx context.Context) (n distributed.Network, end func() error, err error) {
	c, ok, err := f.Config()
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		n, err = f.links.Network()
		return n, func() error { return nil }, err
	}
	on, err := Open(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	return on, on.Close, nil
}

// given reports whether a flag was set.
func (f *Flags) given(name string) (given bool) {
	f.set.Visit(func(g *flag.Flag) { given = given || g.Name == name })
	return given
}

// text returns what is in a file, or "" if there is no name.
func text(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("nats: %w", err)
	}
	return string(b), nil
}
