package inet_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/drivers/inet"
)

func ExampleAddr() {
	fmt.Println(inet.Remote("example.com", 80))
	fmt.Println(inet.Remote("::0001", 80) == inet.Remote("::1", 80))
	fmt.Println(inet.Listener("", 5999))
	fmt.Println(inet.Handle("chat").Kind())
	// Output:
	// example.com:80
	// true
	// listener(:5999)
	// handle
}

func TestDR14AddrKinds(t *testing.T) {
	for _, test := range []struct {
		addr inet.Addr
		kind inet.Kind
		host string
		port uint16
		id   string
		text string
	}{
		{inet.Addr{}, inet.KindNone, "", 0, "", "none"},
		{inet.Remote("example.com", 80), inet.KindRemote, "example.com", 80, "", "example.com:80"},
		{inet.Remote("10.1.2.3", 65535), inet.KindRemote, "10.1.2.3", 65535, "", "10.1.2.3:65535"},
		{inet.Remote("::ffff:10.1.2.3", 1), inet.KindRemote, "10.1.2.3", 1, "", "10.1.2.3:1"},
		{inet.Remote("FE80:0::1%eth0", 80), inet.KindRemote, "fe80::1%eth0", 80, "", "[fe80::1%eth0]:80"},
		{inet.RemoteAddrPort(netip.MustParseAddrPort("[::ffff:10.1.2.3]:7")), inet.KindRemote, "10.1.2.3", 7, "", "10.1.2.3:7"},
		{inet.RemoteAddrPort(netip.MustParseAddrPort("[fe80::1%eth0]:7")), inet.KindRemote, "fe80::1%eth0", 7, "", "[fe80::1%eth0]:7"},
		{inet.Handle("a \"b\""), inet.KindHandle, "", 0, "a \"b\"", `handle("a \"b\"")`},
		{inet.Listener("", 0), inet.KindListener, "", 0, "", "listener(:0)"},
		{inet.Listener("::1", 80), inet.KindListener, "::1", 80, "", "listener([::1]:80)"},
		{inet.Listener("", 443).TLS("web"), inet.KindListener, "", 443, "", `listener(:443)+tls("web")`},
		{inet.Remote("a", 443).TLS("web").TLS(""), inet.KindRemote, "a", 443, "", `a:443+tls("")`},
		{inet.Listener("localhost", 80), inet.KindListener, "localhost", 80, "", "listener(localhost:80)"},
	} {
		a := test.addr
		if a.Kind() != test.kind || a.Host() != test.host || a.Port() != test.port || a.ID() != test.id || a.String() != test.text {
			t.Errorf("got %v, host %q, port %d, id %q, text %q; want %+v", a.Kind(), a.Host(), a.Port(), a.ID(), a, test)
		}
	}
}

func TestDR15HostsAreNumericOrNames(t *testing.T) {
	if inet.Remote("::1", 80) != inet.Remote("0:0::0:1", 80) {
		t.Error("equal addresses, written differently, are not equal")
	}
	if inet.Remote("a", 80) == inet.Remote("b", 80) || inet.Remote("a", 80) == inet.Remote("a", 81) || inet.Remote("a", 80) == inet.Listener("a", 80) {
		t.Error("different addresses are equal")
	}
}

func TestKindString(t *testing.T) {
	var all []string
	for k := inet.KindNone; k <= inet.KindListener+1; k++ {
		all = append(all, k.String())
	}
	if got := strings.Join(all, " "); got != "none remote handle listener Kind(4)" {
		t.Error(got)
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text             string
		listener, remote inet.Addr // zero for an error
	}{
		{":5999", inet.Listener("", 5999), inet.Addr{}},
		{":0", inet.Listener("", 0), inet.Addr{}},
		{"localhost:80", inet.Listener("localhost", 80), inet.Remote("localhost", 80)},
		{"[::1]:80", inet.Listener("::1", 80), inet.Remote("::1", 80)},
		{"[fe80::1%eth0]:80", inet.Listener("fe80::1%eth0", 80), inet.Remote("fe80::1%eth0", 80)},
		{"1.2.3.4:65535", inet.Listener("1.2.3.4", 65535), inet.Remote("1.2.3.4", 65535)},
		{"1.2.3.4:65536", inet.Addr{}, inet.Addr{}},
		{"1.2.3.4:-1", inet.Addr{}, inet.Addr{}},
		{"1.2.3.4:http", inet.Addr{}, inet.Addr{}},
		{"1.2.3.4", inet.Addr{}, inet.Addr{}},
		{"::1:80", inet.Addr{}, inet.Addr{}},
		{"", inet.Addr{}, inet.Addr{}},
	} {
		for what, parse := range map[string]func(string) (inet.Addr, error){"listener": inet.ParseListener, "remote": inet.ParseRemote} {
			want := test.listener
			if what == "remote" {
				want = test.remote
			}
			got, err := parse(test.text)
			if got != want || (err == nil) != (want != inet.Addr{}) {
				t.Errorf("%s %q: got %v, %v; want %v", what, test.text, got, err, want)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), "inet: ") || !strings.Contains(err.Error(), fmt.Sprintf("%q", test.text))) {
				t.Errorf("%s %q: the error says: %v", what, test.text, err)
			}
		}
	}
}

func anyAddr(t *rapid.T) inet.Addr {
	host := rapid.OneOf(rapid.SampledFrom([]string{"a", "::1", "1.2.3.4", "[a]", "a:b", "#", "a)", "handle(", "a+tls(\"b\")", "listener(a", "$a", "$"}), rapid.StringN(1, 4, -1)).Draw(t, "host")
	port := rapid.SampledFrom([]uint16{0, 1, 80, 65535}).Draw(t, "port")
	secure := func(a inet.Addr) inet.Addr {
		if rapid.Bool().Draw(t, "TLS") {
			return a.TLS(host)
		}
		return a
	}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 4:
		return secure(inet.NamedListener(rapid.StringMatching(`[a-zA-Z0-9._-]+`).Draw(t, "name")))
	case 5:
		return secure(inet.NamedRemote(rapid.StringMatching(`[a-zA-Z0-9._-]+`).Draw(t, "name")))
	case 0:
		return inet.Addr{}
	case 1:
		return secure(inet.Remote(host, port))
	case 2:
		return inet.Handle(host)
	default:
		return secure(inet.Listener(rapid.SampledFrom([]string{"", host}).Draw(t, "interface"), port))
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
		var back inet.Addr
		if err := back.UnmarshalText(text); err != nil || back != a {
			t.Fatalf("%q came back as %q, %v", a, back, err)
		}
	})
}

func FuzzAddrText(f *testing.F) {
	for _, text := range []string{"none", "1.2.3.4:80", "[::1]:80", "[::1]:80#2", `handle("a")`, "listener(:1)", "listener([::1]:1)", "a:1#", "[]:1", "$a", "listener($a)", "$a:1", "$"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var a inet.Addr
		if err := a.UnmarshalText([]byte(text)); err == nil && a.String() != text {
			t.Errorf("%q was taken for %q", text, a)
		}
	})
}

func TestUnmarshalTextRefuses(t *testing.T) {
	for _, text := range []string{"", "a", "a:", ":80", "a:080", "a:80#", "a:80#x", "listener(a)", "listener(a:1#2)", "handle(a)", `handle("")`, "[0::1]:80", "::1:80", "none ", "$", "$a b", "listener($)", "listener($a)x"} {
		var a inet.Addr
		err := a.UnmarshalText([]byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "inet: ") {
			t.Errorf("%q was taken for %v, error %v", text, a, err)
		}
	}
}

func TestAddrInJSON(t *testing.T) {
	type both struct{ From, To inet.Addr }
	in := both{inet.Remote("::1", 80), inet.Handle("x")}
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

func TestMistakesPanic(t *testing.T) {
	for name, mistake := range map[string]func(){
		"Remote with an empty host": func() { inet.Remote("", 80) },
		"RemoteAddrPort":            func() { inet.RemoteAddrPort(netip.AddrPort{}) },
		"Handle with an empty id":   func() { inet.Handle("") },
		"TLS of handle":             func() { inet.Handle("a").TLS("") },
		"TLS of none":               func() { inet.Addr{}.TLS("") },
	} {
		func() {
			defer func() {
				text := fmt.Sprint(recover())
				if !strings.HasPrefix(text, "inet: ") || !strings.Contains(text, name) || !strings.Contains(text, ": ") {
					t.Errorf("%s: the panic says: %s", name, text)
				}
			}()
			mistake()
		}()
	}
}

func TestAddressesOfAnyNetwork(t *testing.T) {
	unknown := inet.Remote("unknown", 0)
	for _, test := range []struct {
		addr net.Addr
		want inet.Addr
	}{
		{nil, unknown},
		{&net.UnixAddr{}, unknown},
		{&net.UnixAddr{Name: "socket"}, inet.Remote("socket", 0)},
		{(*net.TCPAddr)(nil), inet.Remote("<nil>", 0)},
		{&net.TCPAddr{Port: 80}, inet.Remote(":80", 0)},
		{&net.TCPAddr{IP: net.IPv4(1, 2, 3, 4), Port: 80}, inet.Remote("1.2.3.4", 80)},
		{&net.UDPAddr{IP: net.IPv6loopback, Port: 80}, inet.Remote("::1", 80)},
	} {
		if got := inet.Of(test.addr); got != test.want {
			t.Errorf("%v is %v, want %v", test.addr, got, test.want)
		}
	}
}
