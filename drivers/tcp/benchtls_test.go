package tcp_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/go-marketplace/marketplace/drivers/tcp"
)

// BenchmarkTLSEcho is the time of one request of 64 bytes, and its answer, on
// several connections with TLS: through the driver, and with a server of package
// crypto/tls that has a goroutine for each connection.
func BenchmarkTLSEcho(b *testing.B) {
	for _, s := range []struct {
		name  string
		serve func(*testing.B) string
	}{
		{"driver", func(b *testing.B) string { return serveDriver(b, secured(tcp.Config{}).Driver(), secureAt) }},
		{"plain", servePlainTLS},
	} {
		b.Run(s.name, func(b *testing.B) {
			addr := s.serve(b)
			settings := named(clientSettings())
			b.SetParallelism(8)
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				c := tls.Client(dial(b, addr), settings)
				defer c.Close()
				buf := make([]byte, 64)
				for p.Next() {
					if _, err := c.Write(buf); err != nil {
						b.Error(err)
						return
					}
					if _, err := io.ReadFull(c, buf); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkTLSStream is the time of 64 KiB of a long stream with TLS, there and
// back.
func BenchmarkTLSStream(b *testing.B) {
	for _, s := range []struct {
		name  string
		serve func(*testing.B) string
	}{
		{"driver", func(b *testing.B) string { return serveDriver(b, secured(tcp.Config{}).Driver(), secureAt) }},
		{"plain", servePlainTLS},
	} {
		b.Run(s.name, func(b *testing.B) {
			stream(b, tls.Client(dial(b, s.serve(b)), named(clientSettings())))
		})
	}
}

// servePlainTLS runs an echo server of package crypto/tls.
func servePlainTLS(b *testing.B) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	return servePlainOn(b, tls.NewListener(l, secured(tcp.Config{}).TLS["web"]), 4<<10)
}
