package tcp_test

import (
	"errors"
	"io"
	"net/netip"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
)

// DR-27: with NoReuse, an address is refused as long as former connections linger
// there. TestDR27AddressIsUsedAgain shows the contrary without NoReuse.
func TestDR27NoReuse(t *testing.T) {
	onSystem(t, tcp.Config{NoReuse: true}, func(l *lab) {
		first, session := l.user("first"), l.user("session")
		bound := first.listen(loopback)
		c := l.dial(bound)
		them := first.next("presence").data.From
		session.do(publish(loopback, them), session.subscribe(them, loopback))
		session.next("presence")
		first.do(actions.Delete("observe"))
		first.until("not listening")
		session.do(eof(loopback, them), actions.Quit()) // this side closes first, and its port lingers
		io.ReadAll(c)
		c.Close()
		again := l.user("again")
		at := tcp.Listener("127.0.0.1", bound.Port())
		again.do(again.watchListening(at), again.observe(at))
		again.next("listening") // without Bound: the failure is told
		if e := again.next("not listening"); !errors.Is(e.reason, syscall.EADDRINUSE) {
			l.Errorf("heard %v; want that the address is in use", e)
		}
	})
}

// DR-27: connections come from the address of Config.DialFrom.
func TestDR27DialFrom(t *testing.T) {
	for from, want := range map[string]string{"127.0.0.2": "127.0.0.2", "::ffff:127.0.0.3": "127.0.0.3", "192.0.2.1": ""} {
		onSystem(t, tcp.Config{DialFrom: netip.MustParseAddr(from)}, func(l *lab) {
			listener, them := l.far()
			defer listener.Close()
			u := l.user("user")
			u.do(publish(me, them), u.subscribe(them, me))
			u.next("presence")
			if want == "" { // which is no address of this host
				if e := u.next("absence"); !errors.Is(e.reason, syscall.EADDRNOTAVAIL) {
					l.Errorf("heard %v; want that there is no such address", e)
				}
				return
			}
			c, err := listener.Accept()
			if err != nil {
				l.Fatal(err)
			}
			defer c.Close()
			if got := netip.MustParseAddrPort(c.RemoteAddr().String()).Addr(); got != netip.MustParseAddr(want) {
				l.Errorf("a connection from %v comes from %v", from, got)
			}
		})
	}
}
