package simnet_test

import (
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/world/internal/networktest"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// The tests of this file also run on the network of the system, in package world.

// simulated runs a test on a simulated network, in a bubble.
func simulated(t *testing.T, test func(t *testing.T, network networktest.Network)) {
	synctest.Test(t, func(t *testing.T) { test(t, simnet.New("test")) })
}

func TestNetworkErrors(t *testing.T) { networktest.TestErrors(t, simulated) }
func TestListen(t *testing.T)        { networktest.TestListen(t, simulated) }
func TestConn(t *testing.T)          { networktest.TestConn(t, simulated) }

func TestDR64PacketsThereAndBack(t *testing.T) { networktest.TestPackets(t, simulated) }
func TestDR68AllInterfaces(t *testing.T)       { networktest.TestAllInterfaces(t, simulated) }
func TestDR68Multicast(t *testing.T)           { networktest.TestMulticast(t, simulated) }
func TestPacketErrors(t *testing.T)            { networktest.TestPacketErrors(t, simulated) }
func TestPacketsIPv6Only(t *testing.T)         { networktest.TestIPv6Only(t, simulated) }
func TestDR67PacketsAreCutOff(t *testing.T)    { networktest.TestTruncation(t, simulated) }
func TestPacketConnAddresses(t *testing.T)     { networktest.TestPacketAddresses(t, simulated) }
func TestPacketDeadlines(t *testing.T)         { networktest.TestPacketDeadlines(t, simulated) }
func TestPacketConnClose(t *testing.T)         { networktest.TestPacketClose(t, simulated) }
func TestLookupNetIP(t *testing.T)             { networktest.TestLookupNetIP(t, simulated) }
