package ground_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// stderrOf returns what is written to standard error while f runs.
func stderrOf(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	defer func(was *os.File) { os.Stderr = was }(os.Stderr)
	os.Stderr = file
	f()
	b, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// byDefault returns the default log of a machine with these boot actions.
func byDefault(t *testing.T, boot ...actions.Action) string {
	t.Helper()
	t.Setenv("MARKETPLACE_LOG", "")
	return stderrOf(t, func() {
		if err := ground.Run(t.Context(), boot...); err != nil {
			t.Error(err)
		}
	})
}

// lines returns the lines of a log, without their times.
func lines(log string) (all []string) {
	for line := range strings.Lines(log) {
		all = append(all, strings.TrimSuffix(regexp.MustCompile(`^time=\S+ `).ReplaceAllString(line, ""), "\n"))
	}
	return all
}

func mustSay(t *testing.T, log string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(log, w) {
			t.Errorf("there is no %q in\n%s", w, log)
		}
	}
}

// inAWhile performs actions after others have had their turns.
func inAWhile(as ...actions.Action) actions.Action {
	a := actions.Group(as...)
	for range 3 {
		next := a
		a = actions.Yield(func(struct{}) actions.Transition[struct{}] { return actions.Stateless(next) })
	}
	return a
}

// share divides by the number in a message.
func share(j job) actions.Action { return actions.Send(say{fmt.Sprint(12 / j.Left)}) }

// Issue 9.8: by default the log has a panic, with the process, the event, and the
// stack of the program, which begins at the function that panicked.
func TestDefaultLogPanic(t *testing.T) {
	log := byDefault(t,
		actions.Spawn(vm.Nested(actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(share)))).Named("divider"),
			inAWhile(actions.Send(job{0})))))
	got := lines(log)
	if len(got) < 2 || !strings.HasPrefix(got[0], `level=ERROR msg=crashed path=2/2 name=divider event="ground_test.job{`) ||
		!strings.Contains(got[0], "integer divide by zero") || !strings.HasPrefix(got[1], "\tgithub.com/go-marketplace/marketplace/ground_test.share(") {
		t.Errorf("got\n%s", log)
	}
	if strings.Contains(strings.Join(got[1:], "\n"), "runtime") || strings.Contains(log, "vm.(*kernel)") || strings.Count(log, "level=") != 1 {
		t.Errorf("got\n%s", log)
	}
}

// split divides by the number in a message, in a closure of a generic function that
// the compiler names after this package.
func split(s, _ job) actions.Transition[job] { return actions.Next(job{12 / s.Left}) }

// Issue 9.8: the stack of a panic has the program's own functions only, even where
// a function of this library is named after the package that calls it.
func TestDefaultLogPanicOwnFrames(t *testing.T) {
	plain := endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(share))
	state := endpoint.Subscriber(topic.All[job](), endpoint.OnMessageState(split))
	for name, p := range map[string]actions.Process{"share": actions.Stateless(plain), "split": actions.Next(job{}, state)} {
		log := byDefault(t, actions.Spawn(p), inAWhile(actions.Send(job{0})))
		if got := lines(log); len(got) != 3 || !strings.HasPrefix(got[1], "\tgithub.com/go-marketplace/marketplace/ground_test."+name+"(") {
			t.Errorf("got\n%s", log)
		}
	}
}

// Issue 9.8: the whole stack of a panic is kept, and the trace begins at the
// function of the program even if it was this library that panicked.
func TestPanicTrace(t *testing.T) {
	var boot, handler *vm.PanicError
	note := func(to **vm.PanicError) actions.Action {
		return endpoint.ObserveSubscribers(topic.All[job](), endpoint.OnAbsence(func(_ job, reason error) actions.Action {
			*to, _ = reason.(*vm.PanicError)
			return nil
		}))
	}
	g := ground.Ground{Logger: slog.New(slog.DiscardHandler), Watch: func(r *vm.Record) {
		if p, ok := r.Reason.(*vm.PanicError); ok && r.Kind == vm.Crashed && r.Name() == "boot!" {
			boot = p
		}
	}}
	err := g.Run(t.Context(), note(&handler),
		actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(job) actions.Action {
			return actions.Spawn(vm.NestedFunc(nil)) // panics in package vm
		})))),
		actions.SpawnFunc(func(self actions.PID) actions.Process { return []actions.Process{}[self] }).Named("boot!"),
		inAWhile(actions.Send(job{0})))
	if err != nil || boot == nil || handler == nil {
		t.Fatal(err, boot, handler)
	}
	for _, p := range []*vm.PanicError{boot, handler} {
		trace := string(p.Trace())
		if !strings.HasPrefix(trace, "github.com/go-marketplace/marketplace/ground_test.TestPanicTrace.func") || strings.Contains(trace, "vm.(*") {
			t.Errorf("the trace is\n%s", trace)
		}
		if !strings.Contains(string(p.Stack), "vm.(*Machine).protect") {
			t.Errorf("the stack is\n%s", p.Stack)
		}
	}
	if got := (&vm.PanicError{Stack: []byte("strange\n")}).Trace(); string(got) != "strange\n" {
		t.Errorf("the trace of a strange stack is %q", got)
	}
}

// Issue 9.8: an end that nobody observes is a warning, at every depth; one that is
// observed is none, and neither is the end of a run.
func TestDefaultLogEnds(t *testing.T) {
	fails := actions.Spawn(actions.Stateless(endpoint.Publisher(topic.All[claim]()), actions.Yield(func(struct{}) actions.Transition[struct{}] {
		return actions.Stateless(actions.Fail(errBoom))
	}))).Named("misfit")
	lifted := actions.Spawn(actions.Stateless(actions.AtMeta(endpoint.Publisher(topic.All[claim]())), actions.Yield(func(struct{}) actions.Transition[struct{}] {
		return actions.Stateless(actions.Yield(func(struct{}) actions.Transition[struct{}] { return actions.Stateless(actions.Fail(errBoom)) }))
	}))).Named("misfit")
	observer := endpoint.ObservePublishers(topic.All[claim](), endpoint.OnAbsence(func(claim, error) actions.Action { return nil }))
	counting := endpoint.ObservePublishers(topic.All[claim](), endpoint.OnLast(func(claim) actions.Action { return nil }))
	own := actions.Spawn(actions.Stateless(endpoint.Publisher(topic.All[claim]()), observer, actions.Yield(func(struct{}) actions.Transition[struct{}] {
		return actions.Stateless(actions.Fail(errBoom))
	}))).Named("misfit")
	other := actions.Spawn(actions.Stateless(observer))
	for name, tt := range map[string]struct {
		boot  actions.Action
		warns bool
	}{
		"unobserved":               {fails, true},
		"observed":                 {actions.Group(other, fails), false},
		"observed, without reason": {actions.Group(actions.Spawn(actions.Stateless(counting)), fails), true},
		"observed by itself":       {own, true},
		"unobserved, inside":       {nested(2, fails), true},
		"observed, inside":         {nested(2, other, fails), false},
		"observed one level down":  {actions.Group(other, actions.Spawn(vm.Nested(fails))), true},
		"lifted, observed":         {actions.Group(other, actions.Spawn(vm.Nested(lifted))), false},
		"lifted, observed inside":  {actions.Spawn(vm.Nested(actions.Spawn(actions.Stateless(actions.AtMeta(observer))), lifted)), false},
		"lifted, not observed":     {nested(1, other, lifted), true},
		"observed from elsewhere":  {actions.Group(nested(1, actions.AtMeta(observer)), fails), false},
		"state":                    {actions.Spawn(actions.Next(3, endpoint.Subscriber(topic.All[job](), endpoint.OnMessageState(sum2)))).Named("misfit"), true},
	} {
		log := byDefault(t, tt.boot)
		if got := strings.Contains(log, "level=WARN msg=ended path="); got != tt.warns || got && !strings.Contains(log, "name=misfit reason=") {
			t.Errorf("%s: got\n%s", name, log)
		}
	}
}

func sum2(s string, _ job) actions.Transition[string] { return actions.Next(s) }

// Issue 9.8: a program that is stopped logs nothing, and neither does one that is
// silenced.
func TestDefaultLogSilence(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newStage()
	t.Setenv("MARKETPLACE_LOG", "")
	if log := stderrOf(t, func() {
		if err := ground.Run(ctx, actions.Spawn(actions.Stateless(publish())), endpoint.Device(puppet{"p", s}, endpoint.OnValue(func(hello) actions.Action { cancel(); return nil }))); err != nil {
			t.Error(err)
		}
	}); log != "" {
		t.Errorf("a stop says\n%s", log)
	}
	t.Setenv("MARKETPLACE_LOG", "off")
	if log := stderrOf(t, func() {
		if err := ground.Run(t.Context(), actions.Send(say{}), actions.Spawn(actions.Stateless(actions.Fail(errBoom)))); err != nil {
			t.Error(err)
		}
	}); log != "" {
		t.Errorf("silence is\n%s", log)
	}
}

// Issue 9.8: a process that fails again and again does not fill the log.
func TestDefaultLogIsBounded(t *testing.T) {
	var boot []actions.Action
	for range 1000 {
		boot = append(boot, actions.Spawn(actions.Stateless(actions.Fail(errBoom))))
	}
	log := byDefault(t, boot...)
	if n := strings.Count(log, "msg=ended path="); n != 21 || !strings.Contains(log, "reason=boom repeated=980\n") {
		t.Errorf("%d of 1000 were said:\n%s", n, log)
	}
}

// Issue 9.8: the log has the actions that a process left undone when it ended, except
// for those that do not matter any more. HL-92, B-M07.
func TestDefaultLogDropped(t *testing.T) {
	log := byDefault(t, actions.Spawn(actions.Stateless(actions.Quit(), actions.Quit(), actions.Delete("x"), actions.Send(say{"bye"}))).Named("hasty"))
	if n := strings.Count(log, "level="); n != 1 {
		t.Errorf("%d lines in\n%s", n, log)
	}
	mustSay(t, log, "level=WARN msg=dropped path=2 name=hasty action=\"send ground_test.say{")
}

// Issue 9.8: if a process ends with many actions undone, every logger gets one line,
// with a count. HL-92, B-M07.
func TestDroppedIsCounted(t *testing.T) {
	all := actions.Tree{actions.Quit(), actions.Quit()}
	for range 500 {
		all = append(all, actions.Send(say{"bye"}), actions.Delete("x"))
	}
	boot := actions.Spawn(actions.Stateless(all)).Named("hasty")
	for _, level := range []slog.Level{slog.LevelWarn, slog.LevelInfo} {
		var b strings.Builder
		g := ground.Ground{Logger: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: level}))}
		if err := g.Run(t.Context(), boot); err != nil {
			t.Error(err)
		}
		if log := b.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "level=WARN msg=dropped path=2 name=hasty action=\"send ground_test.say{") || !strings.Contains(log, "count=500\n") {
			t.Errorf("got\n%s", log)
		}
	}
	log := byDefault(t, boot)
	if strings.Count(log, "level=") != 1 || !strings.Contains(log, "count=500\n") {
		t.Errorf("got\n%s", log)
	}
}

// Issue 9.8: every logger gets a repeated message of a device once, and then a count.
func TestDeviceLogIsCounted(t *testing.T) {
	var b strings.Builder
	g := ground.Ground{Logger: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if err := g.Run(t.Context(), endpoint.Device(complaining{})); err != nil {
		t.Error(err)
	}
	got := lines(b.String())
	if len(got) != 2 || got[0] != `level=WARN msg="a refusal" n=0` || got[1] != `level=WARN msg="a refusal" n=9 repeated=9` {
		t.Errorf("got\n%s", b.String())
	}
}

// complaining is a device that complains ten times, and ends.
type complaining struct{}

func (complaining) DeviceName() string { return "complaining" }

func (complaining) Open(_ context.Context, env world.Env) (world.Handle, error) {
	for n := range 10 {
		env.Logger().Warn("a refusal", "n", n)
	}
	return nil, io.EOF
}

// Issue 9.10: a message that nobody hears is a warning if an endpoint nearly matched,
// once for each type.
func TestNearMisses(t *testing.T) {
	hears := func(o ...actions.Action) actions.Action { return actions.Spawn(actions.Stateless(o...)).Named("ear") }
	values := endpoint.Subscriber(topic.All[parcel](), endpoint.OnMessage(func(parcel) actions.Action { return nil }))
	pointers := endpoint.Subscriber(topic.All[*parcel](), endpoint.OnMessage(func(*parcel) actions.Action { return nil }))
	pinned := endpoint.Subscriber(topic.Where(parcelTo.Is(7)), endpoint.OnMessage(func(parcel) actions.Action { return nil }))
	for name, tt := range map[string]struct {
		boot []actions.Action
		want string // nothing for no near miss
	}{
		"pointer":                      {[]actions.Action{hears(values), inAWhile(actions.Send(&parcel{}), actions.Send(&parcel{}))}, "type=*ground_test.parcel because=\"it is a pointer, and process 2 ear is subscriber of ground_test.parcel{}: send the value\""},
		"value":                        {[]actions.Action{hears(pointers), inAWhile(actions.Send(parcel{}))}, "it is a value, and process 2 ear is subscriber of *ground_test.parcel{}"},
		"pinned":                       {[]actions.Action{hears(pinned), inAWhile(actions.Send(parcel{8, 1}), actions.Send(parcel{9, 1}))}, "process 2 ear is subscriber of ground_test.parcel{To: 7}, where To is 7, and in the message it is 8"},
		"further out":                  {[]actions.Action{hears(values), inAWhile(actions.Spawn(vm.Nested(actions.Send(parcel{}))))}, "process 2 ear, one level further out, is"},
		"further in":                   {[]actions.Action{actions.Spawn(vm.Nested(actions.AtMeta(publish()), hears(values))), inAWhile(actions.Send(parcel{}))}, "process 2/2 ear, one level further in, is"},
		"too late":                     {[]actions.Action{actions.Send(parcel{}), hears(values)}, "process 2 ear has become subscriber of ground_test.parcel{} only after that: spawn it first, or send when it is there"},
		"takes none":                   {[]actions.Action{hears(endpoint.Subscriber(topic.All[parcel](), endpoint.OnPresence(func(parcel) actions.Action { return nil }))), inAWhile(actions.Send(parcel{}))}, "takes no messages"},
		"watches only":                 {[]actions.Action{hears(endpoint.ObservePublishers(topic.All[parcel](), endpoint.OnPresence(func(parcel) actions.Action { return nil }))), inAWhile(actions.Send(parcel{}))}, ""},
		"serves demand":                {[]actions.Action{hears(endpoint.ObservePublishers(topic.All[parcel](), endpoint.OnFirst(func(parcel) actions.Action { return nil }))), inAWhile(actions.Send(parcel{}))}, "takes no messages, or not yet"},
		"feedback":                     {[]actions.Action{hears(endpoint.Publisher(topic.Where(parcelTo.Is(7)), endpoint.OnMessage(func(parcel) actions.Action { return nil }))), inAWhile(actions.Feedback(parcel{8, 1}))}, "type=\"feedback ground_test.parcel\" because=\"process 2 ear is publisher of"},
		"has just gone":                {[]actions.Action{hears(pinned, endpoint.Subscriber(topic.Where(parcelTo.Is(8)), endpoint.OnMessage(func(parcel) actions.Action { return nil })).As("gone"), actions.Delete("gone")), inAWhile(actions.Send(parcel{8, 1}))}, ""},
		"sent to a publisher":          {[]actions.Action{hears(endpoint.Publisher(topic.All[parcel](), endpoint.OnMessage(func(parcel) actions.Action { return nil }))), inAWhile(actions.Send(parcel{}))}, "because=\"process 2 ear is publisher of ground_test.parcel{}, and hears feedback only: use actions.Feedback, or let it subscribe\""},
		"feedback to a subscriber":     {[]actions.Action{hears(values), inAWhile(actions.Feedback(parcel{}))}, "because=\"process 2 ear is subscriber of ground_test.parcel{}, and hears no feedback: use actions.Send, or let it publish\""},
		"another publisher":            {[]actions.Action{hears(endpoint.Publisher(topic.All[parcel](), endpoint.OnMessage(func(parcel) actions.Action { return nil }))), endpoint.Publisher(topic.All[parcel](), endpoint.OnMessage(func(parcel) actions.Action { return nil })), inAWhile(actions.Send(parcel{}))}, ""},
		"publisher that hears nothing": {[]actions.Action{hears(endpoint.Publisher(topic.All[parcel]())), inAWhile(actions.Send(parcel{}))}, ""},
		"publisher of another":         {[]actions.Action{hears(endpoint.Publisher(topic.Where(parcelTo.Is(7)), endpoint.OnMessage(func(parcel) actions.Action { return nil }))), inAWhile(actions.Send(parcel{8, 1}))}, ""},
		"nothing near":                 {[]actions.Action{hears(values), inAWhile(actions.Send(say{}))}, ""},
		"too late, myself":             {[]actions.Action{actions.Send(parcel{}), values}, ""},
	} {
		log := byDefault(t, tt.boot...)
		if n := strings.Count(log, "nobody hears a message"); n != len(tt.want[:min(1, len(tt.want))]) || !strings.Contains(log, tt.want) {
			t.Errorf("%s: got %d warnings; want %q:\n%s", name, n, tt.want, log)
		}
	}
}

// Issue 9.10: when the machine comes to rest, and when the run ends, one line
// names the types of which nobody has ever heard a message.
func TestUnheardTypes(t *testing.T) {
	heard := actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(j job) actions.Action { return actions.When(j.Left == 1, actions.Quit()) }))))
	log := byDefault(t, heard, inAWhile(actions.Send(say{"a"}), actions.Feedback(hello{}), actions.Send(say{"b"}), actions.Send(job{1}), inAWhile(actions.Send(job{2}))))
	if strings.Count(log, "level=") != 1 {
		t.Errorf("got\n%s", log)
	}
	mustSay(t, log, `msg="nobody has ever heard a message of these types: is a driver missing?" types="ground_test.say (2, the first of 1 boot), feedback ground_test.hello (1, the first of 1 boot)"`)

	// What comes after the first rest is said at the end.
	synctest.Test(t, func(t *testing.T) {
		l, s := &logBook{}, newStage()
		go func() {
			synctest.Wait() // the machine is at rest
			s.values <- say{"one"}
			close(s.values)
		}()
		g := ground.Ground{Logger: l.logger()}
		if err := g.Run(t.Context(), actions.Send(say{}), endpoint.Device(puppet{"p", s}, endpoint.OnValue(func(s say) actions.Action {
			return actions.Group(actions.Send(s), actions.Send(job{}))
		}))); err != nil {
			t.Error(err)
		}
		if got := lines(l.String()); len(got) != 2 || !strings.HasSuffix(got[0], `types="ground_test.say (1, the first of 1 boot)"`) ||
			!strings.HasSuffix(got[1], `types="ground_test.say (2, the first of 1 boot), ground_test.job (1, the first of 1 boot)"`) {
			t.Errorf("got\n%s", l)
		}
	})
}

// Issue 9.8: if a run ends at once, because a driver is missing, the log says who
// waits for it.
func TestForgottenDriver(t *testing.T) {
	log := byDefault(t, actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[say](), endpoint.OnMessage(func(say) actions.Action { return nil })))).Named("reader"))
	mustSay(t, log, `level=WARN msg="the run is over, because no device is open, though processes wait for somebody: is a driver missing?" processes="2 reader as subscriber of ground_test.say{}"`)
	if log := byDefault(t, publish(), actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[claim]())))); log != "" {
		t.Errorf("got\n%s", log)
	}
	if log := byDefault(t); log != "" {
		t.Errorf("got\n%s", log)
	}
}

// Issue 9.8: the log does not say who waits after a failure, because that is the
// likely cause.
func TestForgottenDriverIsNoConsequence(t *testing.T) {
	waits := actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[say](), endpoint.OnMessage(func(say) actions.Action { return nil })))).Named("reader")
	for name, wrong := range map[string]actions.Action{
		"panic":         actions.SpawnFunc(func(actions.PID) actions.Process { panic("no paper") }),
		"end":           actions.Spawn(actions.Stateless(actions.Fail(errBoom))),
		"end, inside":   actions.Spawn(vm.Nested(actions.Spawn(actions.Stateless(actions.Fail(errBoom))))),
		"end, observed": actions.Group(actions.Spawn(actions.Stateless(endpoint.ObservePublishers(topic.All[claim](), endpoint.OnAbsence(func(claim, error) actions.Action { return nil })))), actions.Spawn(actions.Stateless(endpoint.Publisher(topic.All[claim]()), actions.Fail(errBoom)))),
		"exit":          endpoint.Exit(nil),
	} {
		if log := byDefault(t, waits, inAWhile(wrong)); strings.Contains(log, "is a driver missing") {
			t.Errorf("%s: got\n%s", name, log)
		}
	}
}
