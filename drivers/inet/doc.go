// Package inet has the addresses that package tcp and package udp share. An [Addr] is
// the address of a peer, made with [Remote], or one of this side, made with [Listener]
// for a given port or with [Handle] for any port:
//
//	inet.Remote("example.com", 80)
//	inet.Listener("", 5999)
//	inet.Handle("question")
//
// An Addr is comparable. Its text, as [Addr.String] returns it, can be read again with
// [Addr.UnmarshalText]. [ParseListener] and [ParseRemote] read addresses as users write
// them. Package tcp and package udp have these functions, too.
package inet

import "github.com/go-marketplace/marketplace/world"

func init() { world.Register[Addr]("inet.Addr") }
