package distributed_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A veth is a pair of network interfaces in two namespaces, that the test has made.
type veth struct {
	t             *testing.T
	namespaces    [2]string
	names         [2]string
	homeAddress   string
	clientAddress string
}

// newVeth makes one, where it can.
func newVeth(t *testing.T) *veth {
	if testing.Short() {
		t.Skip("it starts processes: not with -short")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root makes network namespaces")
	}
	w := &veth{t: t, homeAddress: "10.213.77.1", clientAddress: "10.213.77.2"}
	for i, side := range []string{"h", "c"} {
		w.namespaces[i] = fmt.Sprintf("mp%d%s", os.Getpid(), side)
		w.names[i] = fmt.Sprintf("mp%d%s", os.Getpid()%100_000, side)
		if out, err := exec.Command("ip", "netns", "add", w.namespaces[i]).CombinedOutput(); err != nil {
			t.Skipf("ip makes no network namespace: %v: %s", err, out)
		}
		t.Cleanup(func() { w.ip("netns", "del", w.namespaces[i]) })
	}
	if out, err := exec.Command("ip", "link", "add", w.names[0], "netns", w.namespaces[0], "type", "veth", "peer", "name", w.names[1], "netns", w.namespaces[1]).CombinedOutput(); err != nil {
		t.Skipf("ip makes no pair of interfaces: %v: %s", err, out)
	}
	for i, address := range []string{w.homeAddress, w.clientAddress} {
		w.ip("-n", w.namespaces[i], "addr", "add", address+"/24", "dev", w.names[i])
		w.ip("-n", w.namespaces[i], "link", "set", "lo", "up")
		w.ip("-n", w.namespaces[i], "link", "set", w.names[i], "up")
	}
	return w
}

func (w *veth) ip(args ...string) {
	w.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		w.t.Errorf("ip %v: %v: %s", args, err, out)
	}
}

// up connects the two interfaces, or parts them: what is sent vanishes then, and neither
// side gets an answer.
func (w *veth) up(is bool) {
	w.t.Helper()
	state := "down"
	if is {
		state = "up"
	}
	w.ip("-n", w.namespaces[0], "link", "set", w.names[0], state)
}

// TestBlackHoleOfTheNetwork: two nodes in two network namespaces, and the network between
// them goes down and comes back. Both sides hear nothing for a lease, and give each other
// up; then they are together again.
func TestBlackHoleOfTheNetwork(t *testing.T) {
	w := newVeth(t)
	dir := t.TempDir()
	key := keyFile(t, "0123456789abcdef0123456789abcdef")
	at := w.homeAddress + ":7000"
	h := spec{Name: "home", Listen: at, Key: key, Journal: filepath.Join(dir, "home"), Namespace: w.namespaces[0]}
	client := spec{Name: "client", Key: key, Journal: filepath.Join(dir, "client"), Peers: map[string]string{"home": at}, Namespace: w.namespaces[1]}
	home, c := startNode(t, h), startNode(t, client)
	c.expect("+home")
	home.expect("+client")
	for range 2 {
		c.works()
		w.up(false)
		c.expect("-home lease")
		home.expect("-client lease")
		w.up(true)
		c.expect("+home")
		home.expect("+client")
	}
	c.works()
	c.stop()
	home.expectLeft()
	home.stop()
	(&pairOfNodes{specs: []spec{h, client}}).replay(t)
}
