package nats_test

import (
	"encoding/json"
	"errors"
	"flag"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/nats"
	"github.com/go-marketplace/marketplace/distributed/networktest"
)

// TestConfigErrors: the error says which field is wrong.
func TestConfigErrors(t *testing.T) {
	key := realmKey(t)
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	hub := open(t, nats.Config{Node: "hub", RealmKeyFile: key, Listen: ":0"})
	anna, err := hub.Member("anna")
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for want, c := range map[string]nats.Config{
		"node \"\"":         {RealmKeyFile: key},
		"256 bytes":         {RealmKeyFile: key, Node: strings.Repeat("x", 256)},
		"not UTF-8":         {RealmKeyFile: key, Node: "\xff"},
		"DialLimit is -1s":  {RealmKeyFile: key, Node: "a", DialLimit: -time.Second},
		"Buffer is 1 bytes": {RealmKeyFile: key, Node: "a", Buffer: 1},
		"without Listen":    {RealmKeyFile: key, Node: "a", URL: "nats://127.0.0.1:1", Listen: ":0"},
		"realm \"a.b\"":     {RealmKeyFile: key, Node: "a", Realm: "a.b"},
		"realm \"ö\"":       {RealmKeyFile: key, Node: "a", Realm: "ö"},
		"realm key":         {RealmKeyFile: key + "x", Node: "a"},
		"\"http://x\"":      {RealmKeyFile: key, Node: "a", URL: "http://x"},
		"leaf of: \"tls:":   {RealmKeyFile: key, Node: "a", LeafOf: "tls://"},
		"the port is no":    {RealmKeyFile: key, Node: "a", Listen: ":x"},
		"in use":            {RealmKeyFile: key, Node: "a", Listen: taken.Addr().String()},
		"credentials: ":     {Credentials: "secret"},
		"those of node \"anna\", and this is \"a\"": {Credentials: anna.Credentials, Node: "a"},
		"have no name":        {Credentials: string(seed)},
		"credentials with a":  {Credentials: string(seed), Node: "a", LeafOf: "tls://127.0.0.1:1"},
		"needs the realm key": {Credentials: string(seed), Node: "a", Listen: ":0"},
		"authority: there is": {RealmKeyFile: key, Node: "a", Authority: "x"},
	} {
		n, err := nats.Open(t.Context(), c)
		if err == nil {
			_ = n.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), "nats: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
		if err != nil && (strings.Contains(err.Error(), string(seed)) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%v: it has the credentials", err)
		}
	}
	leaf := open(t, anna)
	if _, err := leaf.Member("eve"); err == nil {
		t.Error("a node without the realm key issues credentials")
	}
	if _, err := leaf.Join(t.Context(), "eve"); err == nil {
		t.Error("a node joins one without the realm key")
	}
	if _, err := open(t, nats.Config{Node: "alone", RealmKeyFile: key}).Member("eve"); err == nil {
		t.Error("a node that listens nowhere has a member")
	}
}

// TestMemberIsPlainData: what a member needs survives being written and read.
func TestMemberIsPlainData(t *testing.T) {
	hub := open(t, nats.Config{Node: "hub", RealmKeyFile: realmKey(t), Listen: ":0"})
	c, err := hub.Member("anna")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var again nats.Config
	if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(c, again) {
		t.Errorf("%v has become %v, %v", c, again, err)
	}
}

// TestSeedByURL: a node takes part in a cluster of somebody else with the seed of a user, whom
// the server gives the permissions of the node.
func TestSeedByURL(t *testing.T) {
	users, seeds := serverUsers(t, "a", "b")
	s := startServer(t, "listen: \"127.0.0.1:-1\"\n"+users)
	networktest.Pair(t, []distributed.Network{
		open(t, nats.Config{Node: "a", URL: s.url, Credentials: seeds["a"]}),
		open(t, nats.Config{Node: "b", URL: s.url, Credentials: seeds["b"]}),
	})
	if _, err := nats.Open(t.Context(), nats.Config{Node: "a", URL: s.url, Credentials: seeds["b"]}); !errors.Is(err, distributed.ErrHandshake) {
		t.Errorf("with the seed of another node: %v; want ErrHandshake", err)
	}
}

// TestSmallServer: a server that takes no frames is refused at once.
func TestSmallServer(t *testing.T) {
	s := startServer(t, "listen: \"127.0.0.1:-1\"\nmax_payload: 100000\n")
	_, err := nats.Open(t.Context(), nats.Config{Node: "a", RealmKeyFile: realmKey(t), URL: s.url})
	if err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("%v; want one that names max_payload", err)
	}
}

// TestFlags: flags choose between direct links, a server in the process, a leaf, and a cluster.
func TestFlags(t *testing.T) {
	key, creds := realmKey(t), filepath.Join(t.TempDir(), "a.creds")
	if err := os.WriteFile(creds, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args string
		want nats.Config
		ok   bool
		err  string
	}{
		{args: "-node a -listen :0 -peers b=127.0.0.1:1"},
		{args: "-node a -nats embedded", ok: true, want: nats.Config{Node: "a"}},
		{args: "-node a -nats embedded -listen :0 -realm-key k", ok: true, want: nats.Config{Node: "a", Listen: ":0", RealmKeyFile: "k"}},
		{args: "-node a -leaf-of tls://h:1", ok: true, want: nats.Config{Node: "a", LeafOf: "tls://h:1"}},
		{args: "-nats nats://h:1 -creds " + creds + " -ca " + creds, ok: true, want: nats.Config{URL: "nats://h:1", Credentials: "text", Authority: "text"}},
		{args: "-node a -nats embedded -peers b=h:1", ok: true, err: "-peers"},
		{args: "-node a -nats embedded -cert c", ok: true, err: "-cert"},
		{args: "-node a -nats embedded -creds " + creds + "x", ok: true, err: "no such file"},
	} {
		var f nats.Flags
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		f.Register(fs)
		if err := fs.Parse(strings.Fields(test.args)); err != nil {
			t.Fatal(err)
		}
		c, ok, err := f.Config()
		if ok != test.ok || (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %v, %v", test.args, ok, err)
		}
		if ok && err == nil && !reflect.DeepEqual(c, test.want) {
			t.Errorf("%s: %+v; want %+v", test.args, c, test.want)
		}
	}
	for args, want := range map[string]string{"-node a": "tls \"a\"", "-node a -nats embedded": "nats \"a\""} {
		var f nats.Flags
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		f.Register(fs)
		if err := fs.Parse(append(strings.Fields(args), "-realm-key", key)); err != nil {
			t.Fatal(err)
		}
		n, end, err := f.Network(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n.NetworkName() != want {
			t.Errorf("%s: the network is %s", args, n.NetworkName())
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	}
}
