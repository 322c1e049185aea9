//go:build !unix

package udp

import (
	"net"
	"net/netip"
)

// rawSender returns nil: there is no way to send without waiting.
func rawSender(*net.UDPConn, func(netip.AddrPort) netip.AddrPort) func([]any) (int, error) {
	return nil
}

// rawReceiver returns nil: there is no way to receive without waiting.
func rawReceiver(*net.UDPConn) func([]byte) (int, netip.AddrPort, bool) { return nil }
