// Package inet has the addresses that the drivers of package tcp and package udp
// share: an [Addr] is that of a peer, or one on this side.
package inet

import "github.com/go-marketplace/marketplace/world"

func init() { world.Register[Addr]("inet.Addr") }
