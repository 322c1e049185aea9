package nats

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
)

// kind is the kind of networks of this package, for nodes that are started.
const kind = "nats"

// Found implements [node.Founder]: nodes that are started from this one are leaves of its
// server, or of its hub, or clients of its server. They listen nowhere.
func (n *Network) Found(name, listen string) (string, []byte, error) {
	if listen != "" {
		return "", nil, fmt.Errorf("nats: node %q is to listen on %s, but nodes on NATS listen nowhere", name, listen)
	}
	c, err := n.Member(name)
	if err != nil {
		return "", nil, err
	}
	text, err := json.Marshal(c)
	return kind, text, err
}

func init() {
	node.RegisterNetwork(kind, func(name string, config []byte) (distributed.Network, error) {
		var c Config
		if err := json.Unmarshal(config, &c); err != nil {
			return nil, err
		}
		c.Node = name
		n, err := Open(context.Background(), c)
		if err != nil {
			return nil, err
		}
		return n, nil
	})
}
