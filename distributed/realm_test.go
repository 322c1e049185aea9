package distributed_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/networktest"
)

// userFolder gives the process another configuration folder, and returns where the realm key
// is in it.
func userFolder(t *testing.T) (key string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
		t.Setenv(name, filepath.Join(dir, "not", "there"))
	}
	config, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(config, "marketplace", "realm.key")
}

// TestRealmKeyOfTheUser: nodes of one user find each other without any configuration.
func TestRealmKeyOfTheUser(t *testing.T) {
	path := userFolder(t)
	ns := nodesWith(t, []string{"a", "b"}, func(*distributed.TLSConfig) {})
	client, home := networktest.Pair(t, asNetworks(ns))
	if client.Peer() != "b" || home.Peer() != "a" {
		t.Errorf("the peers are %q and %q", client.Peer(), home.Peer())
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v; want the key alone", entries, err)
	}
	for path, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != want {
			t.Errorf("%s has mode %#o; want %#o", path, info.Mode().Perm(), want)
		}
	}
	key, err := os.ReadFile(path)
	if err != nil || len(bytes.TrimSpace(key)) != 64 {
		t.Errorf("the key is %q, %v; want 64 digits", key, err)
	}
	again := mustTLS(t, distributed.TLSConfig{Node: "c"})
	if again.Realm() != ns[0].Realm() {
		t.Errorf("the realm was %q, and is %q", ns[0].Realm(), again.Realm())
	}
}

// TestRealmKeyIsMadeOnce: nodes that start at once, in one process and in several, end with
// one key.
func TestRealmKeyIsMadeOnce(t *testing.T) {
	userFolder(t)
	var mu sync.Mutex
	realms := map[string]int{}
	add := func(realm string) {
		mu.Lock()
		defer mu.Unlock()
		realms[realm]++
	}
	var work sync.WaitGroup
	for range 5 {
		work.Go(func() {
			c := exec.Command(os.Args[0])
			c.Env = append(os.Environ(), realmVariable+"=1")
			out, err := c.Output()
			realm, _, ok := strings.Cut(string(out), "\n")
			if err != nil || !ok {
				t.Errorf("%v: %q", err, out)
			}
			add(realm)
		})
	}
	for range 20 {
		work.Go(func() {
			n, err := distributed.TLS(distributed.TLSConfig{Node: "a"})
			if err != nil {
				t.Error(err)
				return
			}
			add(n.Realm())
		})
	}
	work.Wait()
	if len(realms) != 1 {
		t.Errorf("the realms are %v; want one", realms)
	}
}

// printRealm is the main function of the other processes of TestRealmKeyIsMadeOnce.
func printRealm() {
	n, err := distributed.TLS(distributed.TLSConfig{Node: "a"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(n.Realm())
}

// TestRealmIsDerived: a key means the same realm on every machine, in every version. White
// space around it does not count.
func TestRealmIsDerived(t *testing.T) {
	key := strings.Repeat("0123456789abcdef", 2)
	for _, text := range []string{key, " " + key + "\r\n"} {
		n := mustTLS(t, distributed.TLSConfig{Node: "a", RealmKeyFile: keyFile(t, text)})
		if got := n.Realm(); got != "b8db12425963c3f7" {
			t.Errorf("the realm is %q", got)
		}
	}
	if n := mustTLS(t, distributed.TLSConfig{Node: "a", RealmKeyFile: keyFile(t, key+"0")}); n.Realm() == "b8db12425963c3f7" {
		t.Error("another key is of the same realm")
	}
}

// TestTLSConfigErrors: an error says what is wrong, and where.
func TestTLSConfigErrors(t *testing.T) {
	userFolder(t)
	key := keyFile(t, strings.Repeat("k", 32))
	p := newPKI(t)
	cert, private, root := p.files(t, p.issue(t, nil, "marketplace://r/a"))
	long := strings.Repeat("x", 256)
	for name, test := range map[string]struct {
		with  func(c *distributed.TLSConfig)
		texts []string
	}{
		"no node":         {func(c *distributed.TLSConfig) { c.Node = "" }, []string{`node ""`, "empty"}},
		"long node":       {func(c *distributed.TLSConfig) { c.Node = long }, []string{"node", "256", "255"}},
		"node not UTF-8":  {func(c *distributed.TLSConfig) { c.Node = "\xff" }, []string{"node", "UTF-8"}},
		"listen":          {func(c *distributed.TLSConfig) { c.Listen = "here" }, []string{"listen", "here", "missing port"}},
		"listen port":     {func(c *distributed.TLSConfig) { c.Listen = "here:70000" }, []string{"listen", "here:70000", "65535"}},
		"peer of no name": {func(c *distributed.TLSConfig) { c.Peers = map[string]string{"": "x:1"} }, []string{`peers: ""`, "empty"}},
		"own name":        {func(c *distributed.TLSConfig) { c.Peers = map[string]string{"a": "x:1"} }, []string{`peers: "a"`, "this node"}},
		"long peer":       {func(c *distributed.TLSConfig) { c.Peers = map[string]string{long: "x:1"} }, []string{"peers", "255"}},
		"address":         {func(c *distributed.TLSConfig) { c.Peers = map[string]string{"b": "x"} }, []string{`peers: "b"`, "x", "missing port"}},
		"host":            {func(c *distributed.TLSConfig) { c.Peers = map[string]string{"b": ":1"} }, []string{`peers: "b"`, `":1"`, "a host"}},
		"port":            {func(c *distributed.TLSConfig) { c.Peers = map[string]string{"b": "x:0"} }, []string{`peers: "b"`, `"x:0"`, "a port"}},
		"limit":           {func(c *distributed.TLSConfig) { c.HandshakeLimit = -1 }, []string{"HandshakeLimit", "-1ns"}},
		"handshakes":      {func(c *distributed.TLSConfig) { c.MaxHandshakes = -1 }, []string{"MaxHandshakes", "-1"}},
		"no file":         {func(c *distributed.TLSConfig) { c.RealmKeyFile = key + "x" }, []string{key + "x", "no such file", "openssl rand"}},
		"a folder":        {func(c *distributed.TLSConfig) { c.RealmKeyFile = filepath.Dir(key) }, []string{filepath.Dir(key), "regular"}},
		"short key":       {func(c *distributed.TLSConfig) { c.RealmKeyFile = keyFile(t, strings.Repeat("k", 31)) }, []string{"realm.key", "31", "32"}},
		"long key":        {func(c *distributed.TLSConfig) { c.RealmKeyFile = keyFile(t, strings.Repeat("k", 4097)) }, []string{"realm.key", "4096"}},
		"short RealmKey":  {func(c *distributed.TLSConfig) { c.RealmKey = []byte("short") }, []string{"RealmKey: the key has 5 bytes", "32"}},
		"two keys":        {func(c *distributed.TLSConfig) { c.RealmKey, c.RealmKeyFile = []byte(key), key }, []string{"a RealmKey as well as a RealmKeyFile"}},
		"cert alone":      {func(c *distributed.TLSConfig) { c.CertificateFile, c.KeyFile = cert, private }, []string{"authorities", "together"}},
		"authority alone": {func(c *distributed.TLSConfig) { c.AuthorityFile = root }, []string{"certificate", "together"}},
		"both": {func(c *distributed.TLSConfig) {
			c.CertificateFile, c.KeyFile, c.AuthorityFile, c.RealmKeyFile = cert, private, root, key
		}, []string{"a realm key as well as a certificate"}},
		"no cert file": {func(c *distributed.TLSConfig) {
			c.CertificateFile, c.KeyFile, c.AuthorityFile = cert+"x", private, root
		}, []string{cert + "x", "no such file"}},
		"no key file": {func(c *distributed.TLSConfig) {
			c.CertificateFile, c.KeyFile, c.AuthorityFile = cert, private+"x", root
		}, []string{private + "x", "no such file"}},
		"no ca file": {func(c *distributed.TLSConfig) {
			c.CertificateFile, c.KeyFile, c.AuthorityFile = cert, private, root+"x"
		}, []string{root + "x", "no such file"}},
		"bad ca file": {func(c *distributed.TLSConfig) { c.CertificateFile, c.KeyFile, c.AuthorityFile = cert, private, private }, []string{private, "no certificate"}},
		"other node":  {func(c *distributed.TLSConfig) { *c = p.node(t, "r", "b"); c.Node = "a" }, []string{`"b"`, `"a"`}},
		"no name":     {func(c *distributed.TLSConfig) { c.Certificate, c.Authorities = p.issue(t, nil), p.pool }, []string{"names 0 nodes"}},
		"stranger":    {func(c *distributed.TLSConfig) { *c = p.node(t, "r", "a"); c.Authorities = newPKI(t).pool }, []string{"other nodes would refuse it", "authority"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := distributed.TLSConfig{Node: "a"}
			test.with(&c)
			_, err := distributed.TLS(c)
			if err == nil || !strings.HasPrefix(err.Error(), "distributed: TLS: ") || !containsAll(err.Error(), test.texts) {
				t.Errorf("the error is %v; want %q in it", err, test.texts)
			}
		})
	}
}

// TestRealmKeyIsPrivate: a key that others may read is refused.
func TestRealmKeyIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes")
	}
	for mode, ok := range map[fs.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false, 0o700: false} {
		path := keyFile(t, strings.Repeat("k", 32))
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := distributed.TLS(distributed.TLSConfig{Node: "a", RealmKeyFile: path})
		if ok != (err == nil) || err != nil && !containsAll(err.Error(), []string{path, "mode", "chmod 600"}) {
			t.Errorf("mode %#o: %v", mode, err)
		}
	}
	path := keyFile(t, strings.Repeat("k", 32))
	if err := os.Chown(path, 1+os.Geteuid(), -1); err != nil {
		t.Skip("only root can give a file to another user")
	}
	if _, err := distributed.TLS(distributed.TLSConfig{Node: "a", RealmKeyFile: path}); err == nil || !containsAll(err.Error(), []string{path, "belongs to user"}) {
		t.Errorf("a key of another user: %v", err)
	}
}

// TestLinkFlags: the flags make networks that reach each other.
func TestLinkFlags(t *testing.T) {
	p := newPKI(t)
	network := func(args ...string) (distributed.Network, error) {
		var f distributed.LinkFlags
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		f.Register(fs)
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		return f.Network()
	}
	must := func(args ...string) distributed.Network {
		n, err := network(args...)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	cert, key, root := p.files(t, p.issue(t, nil, "marketplace://r/b"))
	certA, keyA, rootA := p.files(t, p.issue(t, nil, "marketplace://r/a"))
	realmKey := keyFile(t, strings.Repeat("k", 32))
	at := freeAddress(t)
	for _, ns := range [][]distributed.Network{
		{must("-node", "a", "-realm-key", realmKey, "-peers", "c=x:1,b="+at), must("-node=b", "-realm-key="+realmKey, "-listen="+at)},
		{must("-peers=b="+at, "-cert="+certA, "-key="+keyA, "-ca="+rootA), must("-node=b", "-listen="+at, "-cert="+cert, "-key="+key, "-ca="+root)},
	} {
		t.Run("", func(t *testing.T) { networktest.Pair(t, ns) })
	}
	for want, args := range map[string][]string{
		"node":                       {},
		`"b"`:                        {"-node=a", "-peers=b"},
		`node "b" has two addresses`: {"-node=a", "-peers=b=x:1,b=y:1"},
		"no such file":               {"-node=a", "-realm-key=" + realmKey + "x"},
	} {
		if n, err := network(args...); err == nil || !strings.Contains(err.Error(), want) || n != nil {
			t.Errorf("%q: %v, %v; want %q", args, n, err, want)
		}
	}
}
