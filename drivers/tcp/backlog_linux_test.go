package tcp

import (
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// DR-27: as many connections may wait to be accepted as Config.Backlog says, or
// the system allows.
func TestDR27Backlog(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		t.Skip("the limit of the system cannot be told:", err)
	}
	most, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for backlog, want := range map[int]int{0: most, 7: min(most, 7), 1 << 20: min(most, 1<<20)} {
		h, err := newDriver(Config{Backlog: backlog}.settings()).device(Listener("127.0.0.1", 0)).Open(t.Context(), &env{})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if got := backlogOf(t, h.(*openListener).socket.(*net.TCPListener)); got != want {
			t.Errorf("with Backlog %d it is %d, want %d", backlog, got, want)
		}
	}
}

// backlogOf returns the backlog of a listening socket. It is in the bytes 28 to 31 of
// the system's TCP_INFO, which is the position of Mtu in an IPv6MTUInfo.
func backlogOf(t *testing.T, l *net.TCPListener) (n int) {
	raw, err := l.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		info, err := syscall.GetsockoptIPv6MTUInfo(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
		if err != nil {
			t.Error(err)
			return
		}
		n = int(info.Mtu)
	})
	if err != nil {
		t.Error(err)
	}
	return n
}
