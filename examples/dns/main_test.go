package main

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/examples/internal/program"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	for _, test := range []struct {
		args string
		want string // in the error, or the upstreams
	}{
		{"-upstream 192.0.2.1:53", "192.0.2.1:53"},
		{"-upstream 192.0.2.1", "192.0.2.1:53"},
		{"-upstream 192.0.2.1:5300,192.0.2.2 -upstream [2001:db8::1]:53", "192.0.2.1:5300 192.0.2.2:53 [2001:db8::1]:53"},
		{"-upstream 2001:db8::1 -upstream [2001:db8::2]", "[2001:db8::1]:53 [2001:db8::2]:53"},
		{"-upstream dns.test:53", "dns.test:53"},
		{"-upstream 192.0.2.1:0", "192.0.2.1:0"},
		{"-upstream 192.0.2.1:65536", "65536"},
		{"-upstream 192.0.2.1,", `""`},
		{"", "-upstream 192.0.2.1:53"},
		{"-upstream 192.0.2.1 more", `"more"`},
		{"-upstream 192.0.2.1 -timeout 0s", "-timeout"},
		{"-upstream 192.0.2.1 -limit -1s", "-limit"},
		{"-upstream 192.0.2.1 -limit 5s -timeout 1ms", "too many attempts"},
		{"-upstream 192.0.2.1 -cache -1", "-cache"},
		{"-upstream 192.0.2.1 -addr nonsense", "nonsense"},
		{"-nonsense", "nonsense"},
	} {
		var out strings.Builder
		c, err := parse(strings.Fields(test.args), &out)
		got := out.String()
		if err == nil {
			var texts []string
			for _, u := range c.upstreams {
				texts = append(texts, u.String())
			}
			got = strings.Join(texts, " ")
			if got != test.want || c.timeout != 2*time.Second || c.limit != 5*time.Second || c.cache != 10000 || c.listen != inet.Listener("127.0.0.1", 5353) {
				t.Errorf("%s: %+v with %s", test.args, c, got)
			}
		} else if !strings.Contains(got, test.want) {
			t.Errorf("%s: it says %q; want %q", test.args, got, test.want)
		}
	}
}

// TestTakenPorts: the program names the port that it cannot listen on, over UDP
// or TCP.
func TestTakenPorts(t *testing.T) {
	for _, take := range []func() (io.Closer, string){
		func() (io.Closer, string) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			return l, l.Addr().String()
		},
		func() (io.Closer, string) {
			c, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			return c, c.LocalAddr().String()
		},
	} {
		c, addr := take()
		p := program.Start(t, "-addr", addr, "-upstream", "192.0.2.1")
		status, out := p.Wait()
		if said := strings.Join(out, "\n"); status != 1 || !strings.HasPrefix(said, "dns: ") || !strings.Contains(said, addr) {
			t.Errorf("%s: status %d, %q", addr, status, said)
		}
		c.Close()
	}
}

// TestBadFlags: a mistake on the command line is an error message, and no
// crash.
func TestBadFlags(t *testing.T) {
	p := program.Start(t, "-upstream", "nonsense")
	if status, out := p.Wait(); status != 2 || !strings.Contains(strings.Join(out, "\n"), "nonsense") {
		t.Errorf("status %d, %q", status, out)
	}
	p = program.Start(t, "-help")
	if status, out := p.Wait(); status != 0 || !strings.Contains(strings.Join(out, "\n"), "-upstream") {
		t.Errorf("status %d, %q", status, out)
	}
}
