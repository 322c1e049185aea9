package proof

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// TestListenersListenAgain: after a crash the tcp driver listens where it did,
// or on another port if it may choose; connections that had come in are gone,
// and others come.
func TestListenersListenAgain(t *testing.T) {
	for _, at := range []tcp.Addr{tcp.Listener("127.0.0.1", 80), tcp.Listener("127.0.0.1", 0)} {
		t.Run(at.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := simnet.New("sim")
				c := crashing(t, func() []actions.Action {
					return []actions.Action{
						tcp.Config{Network: network, IdleLimit: time.Hour}.Driver(),
						endpoint.ObservePublishers(tcp.ListeningAt(at),
							endpoint.OnPresence(func(l tcp.Listening) actions.Action { return say("listening on %v", l.Bound) }),
							endpoint.OnAbsence(func(l tcp.Listening, reason error) actions.Action { return say("no more on %v, %v", l.Bound, reason) })),
						endpoint.ObservePublishers(tcp.Arriving(at),
							endpoint.OnPresence(func(d tcp.Data) actions.Action {
								return actions.Tree{say("%v comes", d.From), actions.Spawn(echo(d.From, d.To))}
							}),
							endpoint.OnAbsence(func(d tcp.Data, reason error) actions.Action { return say("%v goes, %v", d.From, reason) })),
					}
				})
				first, second := at.Port(), at.Port()
				if first == 0 {
					first, second = 49152, 49154 // of the network, which counts, and gives 49153 to ann
				}
				c.says(fmt.Sprintf("listening on 127.0.0.1:%d", first))
				ann := dial(t, network, first)
				defer ann.Close()
				c.says(ann.LocalAddr().String() + " comes")
				c.crash(time.Minute)
				gone := fmt.Sprintf("%v goes, tcp: %v: the connection did not survive a restart of the machine", ann.LocalAddr(), ann.LocalAddr())
				if first == second {
					c.says(gone)
				} else {
					c.says(gone, fmt.Sprintf("no more on 127.0.0.1:%d, <nil>", first), fmt.Sprintf("listening on 127.0.0.1:%d", second))
				}
				bob := dial(t, network, second)
				defer bob.Close()
				c.says(bob.LocalAddr().String() + " comes")
				fmt.Fprintln(bob, "hello")
				if line, err := bufio.NewReader(bob).ReadString('\n'); line != "hello\n" {
					t.Errorf("bob hears %q, %v", line, err)
				}
				bob.Close()
				c.says(bob.LocalAddr().String() + " goes, <nil>")
				c.end()
			})
		})
	}
}

func dial(t *testing.T, n *simnet.Network, port uint16) net.Conn {
	t.Helper()
	c, err := n.Dial(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// echo says what it hears, until the peer has gone.
func echo(them, us tcp.Addr) actions.Process {
	return actions.Stateless(
		endpoint.Publisher(tcp.Flow(us, them)),
		endpoint.Subscriber(tcp.Flow(them, us),
			endpoint.OnMessage(func(d tcp.Data) actions.Action { return actions.Send(tcp.Data{From: us, To: them, Bytes: d.Bytes}) }),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() })),
	)
}

// TestDialledConnectionsThatCannotBeMadeAgain: it is the same if the peer is not
// there any more.
func TestDialledConnectionsThatCannotBeMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New("sim")
		l, err := network.Listen(t.Context(), "tcp", "127.0.0.1:7")
		if err != nil {
			t.Fatal(err)
		}
		us, them := tcp.Handle("us"), tcp.Remote("127.0.0.1", 7)
		c := crashing(t, func() []actions.Action {
			return []actions.Action{tcp.Config{Network: network}.Driver(), endpoint.Subscriber(tcp.Flow(them, us),
				endpoint.OnPresence(func(tcp.Data) actions.Action { return say("it is there") }),
				endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action { return say("it is gone, %v", reason) }))}
		})
		c.says("it is there")
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		l.Close()
		c.crash(time.Minute)
		c.says("it is gone, tcp: 127.0.0.1:7: the connection did not survive a restart of the machine")
		c.end()
	})
}

// TestDialledConnectionsAreInterrupted: a connection that a process has made is
// gone after a crash, and its users are told so. A process that wants another
// one makes it.
func TestDialledConnectionsAreInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New("sim")
		l, err := network.Listen(t.Context(), "tcp", "127.0.0.1:7")
		if err != nil {
			t.Fatal(err)
		}
		accepted := make(chan net.Conn, 10)
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					close(accepted)
					return
				}
				accepted <- conn
			}
		}()
		us, them := tcp.Handle("us"), tcp.Remote("127.0.0.1", 7)
		c := crashing(t, func() []actions.Action {
			user := func(n string) actions.Action {
				return actions.Spawn(actions.Stateless(
					endpoint.Publisher(tcp.Flow(us, them)),
					endpoint.Subscriber(tcp.Flow(them, us),
						endpoint.OnPresence(func(tcp.Data) actions.Action { return say("%s: it is there", n) }),
						endpoint.OnMessage(func(d tcp.Data) actions.Action { return say("%s: it says %s", n, d.Bytes) }),
						endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action {
							return actions.Tree{say("%s: it is gone, %v", n, reason), actions.Fail(reason)}
						}))))
			}
			return []actions.Action{tcp.Config{Network: network, IdleLimit: time.Hour}.Driver(), user("one")}
		})
		c.says("one: it is there")
		fmt.Fprint(<-accepted, "hello")
		c.says("one: it says hello")
		c.crash(time.Minute)
		c.says("one: it is gone, tcp: 127.0.0.1:7: the connection did not survive a restart of the machine")
		c.crash(time.Minute) // there is nothing left to be interrupted
		c.says()
		c.end()
		l.Close()
		for conn := range accepted {
			conn.Close()
		}
	})
}
