package nats_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/distributed/nats"
)

// listening returns the addresses on which this process listens, as /proc has them.
func listening(t *testing.T) (all []string) {
	t.Helper()
	mine := map[string]bool{}
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil {
			mine[strings.TrimSuffix(strings.TrimPrefix(to, "socket:["), "]")] = true
		}
	}
	for _, file := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && mine[f[9]] {
				all = append(all, f[1])
			}
		}
	}
	return all
}

// TestPorts: a server listens on no port unless it was asked to, and then on loopback alone.
func TestPorts(t *testing.T) {
	before := len(listening(t))
	key := realmKey(t)
	open(t, nats.Config{Node: "alone", RealmKeyFile: key})
	if at := listening(t); len(at) != before {
		t.Errorf("a server that was not asked to listen does so, at one of %q", at)
	}
	hub := open(t, nats.Config{Node: "hub", RealmKeyFile: key, Listen: ":0"})
	member(t, hub, "leaf")
	at := listening(t)
	if len(at) != before+1 {
		t.Errorf("there are %d more ports, %q; want one", len(at)-before, at)
	}
	loopback := hex.EncodeToString([]byte{1, 0, 0, 127})
	for _, a := range at {
		if !strings.HasPrefix(a, strings.ToUpper(loopback)) && !strings.HasPrefix(a, "00000000000000000000000001000000") {
			t.Errorf("this process listens at %s", a)
		}
	}
	var port int
	if _, err := fmt.Sscanf(hub.URL(), "tls://127.0.0.1:%d", &port); err != nil || port == 0 {
		t.Errorf("the hub listens at %q", hub.URL())
	}
}
