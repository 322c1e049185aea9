//go:build linux

package node_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed/node"
)

// TestSSHD starts a node through the ssh and the sshd of this system, on loopback. Set
// NODE_TEST_SSHD to the path of sshd for that, as in NODE_TEST_SSHD=/usr/sbin/sshd.
func TestSSHD(t *testing.T) {
	sshd := os.Getenv("NODE_TEST_SSHD")
	if sshd == "" {
		t.Skip("it starts a server that lets this user log in: set NODE_TEST_SSHD to the path of sshd for that")
	}
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, key := range []string{"host", "client"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", in(key)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	at := l.Addr().String()
	must(t, l.Close())
	must(t, os.WriteFile(in("config"), fmt.Appendf(nil, "ListenAddress %s\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nStrictModes no\nUsePAM no\n", at, in("host"), in("client.pub")), 0o600))
	server := exec.Command(sshd, "-D", "-e", "-f", in("config"))
	server.Stderr = t.Output()
	must(t, server.Start())
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	for began := time.Now(); ; {
		c, err := net.Dial("tcp", at)
		if err == nil {
			_ = c.Close()
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal(err)
		}
	}

	who, err := user.Current()
	must(t, err)
	binary, err := os.Executable()
	must(t, err)
	h := hosting(t)
	how := node.SSH{Host: "ssh://" + who.Username + "@" + at, Binary: binary, Args: node.List("a b", "$(x)", "'"), Options: node.List(
		"-F", "/dev/null", "-i", in("client"), "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile="+in("known"), "-o", "LogLevel=ERROR")}
	must(t, h.Spawn(within(t), "far", how, node.Never))
	must(t, h.Run(within(t), place, counters.With(5), node.Never))
	if n := call(t, h, add, 7); n != 12 {
		t.Errorf("the counter has %d, want 12", n)
	}
	if got := strings.Join(call(t, h, argv, struct{}{}), "|"); got != "a b|$(x)|'" {
		t.Errorf("the arguments are %q", got)
	}
	pid := call(t, h, whoami, struct{}{})
	must(t, h.Exit(within(t), "far"))
	t.Logf("after Exit, the node has ended in %v", gone(t, pid))

	must(t, h.Spawn(within(t), "far", how, node.Never))
	pid = call(t, h, whoami, struct{}{})
	must(t, syscall.Kill(clientOf(t), syscall.SIGKILL))
	if err := h.WaitNode(within(t), "far"); !errors.Is(err, node.ErrDown) {
		t.Errorf("after the end of ssh: %v", err)
	}
	t.Logf("after the end of ssh, the node has ended in %v", gone(t, pid))
	if err := h.Spawn(within(t), "nobody", node.SSH{Host: "ssh://nobody@" + at, Binary: binary, Options: how.Options}, node.Never); !errors.Is(err, node.ErrDown) {
		t.Errorf("without access: %v", err)
	}
}

// clientOf returns the ssh of this process.
func clientOf(t *testing.T) int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	must(t, err)
	for _, file := range all {
		text, _ := os.ReadFile(file) // it may have ended
		var pid, parent int
		if n, _ := fmt.Sscanf(string(text), "%d (ssh) S %d", &pid, &parent); n == 2 && parent == os.Getpid() {
			return pid
		}
	}
	t.Fatal("there is no ssh")
	return 0
}
