package distributed_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/networktest"
)

// TestTLSPortTaken: Offer fails while another program has the port, says so, and works
// afterwards.
func TestTLSPortTaken(t *testing.T) {
	ns := realm(t, "a", "b")
	first := networktest.Offer(t, ns[1], "room")
	at := ns[1].Addr().String()
	_ = first.Close()
	if ns[1].Addr() != nil {
		t.Errorf("nothing is offered, and the address is %v", ns[1].Addr())
	}
	other, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = ns[1].Offer(t.Context(), "room")
		if !errors.Is(err, syscall.EADDRINUSE) || !containsAll(err.Error(), []string{at, `"b"`, `"room"`}) {
			t.Errorf("the error is %v", err)
		}
		if ns[1].Addr() != nil {
			t.Errorf("nothing is offered, and the address is %v", ns[1].Addr())
		}
	}
	_ = other.Close()
	networktest.Pair(t, asNetworks(ns))
}

// TestTLSListensOnLoopback: others reach a node only if it was told so. B-P02.
func TestTLSListensOnLoopback(t *testing.T) {
	key := keyFile(t, strings.Repeat("k", 32))
	for listen, loopback := range map[string]bool{"": true, ":0": true, "127.0.0.1:0": true, "0.0.0.0:0": false} {
		n := mustTLS(t, distributed.TLSConfig{Node: "a", RealmKeyFile: key, Listen: listen})
		networktest.Offer(t, n, "room")
		if got := n.Addr().(*net.TCPAddr).IP.IsLoopback(); got != loopback {
			t.Errorf("listening on %q is on %v", listen, n.Addr())
		}
	}
}

// A flakyListener fails as its test says.
type flakyListener struct {
	net.Listener
	fails chan error
}

func (l *flakyListener) Accept() (net.Conn, error) {
	select {
	case err := <-l.fails:
		return nil, err
	default:
		return l.Listener.Accept()
	}
}

// TestTLSAcceptFails: a node goes on after an error that passes. After another error its
// offers end, and can be made anew when all are closed.
func TestTLSAcceptFails(t *testing.T) {
	ns := realm(t, "a", "b")
	fails := make(chan error, 10)
	distributed.WrapListener(ns[1], func(l net.Listener) net.Listener { return &flakyListener{l, fails} })
	for range 3 {
		fails <- &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	o, other := networktest.Offer(t, ns[1], "room"), networktest.Offer(t, ns[1], "hall")
	client := networktest.Dial(t, ns[0], "b", "room")
	home := networktest.Accept(t, o, "b", "room")
	defer home.Close()
	go client.Close()

	fails <- syscall.EINVAL
	stray, err := net.Dial("tcp", ns[1].Addr().String()) // after which Accept is called again
	if err != nil {
		t.Fatal(err)
	}
	defer stray.Close()
	for _, o := range []distributed.Offer{o, other} {
		if _, err := o.Accept(); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), `"b" listens no more`) {
			t.Errorf("Accept: %v", err)
		}
	}
	if _, err := ns[1].Offer(t.Context(), "attic"); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("Offer: %v", err)
	}
	_ = o.Close()
	_ = other.Close()
	networktest.Pair(t, asNetworks(ns))
}

// TestTLSCrowd: when too many are in the handshake, the oldest gives way, and nodes get in.
func TestTLSCrowd(t *testing.T) {
	p := newPKI(t)
	c := p.node(t, "r", "b")
	c.MaxHandshakes, c.HandshakeLimit = 3, time.Hour
	n, o, log := serve(t, c)
	var crowd []net.Conn
	for range 10 {
		s := mustDial(t, n)
		defer s.Close()
		crowd = append(crowd, s)
	}
	for _, s := range crowd[:7] {
		_, _ = io.Copy(io.Discard, s)
	}
	awaitRefusals(t, n, 7)
	log.mustLog(t, "too many others came")
	goesOn(t, p, n, o)
	_ = o.Close()
	for _, s := range crowd[7:] {
		_, _ = io.Copy(io.Discard, s)
	}
	if n.Refused() != 8 { // one for the link of goesOn
		t.Errorf("%d were refused; want 8", n.Refused())
	}
}

// TestTLSFullOffer: links that nobody accepts are bounded.
func TestTLSFullOffer(t *testing.T) {
	ns := realm(t, "a", "b")
	o := networktest.Offer(t, ns[1], "room")
	var links []distributed.Link
	for range 130 {
		links = append(links, networktest.Dial(t, ns[0], "b", "room"))
	}
	awaitRefusals(t, ns[1], 2)
	var work sync.WaitGroup
	for _, l := range links {
		work.Go(func() { _ = l.Close() })
	}
	_ = o.Close()
	work.Wait()
	if ns[1].Refused() != 2 {
		t.Errorf("%d links were refused; want 2", ns[1].Refused())
	}
}

// strays are ways to come to a listener without being a node of its realm.
func strays(t *testing.T) []func(c *net.TCPConn) {
	stranger := newPKI(t)
	other := stranger.client(stranger.issue(t, nil, "marketplace://r/a"))
	nobody := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"marketplace/1"}}
	read := func(c io.Reader) { _, _ = io.Copy(io.Discard, c) }
	return []func(c *net.TCPConn){
		func(c *net.TCPConn) {},
		func(c *net.TCPConn) { _ = c.SetLinger(0) },
		func(c *net.TCPConn) { read(c) },
		func(c *net.TCPConn) { _ = c.CloseWrite(); read(c) },
		func(c *net.TCPConn) { _, _ = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n"); read(c) },
		func(c *net.TCPConn) { _, _ = c.Write([]byte{22, 3, 1, 0, 200, 1}); _ = c.CloseWrite(); read(c) },
		func(c *net.TCPConn) { _, _ = c.Write([]byte{22, 3, 1, 0, 200, 1}); _ = c.SetLinger(0) },
		func(c *net.TCPConn) { _ = tls.Client(c, other).Handshake(); read(c) },
		func(c *net.TCPConn) { _ = tls.Client(c, nobody).Handshake() },
		func(c *net.TCPConn) { t := tls.Client(c, nobody); _, _ = t.Write(frame(0)); read(t) },
	}
}

// TestTLSManyStrays: 10,000 stray connections are refused, a link goes on meanwhile, and
// nothing is left of them. B-P01.
func TestTLSManyStrays(t *testing.T) {
	many := 10_000
	if testing.Short() {
		many = 500
	}
	p := newPKI(t)
	c := p.node(t, "r", "b")
	c.HandshakeLimit = 500 * time.Millisecond
	n, o, log := serve(t, c)
	live := p.node(t, "r", "live")
	live.Peers = map[string]string{"b": n.Addr().String()}
	client := networktest.Dial(t, mustTLS(t, live), "b", "room")
	home := networktest.Accept(t, o, "b", "room")
	ways := strays(t)
	descriptors, goroutines := openFiles(), runtime.NumGoroutine()

	var mu sync.Mutex
	beat := func() { // the link goes on
		mu.Lock()
		defer mu.Unlock()
		for _, ends := range [][2]distributed.Link{{client, home}, {home, client}} {
			if err := ends[0].Send([]byte("beat")); err != nil {
				t.Error(err)
				return
			}
			if f, err := ends[1].Receive(); err != nil || string(f) != "beat" {
				t.Errorf("%q, %v", f, err)
			}
		}
	}
	var next atomic.Int64
	var work sync.WaitGroup
	for range 50 {
		work.Go(func() {
			for i := next.Add(1); i <= int64(many); i = next.Add(1) {
				c, err := net.Dial("tcp", n.Addr().String())
				if err != nil {
					t.Error(err)
					continue
				}
				ways[int(i)%len(ways)](c.(*net.TCPConn))
				_ = c.Close()
				beat()
			}
		})
	}
	work.Wait()
	awaitRefusals(t, n, uint64(many))
	await(t, func() bool { return openFiles() <= descriptors && runtime.NumGoroutine() <= goroutines }, func() string {
		return fmt.Sprintf("there were %d descriptors and %d goroutines, and there are %d and %d", descriptors, goroutines, openFiles(), runtime.NumGoroutine())
	})
	if n.Refused() != uint64(many) {
		t.Errorf("%d connections were refused; want %d", n.Refused(), many)
	}
	_ = o.Close()
	log.mustLog(t, "repeated=")
	if lines := strings.Count(log.String(), "\n"); lines > 200 {
		t.Errorf("the log has %d lines", lines)
	}
	go client.Close()
}

// openFiles returns the number of open descriptors, where the system tells.
func openFiles() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// TestTLSCutHandshakes cuts the connection after each byte of the handshake and of the first
// frames, in both directions.
func TestTLSCutHandshakes(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 41
	}
	p := newPKI(t)
	n, o, _ := serve(t, p.node(t, "r", "b"))
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		for {
			l, err := o.Accept()
			if err != nil {
				return
			}
			if _, err := l.Receive(); err == nil { // the HELLO
				_ = l.Send([]byte("answer"))
			}
			_ = l.Close()
		}
	}()
	cut := cutter{make(chan [2]int64, 1), make(chan [2]int64, 1)}
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var proxy sync.WaitGroup
	proxy.Go(func() { cut.serve(front, n.Addr().String()) })
	c := p.node(t, "r", "a")
	c.Peers = map[string]string{"b": front.Addr().String()}
	client := mustTLS(t, c)
	try := func(limits [2]int64) (whole bool) {
		cut.limits <- limits
		l, err := client.Dial(t.Context(), "b", "room")
		if err != nil {
			return false
		}
		defer l.Close()
		_ = l.Send(networktest.Hello("b", "room"))
		f, err := l.Receive()
		return err == nil && string(f) == "answer"
	}
	if !try([2]int64{1 << 20, 1 << 20}) {
		t.Fatal("an uncut connection fails")
	}
	n0 := <-cut.done
	up, down := n0[0], n0[1]
	tries := 0
	for i := int64(0); i < max(up, down)-200; i += int64(step) { // the end is not part of the handshake
		for _, limits := range [][2]int64{{i, 1 << 20}, {1 << 20, i}} {
			if try(limits) && limits[0] < up-200 && limits[1] < down-200 {
				t.Errorf("cut after %d of %d bytes up, %d of %d bytes down, a frame has arrived", limits[0], up, limits[1], down)
			}
			<-cut.done
			tries++
		}
	}
	_ = front.Close()
	proxy.Wait()
	_ = o.Close()
	<-accepted
	t.Logf("%d handshakes were cut; %d bytes go up, and %d down", tries, up, down)
}

// A cutter forwards connections, one after the other, and cuts them after some bytes.
type cutter struct {
	limits chan [2]int64 // of bytes up and down, for the next one
	done   chan [2]int64 // how many bytes it has forwarded
}

func (c *cutter) serve(l net.Listener, to string) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		there, err := net.Dial("tcp", to)
		if err != nil {
			_ = from.Close()
			return
		}
		var n [2]int64
		limits := <-c.limits
		var work sync.WaitGroup
		forward := func(i int, dst, src net.Conn, limit int64) {
			n[i], _ = io.CopyN(dst, src, limit)
			if n[i] == limit { // otherwise the end is passed on
				_ = from.Close()
				_ = there.Close()
				return
			}
			_ = dst.(*net.TCPConn).CloseWrite()
		}
		work.Go(func() { forward(0, there, from, limits[0]) })
		work.Go(func() { forward(1, from, there, limits[1]) })
		work.Wait()
		_ = from.Close()
		_ = there.Close()
		c.done <- n
	}
}
