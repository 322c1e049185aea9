package tcp_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/world"
)

func ExampleAddr() {
	fmt.Println(tcp.Remote("example.com", 80))
	fmt.Println(tcp.Remote("::0001", 80) == tcp.Remote("::1", 80))
	fmt.Println(tcp.Listener("", 5999))
	fmt.Println(tcp.Handle("chat").Kind())
	// Output:
	// example.com:80
	// true
	// listener(:5999)
	// handle
}

func TestDR14AddrKinds(t *testing.T) {
	for _, test := range []struct {
		addr tcp.Addr
		kind tcp.Kind
		host string
		port uint16
		id   string
		text string
	}{
		{tcp.Addr{}, tcp.KindNone, "", 0, "", "none"},
		{tcp.Remote("example.com", 80), tcp.KindRemote, "example.com", 80, "", "example.com:80"},
		{tcp.Remote("10.1.2.3", 65535), tcp.KindRemote, "10.1.2.3", 65535, "", "10.1.2.3:65535"},
		{tcp.Remote("::ffff:10.1.2.3", 1), tcp.KindRemote, "10.1.2.3", 1, "", "10.1.2.3:1"},
		{tcp.Remote("FE80:0::1%eth0", 80), tcp.KindRemote, "fe80::1%eth0", 80, "", "[fe80::1%eth0]:80"},
		{tcp.RemoteAddrPort(netip.MustParseAddrPort("[::ffff:10.1.2.3]:7")), tcp.KindRemote, "10.1.2.3", 7, "", "10.1.2.3:7"},
		{tcp.RemoteAddrPort(netip.MustParseAddrPort("[fe80::1%eth0]:7")), tcp.KindRemote, "fe80::1%eth0", 7, "", "[fe80::1%eth0]:7"},
		{tcp.Handle("a \"b\""), tcp.KindHandle, "", 0, "a \"b\"", `handle("a \"b\"")`},
		{tcp.Listener("", 0), tcp.KindListener, "", 0, "", "listener(:0)"},
		{tcp.Listener("::1", 80), tcp.KindListener, "::1", 80, "", "listener([::1]:80)"},
		{tcp.Listener("localhost", 80), tcp.KindListener, "localhost", 80, "", "listener(localhost:80)"},
	} {
		a := test.addr
		if a.Kind() != test.kind || a.Host() != test.host || a.Port() != test.port || a.ID() != test.id || a.String() != test.text {
			t.Errorf("got %v, host %q, port %d, id %q, text %q; want %+v", a.Kind(), a.Host(), a.Port(), a.ID(), a, test)
		}
	}
}

func TestDR15HostsAreNumericOrNames(t *testing.T) {
	if tcp.Remote("::1", 80) != tcp.Remote("0:0::0:1", 80) {
		t.Error("equal addresses, written differently, are not equal")
	}
	if tcp.Remote("a", 80) == tcp.Remote("b", 80) || tcp.Remote("a", 80) == tcp.Remote("a", 81) || tcp.Remote("a", 80) == tcp.Listener("a", 80) {
		t.Error("different addresses are equal")
	}
}

func TestKindString(t *testing.T) {
	var all []string
	for k := tcp.KindNone; k <= tcp.KindListener+1; k++ {
		all = append(all, k.String())
	}
	if got := strings.Join(all, " "); got != "none remote handle listener Kind(4)" {
		t.Error(got)
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text             string
		listener, remote tcp.Addr // zero for an error
	}{
		{":5999", tcp.Listener("", 5999), tcp.Addr{}},
		{":0", tcp.Listener("", 0), tcp.Addr{}},
		{"localhost:80", tcp.Listener("localhost", 80), tcp.Remote("localhost", 80)},
		{"[::1]:80", tcp.Listener("::1", 80), tcp.Remote("::1", 80)},
		{"[fe80::1%eth0]:80", tcp.Listener("fe80::1%eth0", 80), tcp.Remote("fe80::1%eth0", 80)},
		{"1.2.3.4:65535", tcp.Listener("1.2.3.4", 65535), tcp.Remote("1.2.3.4", 65535)},
		{"1.2.3.4:65536", tcp.Addr{}, tcp.Addr{}},
		{"1.2.3.4:-1", tcp.Addr{}, tcp.Addr{}},
		{"1.2.3.4:http", tcp.Addr{}, tcp.Addr{}},
		{"1.2.3.4", tcp.Addr{}, tcp.Addr{}},
		{"::1:80", tcp.Addr{}, tcp.Addr{}},
		{"", tcp.Addr{}, tcp.Addr{}},
	} {
		for what, parse := range map[string]func(string) (tcp.Addr, error){"listener": tcp.ParseListener, "remote": tcp.ParseRemote} {
			want := test.listener
			if what == "remote" {
				want = test.remote
			}
			got, err := parse(test.text)
			if got != want || (err == nil) != (want != tcp.Addr{}) {
				t.Errorf("%s %q: got %v, %v; want %v", what, test.text, got, err, want)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), "tcp: ") || !strings.Contains(err.Error(), fmt.Sprintf("%q", test.text))) {
				t.Errorf("%s %q: the error says: %v", what, test.text, err)
			}
		}
	}
}

func anyAddr(t *rapid.T) tcp.Addr {
	host := rapid.OneOf(rapid.SampledFrom([]string{"a", "::1", "1.2.3.4", "[a]", "a:b", "#", "a)", "handle(", "listener(a"}), rapid.StringN(1, 4, -1)).Draw(t, "host")
	port := rapid.SampledFrom([]uint16{0, 1, 80, 65535}).Draw(t, "port")
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		return tcp.Addr{}
	case 1:
		return tcp.Remote(host, port)
	case 2:
		return tcp.Handle(host)
	default:
		return tcp.Listener(rapid.SampledFrom([]string{"", host}).Draw(t, "interface"), port)
	}
}

func TestAddrTextIsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyAddr(t), anyAddr(t)
		if (a == b) != (a.String() == b.String()) {
			t.Fatalf("%q and %q", a, b)
		}
		text, err := a.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back tcp.Addr
		if err := back.UnmarshalText(text); err != nil || back != a {
			t.Fatalf("%q came back as %q, %v", a, back, err)
		}
	})
}

func FuzzAddrText(f *testing.F) {
	for _, text := range []string{"none", "1.2.3.4:80", "[::1]:80", "[::1]:80#2", `handle("a")`, "listener(:1)", "listener([::1]:1)", "a:1#", "[]:1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var a tcp.Addr
		if err := a.UnmarshalText([]byte(text)); err == nil && a.String() != text {
			t.Errorf("%q was taken for %q", text, a)
		}
	})
}

func TestUnmarshalTextRefuses(t *testing.T) {
	for _, text := range []string{"", "a", "a:", ":80", "a:080", "a:80#", "a:80#x", "listener(a)", "listener(a:1#2)", "handle(a)", `handle("")`, "[0::1]:80", "::1:80", "none "} {
		var a tcp.Addr
		err := a.UnmarshalText([]byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "tcp: ") {
			t.Errorf("%q was taken for %v, error %v", text, a, err)
		}
	}
}

func TestAddrInJSON(t *testing.T) {
	type both struct{ From, To tcp.Addr }
	in := both{tcp.Remote("::1", 80), tcp.Handle("x")}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"From":"[::1]:80","To":"handle(\"x\")"}`; string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
	var out both
	if err := json.Unmarshal(text, &out); err != nil || out != in {
		t.Error(out, err)
	}
}

// slippery is a network, and a clock, that cannot be compared.
type slippery struct {
	world.Network
	_ []int
}

func (slippery) ClockName() string                             { return "slippery" }
func (slippery) Now() time.Time                                { return time.Time{} }
func (slippery) AfterFunc(time.Duration, func()) world.Stopper { return nil }

func TestMistakesPanic(t *testing.T) {
	remote, local := tcp.Remote("a", 1), tcp.Handle("a")
	for name, mistake := range map[string]func(){
		"Remote with an empty host":  func() { tcp.Remote("", 80) },
		"RemoteAddrPort":             func() { tcp.RemoteAddrPort(netip.AddrPort{}) },
		"Handle with an empty id":    func() { tcp.Handle("") },
		"a:1 to a:1":                 func() { tcp.Flow(remote, remote) },
		`to listener(:1)`:            func() { tcp.Flow(local, tcp.Listener("", 1)) },
		"from none":                  func() { tcp.Flow(tcp.Addr{}, remote) },
		"Arriving of a:1":            func() { tcp.Arriving(remote) },
		`ListeningAt of handle("a")`: func() { tcp.ListeningAt(local) },
		"Config.ClaimLimit is -1s":   func() { tcp.Config{ClaimLimit: -1e9}.Driver() },
		"Config.DialLimit is -1ns":   func() { tcp.Config{DialLimit: -1}.Driver() },
		"Config.LingerLimit is -1ns": func() { tcp.Config{LingerLimit: -1}.Driver() },
		"Config.ReadBuffer is -1":    func() { tcp.Config{ReadBuffer: -1}.Driver() },
		"Config.MaxConnections is":   func() { tcp.Config{MaxConnections: -1}.Driver() },
		"Config.Network is a":        func() { tcp.DriverOn(slippery{}) },
		"Config.Clock is a":          func() { tcp.Config{Clock: slippery{}}.Driver() },
	} {
		func() {
			defer func() {
				text := fmt.Sprint(recover())
				if !strings.HasPrefix(text, "tcp: ") || !strings.Contains(text, name) || !strings.Contains(text, ": ") {
					t.Errorf("%s: the panic says: %s", name, text)
				}
			}()
			mistake()
		}()
	}
}
