package tcp

import (
	"net"
	"syscall"
	"testing"
	"time"
	"unique"

	"github.com/go-marketplace/marketplace/world"
)

// The socket has the options of Config.KeepAlive.
func TestDR33KeepAlive(t *testing.T) {
	for name, test := range map[string]struct {
		config             *net.KeepAliveConfig
		on, idle, every, n int
	}{
		"default": {nil, 1, 15, 15, 9},
		"other":   {&net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 5 * time.Second, Count: 3}, 1, 60, 5, 3},
		"off":     {&net.KeepAliveConfig{}, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			s := Config{KeepAlive: test.config}.settings()
			e := &env{}
			dialed, err := dialedConn{network: s.network, limit: s.dial, tuning: s.tuning, remote: Remote("127.0.0.1", uint16(l.Addr().(*net.TCPAddr).Port)), local: us}.Open(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			defer dialed.Close()
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			accepted, err := acceptedConn{tuning: s.tuning, conn: e.Keep(c)}.Open(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			defer accepted.Close()
			for which, h := range map[string]world.Handle{"dialed": dialed, "accepted": accepted} {
				raw, err := h.(*conn).Conn.(*net.TCPConn).SyscallConn()
				if err != nil {
					t.Fatal(err)
				}
				raw.Control(func(fd uintptr) {
					option := func(level, name int) int {
						v, err := syscall.GetsockoptInt(int(fd), level, name)
						if err != nil {
							t.Error(err)
						}
						return v
					}
					if on := option(syscall.SOL_SOCKET, syscall.SO_KEEPALIVE); on != test.on {
						t.Errorf("%s: keep-alive is %d", which, on)
					}
					if test.on == 0 {
						return
					}
					idle, every, n := option(syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE), option(syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL), option(syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT)
					if idle != test.idle || every != test.every || n != test.n {
						t.Errorf("%s: probes come after %d s, every %d s, %d times", which, idle, every, n)
					}
				})
			}
		})
	}
}

// A network whose connections do not support it is not affected.
func TestDR33KeepAliveIsNotForAll(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	e := &env{}
	tune := normal
	tune.keepAlive = keepAlive{set: true}
	h, err := acceptedConn{tuning: unique.Make(tune), conn: e.Keep(near)}.Open(t.Context(), e)
	if err != nil || e.log.Len() > 0 {
		t.Fatal(err, e.log.String())
	}
	h.Close()
}
