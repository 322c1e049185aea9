package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/world"
)

// A childDevice is the process of a node.
type childDevice struct {
	config   *Config
	launched Launched
}

// The values of a childDevice, besides Output.
type (
	childOpen  struct{}                 // the first
	childReady struct{ Address string } // the node can be reached
)

// A childMeet is the command of a childDevice: it tells the node where another one listens,
// or that this has gone. The address of the parent is that of its network.
type childMeet struct{ Node, Address string }

func init() {
	world.Register[childOpen]("node.childOpen")
	world.Register[childReady]("node.childReady")
	world.Register[childMeet]("node.childMeet")
}

// DeviceName implements [world.Device].
func (d childDevice) DeviceName() string {
	how, _ := unpack(d.launched.How)
	return fmt.Sprintf("node.child(%q, %q, %s)", d.config.Network.NetworkName(), d.launched.Node, codec.Text(how))
}

// Open implements [world.Device]. That a node cannot be started, Recv says: those who want it
// are told so. If nobody wants it any more before it is started, it ends when it is.
func (d childDevice) Open(ctx context.Context, _ world.Env) (world.Handle, error) {
	h := &childHandle{device: d, values: make(chan any, 64), told: make(chan struct{}), gone: make(chan struct{}), closing: make(chan struct{})}
	h.values <- childOpen{}
	launched := make(chan error, 1)
	go func() { launched <- h.launch() }()
	var err error
	select {
	case err = <-launched:
	case <-ctx.Done():
		go func() {
			if <-launched == nil {
				h.running.Kill()
			}
		}()
		return nil, fmt.Errorf("%w: node %q: %w", ErrLaunch, d.launched.Node, context.Cause(ctx))
	}
	if err != nil {
		if !errors.Is(err, ErrLaunch) {
			err = fmt.Errorf("%w: node %q: %w", ErrLaunch, d.launched.Node, err)
		}
		h.reason = err
		close(h.gone)
	}
	return h, nil
}

// A childHandle is an open childDevice.
type childHandle struct {
	device  childDevice
	how     Launcher
	founder Founder
	running Running
	token   string // of the line that says that the node is ready
	ready   bool   // it has said so
	values  chan any
	told    chan struct{} // closed when the process was told who it is
	gone    chan struct{} // closed when the process has ended
	reason  error         // why, then
	once    sync.Once
	closing chan struct{} // closed by Close

	mu sync.Mutex // for what is written to the node
}

// launch starts the process, and tells it who it is.
func (h *childHandle) launch() (err error) {
	c, l := h.device.config, h.device.launched
	how, err := l.launcher()
	if err != nil {
		return err
	}
	o := optionsOf(how)
	h.how = o.Launcher
	if h.founder, err = c.founder(o.Solo); err != nil {
		return err
	}
	if l.Node == c.Network.Node() {
		return fmt.Errorf("%w: node %q is this node", ErrLaunch, l.Node)
	}
	h.token = rand.Text()
	b := bootstrap{Version: version, Token: h.token, Node: l.Node, Parent: c.Network.Node(), Heartbeat: c.Heartbeat, Lease: c.Lease, Window: c.Window, Outlive: c.Outlive, Admission: o.Admission}
	var config []byte
	if b.Kind, config, err = h.founder.Found(l.Node, h.how.Listen()); err != nil {
		return err
	}
	b.Network = json.RawMessage(config)
	if o.Solo {
		c.solos.Store(l.Node, true)
	} else {
		c.solos.Delete(l.Node)
	}
	out, errs := &lines{h: h, stream: Stdout}, &lines{h: h, stream: Stderr}
	if h.running, err = h.how.Launch(out, errs); err != nil {
		return err
	}
	go func() {
		err := h.running.Wait()
		out.end()
		errs.end()
		_ = h.running.Stdin().Close()
		_ = meet(h.founder, l.Node, "")
		if err == nil {
			err = errors.New("exit status 0")
		}
		h.reason = fmt.Errorf("%w: node %q: %w", ErrDown, l.Node, err)
		close(h.gone)
	}()
	go func() { // a node that does not read must not keep this machine waiting
		defer close(h.told)
		if err := writeLine(h.running.Stdin(), b); err == nil {
			return
		}
		select { // most likely it ends by itself, and its status says why
		case <-h.gone:
		case <-time.After(grace):
			h.running.Kill()
		}
	}()
	return nil
}

// write writes an order for the node, if it has not ended.
func (h *childHandle) write(o order) error {
	select {
	case <-h.told:
	case <-h.gone:
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return writeLine(h.running.Stdin(), o)
}

// put passes a value on, unless the device is closed.
func (h *childHandle) put(v any) {
	select {
	case h.values <- v:
	case <-h.closing:
	}
}

// line handles a line that the node has printed.
func (h *childHandle) line(s Stream, text string) {
	l := h.device.launched
	if s != Stdout || h.ready {
		h.put(Output{l.Node, s, text})
		return
	}
	before, r, ok := readReady(text, h.token)
	if !ok {
		h.put(Output{l.Node, s, text})
		return
	}
	if before != "" {
		h.put(Output{l.Node, s, before})
	}
	h.ready = true
	at, err := reachable(r.Address, h.how)
	if err == nil && at != "" {
		err = meet(h.founder, l.Node, at)
	}
	if err != nil {
		h.put(Output{l.Node, Stderr, fmt.Sprintf("node: node %q cannot be reached: %v", l.Node, err)})
		h.running.Kill()
		return
	}
	h.put(childReady{at})
}

// reachable returns the address at which others reach a node that listens on an address: for
// all addresses of another machine, that is the name of the machine.
func reachable(address string, l Launcher) (string, error) {
	if address == "" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if s, ok := l.(SSH); ok {
			host = s.hostname()
		}
	}
	return net.JoinHostPort(host, port), nil
}

// hostname returns the name of the machine of s, without a user and a port.
func (s SSH) hostname() string {
	if u, err := url.Parse(s.Host); err == nil && u.Scheme == "ssh" {
		return u.Hostname()
	}
	if i := bytes.LastIndexByte([]byte(s.Host), '@'); i >= 0 {
		return s.Host[i+1:]
	}
	return s.Host
}

// Recv implements [world.Handle].
func (h *childHandle) Recv() (any, error) {
	select {
	case v := <-h.values:
		return v, nil
	default:
	}
	select {
	case v := <-h.values:
		return v, nil
	case <-h.closing:
		return nil, world.ErrClosed
	case <-h.gone:
	}
	select {
	case v := <-h.values: // what it had printed before its end
		return v, nil
	default:
		return nil, h.reason
	}
}

// Try implements [world.Handle].
func (h *childHandle) Try(commands []any) (int, error) {
	if len(commands) == 0 {
		return 0, nil
	}
	if _, ok := commands[0].(childMeet); !ok {
		return 0, fmt.Errorf("node: a node was told a %T", commands[0])
	}
	return 0, nil // it may block: see Do
}

// Do implements [world.Handle].
func (h *childHandle) Do(command any) error {
	m, ok := command.(childMeet)
	if !ok {
		return fmt.Errorf("node: a node was told a %T", command)
	}
	if own := h.device.config.Network; m.Node == own.Node() {
		if m.Address = address(own); m.Address == "" {
			return nil
		}
	}
	return h.write(order{Meet: m.Node, Address: m.Address})
}

// The time that a node has to end in good order, and then to end at all.
const (
	grace    = 3 * time.Second
	lastWait = time.Second
)

// Close implements [world.Handle]: the node ends in good order, or is killed.
func (h *childHandle) Close() error {
	first := false
	h.once.Do(func() { first = true; close(h.closing) })
	if !first || h.running == nil {
		return nil
	}
	go func() {
		_ = h.write(order{Stop: true}) // the node may not read
	}()
	kill := time.AfterFunc(grace, h.running.Kill)
	defer kill.Stop()
	select {
	case <-h.gone:
	case <-time.After(grace + lastWait): // the system does not let go of it
	}
	return nil
}

// maxText bounds the lines that are passed on, in bytes; longer ones are split.
const maxText = 32 << 10

// A lines is a writer that passes on lines.
type lines struct {
	h      *childHandle
	stream Stream
	rest   []byte
}

// Write implements [io.Writer].
func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		n := bytes.IndexByte(l.rest, '\n')
		switch {
		case n >= 0 && n <= maxText:
			l.h.line(l.stream, string(l.rest[:n]))
			l.rest = l.rest[n+1:]
		case len(l.rest) > maxText:
			l.h.line(l.stream, string(l.rest[:maxText]))
			l.rest = l.rest[maxText:]
		default:
			l.rest = append([]byte(nil), l.rest...)
			return len(p), nil
		}
	}
}

// end passes on a last line that has no end.
func (l *lines) end() {
	if len(l.rest) > 0 {
		l.h.line(l.stream, string(l.rest))
	}
}

var _ io.Writer = (*lines)(nil)
