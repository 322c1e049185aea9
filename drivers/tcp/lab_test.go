package tcp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A lab is a ground that runs, with a driver. Its users do what the test tells them,
// and report what they hear.
type lab struct {
	*testing.T
	network world.Network
	root    *user
	sim     bool
	stop    func() // stops the machine, and waits for it
}

// everywhere runs a test on a simulated network and on that of the system.
func everywhere(t *testing.T, c tcp.Config, test func(*lab)) {
	t.Run("simulated", func(t *testing.T) { simulated(t, c, test) })
	t.Run("system", func(t *testing.T) { onSystem(t, c, test) })
}

func simulated(t *testing.T, c tcp.Config, test func(*lab)) {
	synctest.Test(t, func(t *testing.T) {
		if c.Network == nil {
			c.Network = simnet.New("test")
		}
		newLab(t, c, true).run(test)
	})
}

func onSystem(t *testing.T, c tcp.Config, test func(*lab)) {
	c.Network = world.SystemNetwork()
	newLab(t, c, false).run(test)
}

func newLab(t *testing.T, c tcp.Config, sim bool, around ...func(actions.Process) actions.Process) *lab {
	l := &lab{T: t, network: c.Network, sim: sim}
	l.root = l.newUser("root")
	var boot actions.Process = actions.Stateless(c.Driver(), l.root.hold())
	for _, f := range around {
		boot = f(boot)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() {
		stopped <- new(ground.Ground).RunFunc(ctx, func(actions.PID) actions.Process { return boot })
		close(stopped)
	}()
	l.stop = func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}
	l.root.do() // which returns once the machine runs
	return l
}

func (l *lab) run(test func(*lab)) {
	defer l.stop()
	test(l)
}

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

// A user is a process that does what it is told.
type user struct {
	l     *lab
	name  string
	deeds chan actions.Action
	heard chan event
}

// An event is what a user hears.
type event struct {
	what      string
	data      tcp.Data
	listening tcp.Listening
	reason    error
}

func (e event) String() string {
	return fmt.Sprintf("%s %v to %v, %d bytes, end %v, %v %v", e.what, e.data.From, e.data.To, len(e.data.Bytes), e.data.EOF, e.listening, e.reason)
}

func (l *lab) newUser(name string) *user {
	return &user{l, name, make(chan actions.Action), make(chan event, 1<<16)}
}

// user starts a user in the machine.
func (l *lab) user(name string) *user {
	u := l.newUser(name)
	l.root.do(actions.Spawn(actions.Stateless(u.hold())).Named(name))
	return u
}

func (u *user) hold() actions.Action {
	return endpoint.Device(hands{u}, endpoint.OnValue(func(a deed) actions.Action { return a.Action }))
}

// do makes the user perform actions.
func (u *user) do(as ...actions.Action) { u.deeds <- actions.Group(as...) }

// hands is the device by which a test controls a user.
type hands struct{ *user }

type deed struct{ actions.Action }

func (h hands) DeviceName() string { return "hands of " + h.name }

func (h hands) Open(context.Context, world.Env) (world.Handle, error) {
	return &moved{hands: h, closed: make(chan struct{})}, nil
}

type moved struct {
	hands
	told   bool
	closed chan struct{}
}

func (m *moved) Recv() (any, error) {
	if !m.told {
		m.told = true
		return struct{}{}, nil
	}
	select {
	case a := <-m.deeds:
		return deed{a}, nil
	case <-m.closed:
		return nil, world.ErrClosed
	}
}

func (m *moved) Try([]any) (int, error) { return 0, nil }
func (m *moved) Do(any) error           { return nil }
func (m *moved) Close() error           { close(m.closed); return nil }

func (u *user) tell(e event) actions.Action { u.heard <- e; return nil }

// hear returns an endpoint whose events the user reports to the test.
func (u *user) hear(o topic.Orientation, i topic.Interest, p topic.Pattern[tcp.Data]) actions.AddEndpoint {
	return endpoint.New(o, i, p,
		endpoint.OnPresence(func(c tcp.Data) actions.Action { return u.tell(event{what: "presence", data: c}) }),
		endpoint.OnAbsence(func(c tcp.Data, reason error) actions.Action {
			return u.tell(event{what: "absence", data: c, reason: reason})
		}),
		endpoint.OnMessage(func(d tcp.Data) actions.Action {
			if i != topic.Participant {
				return nil
			}
			return u.tell(event{what: "data", data: d})
		}),
	)
}

// observe makes the user observe what arrives.
func (u *user) observe(at tcp.Addr) actions.Action {
	return u.hear(topic.Subscriber, topic.Observer, tcp.Arriving(at)).As("observe")
}

// subscribe makes the user subscribe to a flow, and publish the flow back, without a
// report.
func (u *user) subscribe(from, to tcp.Addr) actions.Action {
	return u.hear(topic.Subscriber, topic.Participant, tcp.Flow(from, to)).As("in")
}

func publish(from, to tcp.Addr) actions.Action {
	return endpoint.Publisher(tcp.Flow(from, to)).As("out")
}

func (u *user) watchListening(at tcp.Addr) actions.Action {
	return endpoint.ObservePublishers(tcp.ListeningAt(at),
		endpoint.OnPresence(func(l tcp.Listening) actions.Action { return u.tell(event{what: "listening", listening: l}) }),
		endpoint.OnAbsence(func(l tcp.Listening, reason error) actions.Action {
			return u.tell(event{what: "not listening", listening: l, reason: reason})
		}),
	).As("listening")
}

// next returns what the user hears next.
func (u *user) next(what string) event {
	u.l.Helper()
	select {
	case e := <-u.heard:
		if e.what != what {
			u.l.Fatalf("%s heard %v; want %s", u.name, e, what)
		}
		return e
	case <-time.After(patience):
		u.l.Fatalf("%s heard nothing; want %s", u.name, what)
	}
	return event{}
}

// until returns the first event of a kind that the user hears, and drops the ones
// before.
func (u *user) until(what string) event {
	u.l.Helper()
	over := time.After(patience)
	for {
		select {
		case e := <-u.heard:
			if e.what == what {
				return e
			}
		case <-over:
			u.l.Fatalf("%s did not hear %s", u.name, what)
		}
	}
}

// silence checks that the user hears nothing more. Only simulated time tells.
func (u *user) silence() {
	u.l.Helper()
	if !u.l.sim {
		return
	}
	synctest.Wait()
	select {
	case e := <-u.heard:
		u.l.Fatalf("%s heard %v; want silence", u.name, e)
	default:
	}
}

// read reads n bytes of data.
func (u *user) read(n int) []byte {
	u.l.Helper()
	var b []byte
	for len(b) < n {
		b = append(b, u.next("data").data.Bytes...)
	}
	return b
}

// end checks that the flow ends now, in the right way.
func (u *user) end() {
	u.l.Helper()
	if e := u.next("data"); !e.data.EOF || len(e.data.Bytes) > 0 {
		u.l.Fatalf("%s heard %v; want the end", u.name, e)
	}
	if e := u.next("absence"); e.reason != nil {
		u.l.Fatalf("%s heard %v; want an end without a reason", u.name, e)
	}
}

// listen makes a user listen and observe, and returns the address to dial.
func (u *user) listen(at tcp.Addr) (bound tcp.Addr) {
	u.l.Helper()
	u.do(u.watchListening(at), u.observe(at))
	return u.next("listening").listening.Bound
}

// dial connects to where the machine listens.
func (l *lab) dial(at tcp.Addr) *conn {
	l.Helper()
	c, err := l.network.Dial(context.Background(), "tcp", at.String())
	if err != nil {
		l.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		l.Fatal(err)
	}
	return &conn{c, l}
}

// conn is the other end of a connection.
type conn struct {
	net.Conn
	l *lab
}

func (c *conn) write(text string) {
	c.l.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.l.Fatal(err)
	}
}

// read checks what comes next.
func (c *conn) read(want string) {
	c.l.Helper()
	b := make([]byte, len(want))
	if n, err := io.ReadFull(c, b); err != nil || string(b) != want {
		c.l.Fatalf("read %q, %v; want %q", b[:n], err, want)
	}
}

// end checks that nothing more comes.
func (c *conn) end() {
	c.l.Helper()
	if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
		c.l.Fatalf("read %d bytes %.20q, %v; want the end", len(b), b, err)
	}
}

func (c *conn) closeWrite() {
	c.l.Helper()
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		c.l.Fatal(err)
	}
}

func (c *conn) reset() {
	c.l.Helper()
	if err := c.Conn.(interface{ SetLinger(int) error }).SetLinger(0); err != nil {
		c.l.Fatal(err)
	}
	c.Close()
}

func data(from, to tcp.Addr, text string) actions.Action {
	return actions.Send(tcp.Data{From: from, To: to, Bytes: []byte(text)})
}

func eof(from, to tcp.Addr) actions.Action {
	return actions.Send(tcp.Data{From: from, To: to, EOF: true})
}

// pattern returns n bytes that are not the same everywhere.
func pattern(n int) []byte {
	b := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz\n"), n/37+1)
	return b[:n]
}

// loopback is where tests listen.
var loopback = tcp.Listener("127.0.0.1", 0)
