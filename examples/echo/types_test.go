package main

import (
	"io"
	"net"
	"testing"

	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/examples/internal/program"
)

// TestTypes: whenever the server is at rest, all its processes are of types, and
// can be saved and restored.
func TestTypes(t *testing.T) {
	addr = tcp.Listener("127.0.0.1", 0)
	program.CheckTypes(t, echo(), addr, func(addr string) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if _, err := io.WriteString(c, "hello"); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Error(err)
		}
	})
}
