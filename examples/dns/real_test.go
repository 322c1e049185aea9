package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/go-marketplace/marketplace/examples/internal/program"
	"github.com/go-marketplace/marketplace/internal/tool"
)

// start starts the resolver as a program of its own. The port that the system
// chooses for UDP may be taken for TCP; then it is started again.
func start(t *testing.T, args ...string) (*program.Program, string) {
	t.Helper()
	line := ""
	for range 10 {
		p := program.Start(t, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
		line = p.Line()
		if addr, ok := strings.CutPrefix(line, "dns: listening on "); ok {
			return p, addr
		}
		if !strings.Contains(line, "in use") {
			break
		}
	}
	t.Fatalf("it says %q, not where it listens", line)
	return nil, ""
}

// TestDig: dig gets from the resolver what it gets from dnsmasq and unbound.
func TestDig(t *testing.T) {
	tool.Path(t, "dig")
	for name, upstream := range map[string]func(*testing.T) string{"dnsmasq": dnsmasq, "unbound": unbound} {
		t.Run(name, func(t *testing.T) {
			direct := upstream(t)
			p, addr := start(t, "-upstream", direct)
			for range 2 { // the second time it is from the cache
				for _, question := range [][]string{
					{"www.test", "A"}, {"www.test", "AAAA"}, {"alias.test", "A"}, {"small.test", "TXT"}, {"big.test", "TXT"},
					{"test", "MX"}, {"test", "SOA"}, {"none.test", "A"}, {"WWW.Test", "A"}, {"www.test", "TYPE65280"},
				} {
					for _, how := range [][]string{
						{"+notcp"}, {"+tcp"}, {"+noedns"}, {"+dnssec", "+cdflag"}, {"+bufsize=4096", "+nocookie"},
					} {
						args := slices.Concat(question, how, []string{"+noall", "+answer", "+nottlid"})
						want, got := dig(t, direct, args...), dig(t, addr, args...)
						slices.Sort(want)
						slices.Sort(got)
						if !slices.Equal(want, got) {
							t.Errorf("dig %v: got %q, want %q", args, got, want)
						}
					}
				}
			}
			p.Signal(syscall.SIGTERM)
			if status, rest := p.Wait(); status != 0 || len(rest) > 0 {
				t.Errorf("status %d, %q", status, rest)
			}
		})
	}
}

// TestDigDetails: the parts of an answer other than its records.
func TestDigDetails(t *testing.T) {
	tool.Path(t, "dig")
	_, addr := start(t, "-upstream", dnsmasq(t))
	for _, test := range []struct {
		args string
		want string // in one of the lines
	}{
		{"none.test", "status: NXDOMAIN"},
		{"www.test", "status: NOERROR"},
		{"www.test", "flags: qr rd ra;"},
		{"www.test +norecurse", "status: REFUSED"},
		{"www.test +opcode=NOTIFY", "status: NOTIMP"},
		{"www.test +edns=1 +noednsnegotiation", "status: BADVERS"},
		{"www.test +header-only", "status: FORMERR"},
		{"www.test +qr +ednsopt=65001:abcd", "status: NOERROR"},
		{"big.test TXT +ignore", "flags: qr tc rd ra;"},
		{"big.test TXT", "(TCP)"},
		{"elsewhere.example", "status: SERVFAIL"},
		{"chaos txt version.bind", "status: REFUSED"},
		{"chaos txt counts.dns +short", "\"dropped=0\""},
		{"wwW.tEst", "wwW.tEst."},
	} {
		got := dig(t, addr, strings.Fields(test.args)...)
		if !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, test.want) }) {
			t.Errorf("dig %s does not say %q:\n%s", test.args, test.want, strings.Join(got, "\n"))
		}
	}
}

// resolverAt returns the resolver of the standard library, asking at an address,
// over a network of its choice or the given one.
func resolverAt(addr, network string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, its, _ string) (net.Conn, error) {
		if network != "" {
			its = network
		}
		return new(net.Dialer).DialContext(ctx, its, addr)
	}}
}

// TestNetResolver: Go's resolver gets its answers over UDP and TCP.
func TestNetResolver(t *testing.T) {
	_, addr := start(t, "-upstream", dnsmasq(t))
	for _, network := range []string{"", "tcp"} {
		r := resolverAt(addr, network)
		ips, err := r.LookupHost(t.Context(), "alias.test.")
		slices.Sort(ips)
		if want := []string{"192.0.2.80", "2001:db8::80"}; err != nil || !slices.Equal(ips, want) {
			t.Errorf("%v, %v", ips, err)
		}
		text, err := r.LookupTXT(t.Context(), "big.test.")
		if err != nil || strings.Join(text, "") != strings.Join(bigText, "") {
			t.Errorf("%.100q, %v", text, err)
		}
		mx, err := r.LookupMX(t.Context(), "test.")
		if err != nil || len(mx) != 1 || mx[0].Host != "mail.test." {
			t.Errorf("%v, %v", mx, err)
		}
		_, err = r.LookupHost(t.Context(), "none.test.")
		if e, ok := err.(*net.DNSError); !ok || !e.IsNotFound {
			t.Errorf("the error is %v", err)
		}
	}
}

// A dropper stands before an upstream, and drops some packets in both
// directions.
type dropper struct {
	t    *testing.T
	conn *net.UDPConn
	to   string
	loss float64
	wg   sync.WaitGroup

	mu     sync.Mutex
	chance *rand.Rand
}

func drop(t *testing.T, to string, loss float64) *dropper {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	d := &dropper{t: t, conn: conn, to: to, loss: loss, chance: rand.New(rand.NewPCG(1, 2))}
	d.wg.Go(d.serve)
	t.Cleanup(func() {
		conn.Close()
		d.wg.Wait()
	})
	return d
}

func (d *dropper) drops() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.chance.Float64() < d.loss
}

// serve has a socket for each client, as a router would.
func (d *dropper) serve() {
	b := make([]byte, mostMessage)
	for {
		n, from, err := d.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if d.drops() {
			continue
		}
		query := slices.Clone(b[:n])
		d.wg.Go(func() {
			c, err := net.Dial("udp", d.to)
			if err != nil {
				d.t.Error(err)
				return
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(patience))
			answer := make([]byte, mostMessage)
			c.Write(query)
			if n, err := c.Read(answer); err == nil && !d.drops() {
				d.conn.WriteToUDPAddrPort(answer[:n], from)
			}
		})
	}
}

// patience is how long a test waits for what has to happen.
const patience = 30 * time.Second

// TestDroppingUpstream: of ten thousand questions, with a fifth of all packets to
// and from the upstream lost, each one gets one answer, or the message that there
// is none.
func TestDroppingUpstream(t *testing.T) {
	const clients, questions = 100, 100
	d := drop(t, dnsmasq(t), 0.2)
	p, addr := start(t, "-upstream", d.conn.LocalAddr().String(), "-timeout", "100ms", "-limit", "2s", "-cache", "1000")
	var mu sync.Mutex
	failures := 0
	var wg sync.WaitGroup
	for n := range clients {
		conn, err := net.Dial("udp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		wg.Go(func() {
			b := make([]byte, mostMessage)
			for i := range questions {
				name := fmt.Sprintf("%d-%d.wild.test.", n, i)
				id := uint16(i + 1)
				conn.SetDeadline(time.Now().Add(patience))
				conn.Write(clientQuery(t, name, func(m *dnsmessage.Message) { m.ID = id }))
				k, err := conn.Read(b)
				if err != nil {
					t.Errorf("there is no answer to %s: %v", name, err)
					return
				}
				m := read(t, b[:k])
				if m.ID != id || len(m.Questions) != 1 || m.Questions[0].Name.String() != name {
					t.Errorf("to %s, under %d, the client gets %+v", name, id, m) // a second answer to an earlier one
					return
				}
				switch {
				case m.RCode == dnsmessage.RCodeServerFailure:
					mu.Lock()
					failures++
					mu.Unlock()
				case m.RCode != dnsmessage.RCodeSuccess || len(m.Answers) != 1:
					t.Errorf("to %s, the client gets %+v", name, m)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d of %d questions have no answer", failures, clients*questions)
	if failures > clients*questions/2 {
		t.Error("with twenty attempts, these are too many")
	}
	p.Signal(os.Interrupt)
	if status, rest := p.Wait(); status != 0 || len(rest) > 0 {
		t.Errorf("status %d, %q", status, rest)
	}
}

// TestSecondUpstream: if nobody is at the first address, the second is asked, for
// answers over TCP as well.
func TestSecondUpstream(t *testing.T) {
	nobody, err := net.ListenPacket("udp", "127.0.0.1:0") // it receives, and sends nothing
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()
	_, addr := start(t, "-upstream", nobody.LocalAddr().String(), "-upstream", dnsmasq(t), "-timeout", "200ms", "-limit", "20s")
	text, err := resolverAt(addr, "").LookupTXT(t.Context(), "big.test.")
	if err != nil || strings.Join(text, "") != strings.Join(bigText, "") {
		t.Errorf("%.100q, %v", text, err)
	}
}

// TestManyOverOneConnection: a client over TCP sends all its questions at once, and
// then has no more; it gets all answers, in whatever order.
func TestManyOverOneConnection(t *testing.T) {
	const questions = 50
	_, addr := start(t, "-upstream", dnsmasq(t))
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var stream []byte
	for i := range questions {
		packet := clientQuery(t, fmt.Sprintf("%d.wild.test.", i), func(m *dnsmessage.Message) { m.ID = uint16(i) })
		stream = append(stream, framed(packet)...)
	}
	if _, err := c.Write(stream); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint16]bool{}
	for len(all) > 0 {
		packet, rest, complete := cut(all)
		if !complete {
			t.Fatalf("half a message: % x", all)
		}
		m := read(t, packet)
		if all = rest; seen[m.ID] || len(m.Answers) != 1 || m.Questions[0].Name.String() != fmt.Sprintf("%d.wild.test.", m.ID) {
			t.Errorf("it gets %+v", m)
		}
		seen[m.ID] = true
	}
	if len(seen) != questions {
		t.Errorf("there are %d answers", len(seen))
	}
}
