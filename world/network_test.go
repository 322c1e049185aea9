package world_test

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/internal/networktest"
)

// onSystem runs a test on the loopback interface of the operating system.
func onSystem(t *testing.T, test func(t *testing.T, network networktest.Network)) {
	test(t, world.SystemNetwork().(networktest.Network))
}

func TestNetworkErrors(t *testing.T) { networktest.TestErrors(t, onSystem) }
func TestListen(t *testing.T)        { networktest.TestListen(t, onSystem) }
func TestConn(t *testing.T)          { networktest.TestConn(t, onSystem) }

func TestDR64PacketsThereAndBack(t *testing.T) { networktest.TestPackets(t, onSystem) }
func TestDR68AllInterfaces(t *testing.T)       { networktest.TestAllInterfaces(t, onSystem) }
func TestDR68Multicast(t *testing.T)           { networktest.TestMulticast(t, onSystem) }
func TestPacketErrors(t *testing.T)            { networktest.TestPacketErrors(t, onSystem) }
func TestPacketsIPv6Only(t *testing.T)         { networktest.TestIPv6Only(t, onSystem) }
func TestDR67PacketsAreCutOff(t *testing.T)    { networktest.TestTruncation(t, onSystem) }
func TestPacketConnAddresses(t *testing.T)     { networktest.TestPacketAddresses(t, onSystem) }
func TestPacketDeadlines(t *testing.T)         { networktest.TestPacketDeadlines(t, onSystem) }
func TestPacketConnClose(t *testing.T)         { networktest.TestPacketClose(t, onSystem) }
func TestLookupNetIP(t *testing.T)             { networktest.TestLookupNetIP(t, onSystem) }

func TestSystemNetwork(t *testing.T) {
	if world.SystemNetwork() != world.SystemNetwork() {
		t.Error("two values of the system network differ")
	}
	if got := world.SystemNetwork().NetworkName(); got != "system" {
		t.Errorf("it is named %q", got)
	}
}

func TestSystemPacketNetworkIsTheSystem(t *testing.T) {
	var system any = world.SystemNetwork()
	if system != any(world.SystemPacketNetwork()) {
		t.Error("there are two networks of the system")
	}
}

// The zone of a group is the interface on which the socket joins the group, and
// on which it sends to the group.
func TestDR68GroupsOnAnInterface(t *testing.T) {
	network := world.SystemPacketNetwork()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	const able = net.FlagUp | net.FlagMulticast
	i := slices.IndexFunc(all, func(i net.Interface) bool { return i.Flags&able == able })
	if i < 0 {
		t.Skip("no interface does multicast")
	}
	for _, zone := range []string{all[i].Name, strconv.Itoa(all[i].Index)} {
		for _, group := range []string{"239.77.1.4", "ff02::4d:4"} {
			t.Run(group+"%"+zone, func(t *testing.T) {
				member := networktest.Socket(t, network, "udp", net.JoinHostPort(group+"%"+zone, "0"))
				to := netip.AddrPortFrom(netip.MustParseAddr(group), networktest.AddrPort(member).Port())
				if _, err := member.WriteToUDPAddrPort([]byte("hello"), to); err != nil {
					t.Skipf("there is no way to the group: %v", err)
				}
				networktest.WantPacket(t, member, "hello")
			})
		}
	}
	if c, err := network.ListenPacket(t.Context(), "udp", "[ff02::4d:4%nowhere]:0"); err == nil {
		c.Close()
		t.Error("joined a group on an interface that is not there")
	}
}
