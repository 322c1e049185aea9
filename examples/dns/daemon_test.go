package main

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/internal/tool"
)

// freePort returns an address whose port was free over UDP and TCP a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", c.LocalAddr().String())
		c.Close()
		if err == nil {
			l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("there is no port that is free over UDP and TCP")
	return ""
}

// daemon starts a program, and waits until it says that it is ready. It ends
// with the test.
func daemon(t *testing.T, ready, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 100)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer close(said)
		for s := bufio.NewScanner(out); s.Scan(); {
			select {
			case said <- s.Text():
			default:
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-gone
		cmd.Wait()
	})
	var all []string
	for line := range said {
		if strings.Contains(line, ready) {
			return
		}
		all = append(all, line)
	}
	t.Fatalf("%s does not start: %q", name, all)
}

// bigText is a text that has no room in a datagram.
var bigText = func() (parts []string) {
	for i := range 20 {
		parts = append(parts, strings.Repeat(string(rune('a'+i)), 200))
	}
	return parts
}()

// dnsmasq starts a dnsmasq that knows the zone test, and returns its address. It
// has an address for all names below wild.test.
func dnsmasq(t *testing.T) string {
	t.Helper()
	path := tool.Path(t, "dnsmasq")
	addr := freePort(t)
	_, port, _ := strings.Cut(addr, ":")
	daemon(t, "started", path,
		"--no-daemon", "--conf-file=/dev/null", "--pid-file=", "--log-facility=-",
		"--no-resolv", "--no-hosts", "--no-poll",
		"--listen-address=127.0.0.1", "--bind-interfaces", "--port="+port,
		"--local=/test/", "--local-ttl=300",
		"--host-record=www.test,192.0.2.80,2001:db8::80",
		"--address=/wild.test/192.0.2.99",
		"--cname=alias.test,www.test",
		"--txt-record=small.test,hello",
		"--txt-record=big.test,"+strings.Join(bigText, ","),
		"--mx-host=test,mail.test,10",
	)
	return addr
}

// unbound starts an unbound that knows the zone test, and returns its address.
func unbound(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("unbound") // which is one more than has to be there
	if err != nil {
		t.Skip("unbound is not installed:", err)
	}
	addr := freePort(t)
	_, port, _ := strings.Cut(addr, ":")
	file := filepath.Join(t.TempDir(), "unbound.conf")
	err = os.WriteFile(file, []byte(`server:
	interface: 127.0.0.1
	port: `+port+`
	do-daemonize: no
	use-syslog: no
	logfile: ""
	verbosity: 1
	chroot: ""
	directory: ""
	username: ""
	pidfile: ""
	local-zone: "test." static
	local-data: "test. 300 IN SOA ns.test. me.test. 1 2 3 4 60"
	local-data: "www.test. 300 IN A 192.0.2.80"
	local-data: 'big.test. 300 IN TXT "`+strings.Join(bigText, `" "`)+`"'
remote-control:
	control-enable: no
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	daemon(t, "start of service", path, "-d", "-c", file)
	return addr
}

// dig asks a server, as a person would, and returns the lines of the answer.
func dig(t *testing.T, addr string, args ...string) []string {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-r", "@" + host, "-p", port, "+tries=1", "+time=20"}, args...)
	out, err := exec.CommandContext(t.Context(), tool.Path(t, "dig"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("dig %q: %v: %s", args, err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
