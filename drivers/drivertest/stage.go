package drivertest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/vm"
)

// A stage is a run of a machine with a driver, in which users do what a script
// says. When a step of the script returns, the machine is at rest, and the driver
// has had Driver.Patience to respond.
//
// Once the machine is gone, the steps of a script do nothing.
type stage struct {
	testing.TB
	driver  Driver
	place   place
	watch   *watch
	hands   hands
	cancel  context.CancelFunc
	over    chan struct{} // closed when the machine is gone
	err     error         // of the machine
	before  map[string]string
	errands []*errand
	counts  map[int]int // of the calls of Driver.Happen, by thing
	users   int
	hurry   bool // steps do not wait until the machine is at rest
	done    bool // finish has been called
}

// An errand is a call of Driver.Happen.
type errand struct {
	name     string
	messages []any
	done     chan struct{}
}

// limit is how long a machine may take to end, and how long anything else may
// take that has to happen at once.
const limit = 10 * time.Minute

// newStage prepares a run of driver d.
func newStage(t testing.TB, d Driver, p place) *stage {
	s := &stage{
		TB:     t,
		driver: d.settings(t),
		place:  p,
		watch:  &watch{open: map[uint64]*vm.Address{}, heard: map[string][]event{}},
		hands:  hands{make(chan deed)},
		over:   make(chan struct{}),
		before: goroutines(),
		counts: map[int]int{},
	}
	s.watch.means = s.driver.Means
	return s
}

// start starts the machine. Its first process performs more last.
func (s *stage) start(more ...actions.Action) {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.watch.cut = cancel, cancel
	if s.watch.cutAt == atStart {
		cancel()
	}
	g := ground.Ground{Watch: s.watch.see}
	boot := actions.Group(s.boot(), actions.Group(more...))
	go func() {
		defer close(s.over)
		s.err = g.Run(ctx, boot)
	}()
	s.rest()
}

// boot returns what the first process of the machine performs.
func (s *stage) boot() actions.Action { return s.place.boot(s.driver, s.hands.director()) }

// rest waits for Driver.Patience, and then until all goroutines wait.
func (s *stage) rest() {
	<-time.After(s.driver.Patience)
	synctest.Wait()
}

// gone reports whether the machine is gone.
func (s *stage) gone() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// do makes the director perform actions.
func (s *stage) do(as ...actions.Action) {
	s.Helper()
	select {
	case s.hands.deeds <- deed{actions.Group(as...)}:
		if s.hurry {
			return
		}
		s.rest()
	case <-s.over:
	}
	s.expectAlive()
}

// expectAlive fails the test if the machine is gone, unless the run is cut.
func (s *stage) expectAlive() {
	s.Helper()
	if s.gone() && s.watch.cutAt == never {
		s.fatalf("the machine has ended, although there are users in it: has the driver ended it?")
	}
}

// happen makes something happen to thing i, and returns the messages that users
// must hear. It reports false if Driver.Happen returns none.
func (s *stage) happen(i int) (messages []any, told bool) {
	s.Helper()
	if s.gone() || s.driver.Happen == nil {
		s.expectAlive()
		return nil, false
	}
	s.counts[i]++
	n := s.counts[i]
	e := &errand{name: fmt.Sprintf("Happen(%d, %d)", i, n), done: make(chan struct{})}
	s.errands = append(s.errands, e)
	go func() {
		defer close(e.done)
		e.messages = s.driver.Happen(i, n)
	}()
	select {
	case <-e.done:
	case <-s.over:
		s.expectAlive()
		return nil, false
	case <-time.After(limit):
		s.fatalf("Driver.%s has not returned: nobody takes what happens outside", e.name)
	}
	s.rest()
	s.expectAlive()
	return e.messages, e.messages != nil
}

// fail makes thing i fail from now on.
func (s *stage) fail(i int) (mend func(), reason error) {
	if s.gone() || s.driver.Fail == nil {
		return nil, nil
	}
	return s.driver.Fail(i)
}

// finish stops the machine, and checks that nothing is left of it.
func (s *stage) finish() {
	s.Helper()
	s.cancel()
	s.awaitEnd("has been stopped")
	s.checkLeftovers()
}

// awaitEnd waits for the end of the machine.
func (s *stage) awaitEnd(because string) {
	s.Helper()
	select {
	case <-s.over:
	case <-time.After(limit):
		s.fatalf("the machine %s, but %v later it has not ended. Open are: %s. What is still running:%s",
			because, limit, list(s.watch.openNow()), s.left())
	}
	synctest.Wait()
}

// checkLeftovers checks that the machine, which is gone, has left nothing behind.
func (s *stage) checkLeftovers() {
	s.Helper()
	s.done = true
	if s.err != nil {
		s.errorf("the machine has ended with an error: %v", s.err)
	}
	for _, f := range s.watch.faults {
		s.errorf("%s", f)
	}
	if open := s.driver.Open(); len(open) > 0 {
		s.errorf("the machine is gone, but outside is still open: %s", list(open))
	}
	s.driver.Close()
	synctest.Wait()
	for _, e := range s.errands {
		select {
		case <-e.done:
		default:
			s.fatalf("Driver.%s has not returned, although Driver.Close has been called", e.name)
		}
	}
	if left := s.left(); left != "" {
		s.errorf("the machine is gone, but goroutines are left:%s", left)
		<-time.After(limit) // some may still end
	}
}

// left returns the stacks of the goroutines that were not there at the
// beginning.
func (s *stage) left() string {
	var b strings.Builder
	for number, stack := range goroutines() {
		if _, ok := s.before[number]; !ok {
			b.WriteString("\n" + stack + "\n")
		}
	}
	return b.String()
}

// abandon ends a run that has failed.
func (s *stage) abandon() {
	if s.done || s.cancel == nil {
		return
	}
	s.done = true
	s.cancel()
	select {
	case <-s.over:
	case <-time.After(limit):
	}
	s.driver.Close()    // the machine may wait for the outside
	<-time.After(limit) // goroutines may still end
	synctest.Wait()
}

// errorf reports a failure.
func (s *stage) errorf(format string, args ...any) {
	s.Helper()
	s.Errorf("drivertest: %v: %s%s", s.place, fmt.Sprintf(format, args...), s.tail())
}

// fatalf reports a failure after which the run cannot go on.
func (s *stage) fatalf(format string, args ...any) {
	s.Helper()
	s.Fatalf("drivertest: %v: %s%s", s.place, fmt.Sprintf(format, args...), s.tail())
}

// tail returns the end of the trace.
func (s *stage) tail() string {
	const most = 30
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	lines := s.watch.lines
	if len(lines) == 0 {
		return ""
	}
	lines = lines[max(0, len(lines)-most):]
	what := "The last of what has happened:"
	if s.watch.cutAt != never {
		what = "The last of what had happened before it was stopped:"
	}
	return "\n" + what + "\n\t" + strings.Join(lines, "\n\t")
}

// list returns names as one text.
func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
