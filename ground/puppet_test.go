package ground_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A puppet is a device that a test controls.
type puppet struct {
	Name string
	s    *stage
}

// A stage has puppets, and a log of their calls.
type stage struct {
	values  chan any    // what Recv returns next; closed: the end
	stuck   bool        // commands are not carried out by Try
	release chan func() // Do waits for one of these, if it is not nil
	refuse  any         // a command that fails
	fails   error       // of opening
	opening chan struct{}

	mu   sync.Mutex
	log  []string
	live int
}

func newStage() *stage { return &stage{values: make(chan any)} }

func (s *stage) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *stage) notes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...)
}

func (p puppet) DeviceName() string { return "puppet " + p.Name }

func (p puppet) Open(ctx context.Context, env world.Env) (world.Handle, error) {
	if p.s.opening != nil {
		select {
		case <-p.s.opening:
		case <-ctx.Done():
			p.s.note("%s: opening cancelled", p.Name)
			return nil, ctx.Err()
		}
	}
	if p.s.fails != nil {
		return nil, p.s.fails
	}
	p.s.mu.Lock()
	p.s.live++
	p.s.log = append(p.s.log, fmt.Sprintf("%s: open %d", p.Name, p.s.live))
	p.s.mu.Unlock()
	return &playing{puppet: p, env: env, closed: make(chan struct{}), first: true}, nil
}

// hello is the first value of a puppet, with the Env in which it was opened.
type hello struct{ Env world.Env }

type playing struct {
	puppet
	env    world.Env
	first  bool
	once   sync.Once
	closed chan struct{}
}

func (p *playing) Recv() (any, error) {
	if p.first {
		p.first = false
		return hello{p.env}, nil
	}
	select {
	case v, ok := <-p.s.values:
		if !ok {
			return nil, io.EOF
		}
		if err, ok := v.(error); ok {
			return nil, err
		}
		return v, nil
	case <-p.closed:
		return nil, errPuppetClosed
	}
}

func (p *playing) Try(commands []any) (int, error) {
	if p.s.stuck {
		return 0, nil
	}
	for i, c := range commands {
		if err := p.carryOut("try", c); err != nil {
			return i, err
		}
	}
	return len(commands), nil
}

func (p *playing) Do(command any) error {
	if p.s.release != nil {
		select {
		case f := <-p.s.release:
			f()
		case <-p.closed:
			return errPuppetClosed
		}
	}
	return p.carryOut("do", command)
}

func (p *playing) carryOut(how string, c any) error {
	if p.s.refuse != nil && c == p.s.refuse {
		return io.ErrShortWrite
	}
	p.s.note("%s: %s %v", p.Name, how, c)
	return nil
}

func (p *playing) Close() error {
	p.once.Do(func() {
		close(p.closed)
		p.s.mu.Lock()
		p.s.live--
		p.s.log = append(p.s.log, fmt.Sprintf("%s: close", p.Name))
		p.s.mu.Unlock()
	})
	return nil
}

var errPuppetClosed = io.ErrClosedPipe

func init() {
	world.Register[hello]("ground_test.hello")
	world.Register[say]("ground_test.say")
}

// say is a value of a puppet.
type say struct{ Text string }

// job is work that a process passes on.
type job struct{ Left int }

// claim is what a process publishes that others watch.
type claim struct{}

var errBoom = errors.New("boom")

// publish keeps a process visible.
func publish() actions.Action { return endpoint.Publisher(topic.All[claim]()) }

// A parcel is a message whose topics pin the address.
type parcel struct{ To, Weight int }

var parcelTo = topic.FieldOf(func(p *parcel) *int { return &p.To })
