//go:build linux

package node_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
)

// parent is the main function of a process that has a node, and says which process that is.
func parent() {
	ctx := context.Background()
	h := node.Private("master").Start(ctx, wants(endpoint.Subscriber(topic.All[node.Output](), endpoint.OnMessage(func(o node.Output) actions.Action {
		fmt.Println(o.Text)
		return nil
	}))))
	err := h.Spawn(ctx, "far", node.Local{}, node.Always)
	if err == nil {
		err = h.Run(ctx, place, counters.With(0), node.Always)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(rpc.Do(ctx, h.Client(), whoami, struct{}{}, rpc.At(place)))
	if os.Getenv("NODE_TEST_PARENT") == "hang" {
		_, _ = rpc.Do(ctx, h.Client(), hang, struct{}{}, rpc.At(place))
	}
	select {}
}

// TestParentIsKilled: kill -9 of the parent of a node, and SIGTERM. The node ends as well, at
// once, also if it is in a transition function that does not return. A parent that is stopped
// and goes on has its node.
func TestParentIsKilled(t *testing.T) {
	for _, tt := range []struct {
		how  syscall.Signal
		hang string
	}{{syscall.SIGKILL, "no"}, {syscall.SIGTERM, "no"}, {syscall.SIGKILL, "hang"}} {
		how := tt.how
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "NODE_TEST_PARENT="+tt.hang)
		cmd.Stderr = t.Output()
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		lines := bufio.NewReader(out)
		line, _ := lines.ReadString('\n')
		var pid int
		if n, _ := fmt.Sscanf(line, "%d <nil>", &pid); n != 1 {
			t.Fatalf("the parent says %q", line)
		}
		for tt.hang == "hang" && line != "hanging\n" {
			line, err = lines.ReadString('\n')
			must(t, err)
		}
		must(t, cmd.Process.Signal(syscall.SIGSTOP))
		must(t, cmd.Process.Signal(syscall.SIGCONT))
		must(t, syscall.Kill(pid, 0))
		must(t, cmd.Process.Signal(how))
		took := gone(t, pid)
		if took > 5*time.Second { // 50 ms on a machine without other work
			t.Errorf("%v, %s: the node has ended %v later", how, tt.hang, took)
		}
		t.Logf("%v, %s: the node has ended %v later", how, tt.hang, took)
		_ = cmd.Wait()
	}
}

// fakeSSH makes a program ssh, which does what a shell elsewhere does: it joins the words after
// the host, and a shell runs them. It writes its arguments to a file.
func fakeSSH(t *testing.T) (path, args string) {
	t.Helper()
	dir := t.TempDir()
	path, args = filepath.Join(dir, "ssh"), filepath.Join(dir, "args")
	must(t, os.WriteFile(path, []byte("#!/bin/sh\nprintf '%s\\n' \"$@\" >"+args+"\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\nexec /bin/sh -c \"$*\"\n"), 0o755))
	return path, args
}

// TestSSH: a node on another machine, whose program gets its arguments as they are, whatever
// a shell would make of them. DP-01, DP-02, DP-47, B-P26.
func TestSSH(t *testing.T) {
	path, file := fakeSSH(t)
	h := hosting(t)
	dir := t.TempDir()
	hostile := []string{"a b", "$(touch " + dir + "/x)", "'; touch " + dir + "/x; '", "`touch " + dir + "/x`", "\\", "*", "--", "\"", "new\nline", ""}
	must(t, h.Spawn(t.Context(), "far", node.SSH{Host: "ssh://ann@127.0.0.1:2222", Path: path, Binary: os.Args[0], Args: node.List(hostile...), Options: node.List("-i", "key file")}, node.Never))
	must(t, h.Run(t.Context(), place, counters.With(0), node.Never))
	if got := call(t, h, argv, struct{}{}); !slices.Equal(got, hostile) {
		t.Errorf("the arguments are %q, want %q", got, hostile)
	}
	if all, _ := os.ReadDir(dir); len(all) > 0 {
		t.Error("an argument was run")
	}
	text, err := os.ReadFile(file)
	must(t, err)
	lines := strings.Split(string(text), "\n")
	if want := []string{"-o", "BatchMode=yes", "-T", "-i", "key file", "--", "ssh://ann@127.0.0.1:2222"}; !slices.Equal(lines[:len(want)], want) {
		t.Errorf("ssh got %q", lines)
	}
	if strings.Contains(string(text), "PRIVATE KEY") {
		t.Error("a secret is among the arguments")
	}
}

// TestSSHRefuses: hosts that are options, or no hosts. DP-02, B-P26.
func TestSSHRefuses(t *testing.T) {
	path, file := fakeSSH(t)
	h := hosting(t)
	for _, s := range []node.SSH{
		{Host: "-oProxyCommand=false", Binary: "x"}, {Host: "", Binary: "x"}, {Host: "a b", Binary: "x"}, {Host: "a\nb", Binary: "x"},
		{Host: "a"}, {Host: "a", Binary: "x\x00y"},
	} {
		s.Path = path
		if err := h.Spawn(t.Context(), "far", s, node.Never); kind(err) != "launch" {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("ssh was started")
	}
	t.Setenv("PATH", t.TempDir())
	if err := h.Spawn(t.Context(), "far", node.SSH{Host: "a", Binary: "x"}, node.Never); kind(err) != "launch" || !strings.Contains(err.Error(), "ssh") {
		t.Errorf("without ssh: %v", err)
	}
}

// TestNoSecrets: what a node needs to prove who it is stands neither in its arguments nor in its
// environment. B-P02.
func TestNoSecrets(t *testing.T) {
	h := started(t, node.Always)
	must(t, h.Run(t.Context(), place, counters.With(0), node.Never))
	pid := call(t, h, whoami, struct{}{})
	for _, file := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		must(t, err)
		if strings.Contains(string(text), "PRIVATE") || strings.Contains(string(text), "CERTIFICATE") {
			t.Errorf("%s has credentials", file)
		}
	}
}

// listening returns the addresses on which a process listens.
func listening(t *testing.T, pid int) (all []netip.AddrPort) {
	t.Helper()
	sockets := map[string]bool{}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	must(t, err)
	for _, f := range files {
		to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, f.Name()))
		sockets[to] = true
	}
	for _, file := range []string{"tcp", "tcp6"} {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, file))
		must(t, err)
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line) // 1 is the local address, 3 the state, 9 the inode
			const listens = "0A"
			if len(f) < 10 || f[3] != listens || !sockets["socket:["+f[9]+"]"] {
				continue
			}
			host, port, _ := strings.Cut(f[1], ":")
			bytes, err := hex.DecodeString(host)
			must(t, err)
			for word := range slices.Chunk(bytes, 4) { // each is in the order of the machine
				binary.BigEndian.PutUint32(word, binary.NativeEndian.Uint32(word))
			}
			ip, _ := netip.AddrFromSlice(bytes)
			n, err := strconv.ParseUint(port, 16, 16)
			must(t, err)
			all = append(all, netip.AddrPortFrom(ip, uint16(n)))
		}
	}
	return all
}

// TestLoopback: a node listens on loopback alone. B-P02.
func TestLoopback(t *testing.T) {
	h := started(t, node.Always)
	must(t, h.Run(t.Context(), place, counters.With(0), node.Never))
	pid := call(t, h, whoami, struct{}{})
	all := listening(t, pid)
	if len(all) == 0 {
		t.Error("it listens nowhere")
	}
	for _, at := range all {
		if !at.Addr().IsLoopback() {
			t.Errorf("it listens on %v", at)
		}
	}
}

// TestManyNodes: nodes are started side by side. If one cannot be, the others end, and the error
// says which. DP-42, B-P13.
func TestManyNodes(t *testing.T) {
	h := hosting(t)
	err := h.SpawnAll(t.Context(), map[string]node.Launcher{"a": node.Local{}, "b": node.Local{Binary: "/does/not/exist"}, "c": node.Local{}}, node.Always)
	if kind(err) != "launch" || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("the error is %v", err)
	}
	must(t, h.SpawnAll(t.Context(), map[string]node.Launcher{"a": node.Local{}, "b": node.Local{}, "c": node.Local{}}, node.Never))
	for _, name := range []string{"a", "b", "c"} {
		must(t, h.Run(t.Context(), distributed.Place{Node: name, Name: "counter"}, counters.With(0), node.Always))
	}
}

// TestSelf: a node cannot start itself.
func TestSelf(t *testing.T) {
	if err := hosting(t).Spawn(t.Context(), "master", node.Local{}, node.Never); kind(err) != "launch" {
		t.Errorf("the error is %v", err)
	}
}
