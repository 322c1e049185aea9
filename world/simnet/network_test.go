package simnet_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/internal/networktest"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// listen listens on a simulated network.
func listen(t *testing.T, n *simnet.Network, network, address string) net.Listener {
	t.Helper()
	l, err := n.Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestListenAddresses(t *testing.T) {
	tests := []struct{ network, address, want string }{
		{"tcp", "127.0.0.1:80", "127.0.0.1:80"},
		{"tcp", "[::1]:80", "[::1]:80"},
		{"tcp", "[::ffff:10.0.0.1]:80", "10.0.0.1:80"},
		{"tcp", "[fe80::1%eth0]:80", "[fe80::1%eth0]:80"},
		{"tcp", ":80", "[::]:80"},
		{"tcp", "0.0.0.0:80", "[::]:80"},
		{"tcp", "[::]:80", "[::]:80"},
		{"tcp4", ":80", "0.0.0.0:80"},
		{"tcp6", ":80", "[::]:80"},
		{"tcp", "localhost:80", "127.0.0.1:80"},
		{"tcp", "LOCALHOST.:80", "127.0.0.1:80"},
		{"tcp", "10.0.0.1:", "10.0.0.1:49152"},
		{"tcp", "10.0.0.1:0", "10.0.0.1:49152"},
	}
	for _, tt := range tests {
		t.Run(tt.network+" "+tt.address, func(t *testing.T) {
			l := listen(t, simnet.New("test"), tt.network, tt.address)
			if got, ok := l.Addr().(*net.TCPAddr); !ok || got.String() != tt.want {
				t.Errorf("listens on %v, want %v", l.Addr(), tt.want)
			}
		})
	}
}

// A listener accepts connections to the addresses that it covers, and to no others.
func TestReach(t *testing.T) {
	tests := []struct {
		listen, address string
		dial, to        string
		reaches         string // address the server sees itself at; empty if refused
	}{
		{"tcp", "10.0.0.1:80", "tcp", "10.0.0.1:80", "10.0.0.1:80"},
		{"tcp", "10.0.0.1:80", "tcp", "10.0.0.2:80", ""},
		{"tcp", "10.0.0.1:80", "tcp", "10.0.0.1:81", ""},
		{"tcp", ":80", "tcp", "10.0.0.1:80", "10.0.0.1:80"},
		{"tcp", ":80", "tcp", "[2001:db8::1]:80", "[2001:db8::1]:80"},
		{"tcp", "0.0.0.0:80", "tcp", "10.0.0.1:80", "10.0.0.1:80"},
		{"tcp", "[::]:80", "tcp", "10.0.0.1:80", "10.0.0.1:80"},
		{"tcp4", ":80", "tcp", "10.0.0.1:80", "10.0.0.1:80"},
		{"tcp4", ":80", "tcp", "[::1]:80", ""},
		{"tcp6", ":80", "tcp", "10.0.0.1:80", ""},
		{"tcp6", ":80", "tcp6", ":80", "[::1]:80"},
		{"tcp", ":80", "tcp", ":80", "127.0.0.1:80"},
		{"tcp", ":80", "tcp", "0.0.0.0:80", "127.0.0.1:80"},
		{"tcp", ":80", "tcp", "[::]:80", "[::1]:80"},
		{"tcp", "localhost:80", "tcp", "127.0.0.1:80", "127.0.0.1:80"},
		{"tcp", "10.0.0.2:80", "tcp", "both.test:80", "10.0.0.2:80"},
		{"tcp", ":80", "tcp", "both.test:80", "10.0.0.1:80"},
		{"tcp", ":80", "tcp6", "both.test:80", "[2001:db8::1]:80"},
	}
	for _, tt := range tests {
		t.Run(tt.listen+" "+tt.address+" from "+tt.dial+" "+tt.to, func(t *testing.T) {
			n := simnet.New("test")
			n.AddHost("both.test", "10.0.0.1")
			n.AddHost("Both.test.", "10.0.0.2")
			n.AddHost("both.test", "2001:db8::1")
			l := listen(t, n, tt.listen, tt.address)
			client, err := n.Dial(t.Context(), tt.dial, tt.to)
			if tt.reaches == "" {
				if !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("dialed with %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			server, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if got := server.LocalAddr().String(); got != tt.reaches || client.RemoteAddr().String() != got {
				t.Errorf("reached %v, want %v", got, tt.reaches)
			}
		})
	}
}

func TestInUse(t *testing.T) {
	tests := []struct {
		first, firstAddress   string
		second, secondAddress string
		together              bool
	}{
		{"tcp", "10.0.0.1:80", "tcp", "10.0.0.1:80", false},
		{"tcp", "10.0.0.1:80", "tcp", "10.0.0.2:80", true},
		{"tcp", "10.0.0.1:80", "tcp", "10.0.0.1:81", true},
		{"tcp", ":80", "tcp", "10.0.0.1:80", false},
		{"tcp", "10.0.0.1:80", "tcp", ":80", false},
		{"tcp", "[::1]:80", "tcp", ":80", false},
		{"tcp4", ":80", "tcp6", ":80", true},
		{"tcp4", ":80", "tcp", "[::1]:80", true},
		{"tcp4", ":80", "tcp", ":80", false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			n := simnet.New("test")
			first := listen(t, n, tt.first, tt.firstAddress)
			second, err := n.Listen(t.Context(), tt.second, tt.secondAddress)
			if tt.together != (err == nil) || err != nil && !errors.Is(err, syscall.EADDRINUSE) {
				t.Fatalf("the second gave %v", err)
			}
			if err == nil {
				second.Close()
				return
			}
			first.Close()
			listen(t, n, tt.second, tt.secondAddress)
		})
	}
}

func TestNames(t *testing.T) {
	n := simnet.New("test")
	if n.NetworkName() != "test" {
		t.Errorf("it is named %q", n.NetworkName())
	}
	_, err := n.Dial(t.Context(), "tcp", "nowhere.test:80")
	if dns, ok := errors.AsType[*net.DNSError](err); !ok || !dns.IsNotFound || dns.Name != "nowhere.test" {
		t.Errorf("dialing an unknown name gave %v", err)
	}
	if _, err := n.Listen(t.Context(), "tcp", "nowhere.test:80"); !errors.Is(world.Reduce(err), world.ErrHostNotFound) {
		t.Errorf("listening on an unknown name gave %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Listen(cancelled, "tcp", ":80"); !errors.Is(err, context.Canceled) {
		t.Errorf("listening with a cancelled context gave %v", err)
	}
	if _, err := n.Listen(t.Context(), "tcp", "localhost:http"); !errors.Is(world.Reduce(err), world.ErrHostNotFound) {
		t.Errorf("a service name gave %v", err)
	}
	mustPanic(t, func() { simnet.New("") }, "name")
	mustPanic(t, func() { simnet.New("system") }, "name of its own")
	mustPanic(t, func() { n.AddHost("a.test", "b.test") }, "not an IP address")
	mustPanic(t, func() { n.AddHost("127.0.0.1", "127.0.0.1") }, "not a host name")
	mustPanic(t, func() { n.AddHost("", "127.0.0.1") }, "not a host name")
}

// Ports come from a counter, which passes over those in use.
func TestPorts(t *testing.T) {
	n := simnet.New("test")
	var got []int
	port := func(a net.Addr) { got = append(got, a.(*net.TCPAddr).Port) }
	a := listen(t, n, "tcp", "127.0.0.1:0")
	listen(t, n, "tcp", "127.0.0.1:49153")
	b := listen(t, n, "tcp", "127.0.0.1:0")
	port(a.Addr())
	port(b.Addr())
	for range 2 {
		client, _ := networktest.Connect(t, n, a)
		port(client.LocalAddr())
		client.Close()
	}
	if want := []int{49152, 49154, 49155, 49156}; !slices.Equal(got, want) {
		t.Errorf("got the ports %v, want %v", got, want)
	}
}

// When every port is used there are no more connections, until one has ended at
// both ends.
func TestOutOfPorts(t *testing.T) {
	const ports = 65536 - 49152
	n := simnet.New("test")
	n.Backlog = ports + 1
	l := listen(t, n, "tcp", "127.0.0.1:80")
	var first net.Conn
	for i := range ports {
		c, err := n.Dial(t.Context(), "tcp", "127.0.0.1:80")
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		if i == 0 {
			first = c
		}
	}
	dial := func() error {
		_, err := n.Dial(t.Context(), "tcp", "127.0.0.1:80")
		return err
	}
	if err := dial(); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("one more: %v", err)
	}
	if _, err := n.Listen(t.Context(), "tcp", "127.0.0.1:0"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("listening: %v", err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	if err := dial(); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("with one end closed: %v", err)
	}
	server.Close()
	if err := dial(); err != nil {
		t.Errorf("with both ends closed: %v", err)
	}
}

// Beyond the backlog dials wait for their turn, as long as their context lets
// them.
func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New("test")
		n.Backlog = 1
		l := listen(t, n, "tcp", "127.0.0.1:80")
		var order []string
		results := make(chan error)
		dial := func(name string, ctx context.Context) {
			go func() {
				_, err := n.Dial(ctx, "tcp", "127.0.0.1:80")
				if err == nil {
					order = append(order, name) // they connect one after the other
				}
				results <- err
			}()
			synctest.Wait()
		}
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		dial("a", t.Context())
		dial("b", t.Context())
		dial("impatient", short)
		dial("c", t.Context())
		dial("d", t.Context())
		if err := <-results; err != nil {
			t.Errorf("the first: %v", err)
		}
		start := time.Now()
		if err := <-results; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("the impatient one after %v: %v", time.Since(start), err)
		}
		for range 2 {
			if _, err := l.Accept(); err != nil {
				t.Fatal(err)
			}
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if want := []string{"a", "b", "c"}; !slices.Equal(order, want) {
			t.Errorf("connected in the order %q, want %q", order, want)
		}
		l.Close()
		if err := <-results; !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("the listener closed: %v", err)
		}
	})
}

// Closing a listener resets the connections that are not accepted.
func TestCloseResetsBacklog(t *testing.T) {
	n := simnet.New("test")
	l := listen(t, n, "tcp", "127.0.0.1:80")
	c, err := n.Dial(t.Context(), "tcp", "127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	networktest.WantError(t, c, syscall.ECONNRESET)
}
