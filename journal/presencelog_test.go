package journal_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// A pin hides its value.
type pin string

func (pin) String() string { return "***" }

// A badge is the name of an endpoint.
type badge struct {
	Holder string
	pin    pin
	Until  time.Duration
	Next   *badge
}

type celsius float64

// A logged reason has another text in logs, and the text of a mute one panics.
type (
	loggedReason struct{ text string }
	muteReason   struct{ text *string }
)

func (r loggedReason) Error() string        { return r.text }
func (r loggedReason) LogValue() slog.Value { return slog.StringValue("***") }
func (r muteReason) Error() string          { return *r.text }

// Journals keep the names of endpoints, their roles and the reasons of absences as
// texts, and a replay compares them. So these texts never change: those of values, of
// errors, and of actions in reasons that the machine makes.
func TestPresenceChangeTexts(t *testing.T) {
	var all actions.Tree
	spawn := func(name string, as ...actions.Action) {
		all = append(all, actions.Spawn(actions.Stateless(as...)).Named(name))
	}
	inside := func(name string, as ...actions.Action) {
		all = append(all, actions.Spawn(vm.Nested(actions.Spawn(actions.Stateless(as...)).Named(name))).Named("machine"))
	}
	e := endpoint.Subscriber(topic.Where(slipAccount.Is("ann")))
	for i, id := range []actions.EndpointID{
		"a\nb", 3, 2.5, true, celsius(3), pin("4711"), badge{"ann", "4711", time.Second, &badge{Holder: "bob"}}, &badge{Holder: "carl"},
		[2]any{1, []byte("x")[0]}, time.Unix(1, 5).UTC(), topic.All[Slip](), actions.PID(3), struct{ A any }{world.Alarm{Label: "x"}},
		errors.New("an error"), counter{"north", nil},
	} {
		spawn(fmt.Sprint("opens ", i), e.As(id), actions.Replace(endpoint.Publisher(topic.All[Slip]()).As(id)), actions.Delete(id))
	}
	spawn("opens no name", e)
	text := "a\ttext"
	for i, reason := range []error{
		errors.New("no\nmore"), fmt.Errorf("wrapped: %w", io.EOF), world.Reduce(io.EOF), loggedReason{"4711"}, muteReason{nil}, muteReason{&text},
	} {
		spawn(fmt.Sprint("goes ", i), e.As("it"), actions.Delete("it").Because(reason), actions.Fail(reason))
	}
	d := world.Alarm{Label: "x"}
	yield := actions.Yield(func(struct{}) actions.Transition[struct{}] { return actions.Stateless() })
	fresh := actions.Fresh(func(struct{}, actions.EndpointID) actions.Transition[struct{}] { return actions.Stateless() })
	wanted := []actions.Action{
		e, e.As(badge{Holder: "ann"}), actions.Replace(e.As("it")), actions.Delete("it"), actions.Delete("it").Because(io.EOF),
		actions.Send(Slip{"ann", 3}), actions.Send(badge{"ann", "4711", time.Second, nil}), actions.Feedback("x"), actions.Spawn(actions.Stateless()),
		actions.Spawn(actions.Stateless()).Named("child"), actions.Quit(), actions.Fail(io.EOF), actions.Kill(3, io.EOF), yield, fresh,
		actions.OpenDevice{Device: d}, actions.OpenDevice{Device: d}.StartPaused(), actions.OpenDevice{}, actions.Tell(d, Receipt{"ann", 3}),
		actions.Tell(d, badge{"ann", "4711", time.Second, nil}), actions.Close(d), actions.Pause(d), actions.Resume(d),
	}
	for i, a := range wanted {
		spawn(fmt.Sprint("wants ", i), actions.AtMeta(a))
		inside(fmt.Sprint("wants inside ", i), actions.AtMeta(a))
	}
	for i, a := range []actions.Action{
		actions.TellDevice{Command: "x"}, actions.CloseDevice{}, actions.FlowControl{Paused: true}, actions.FlowControl{}, actions.OpenDevice{},
		actions.AddEndpoint{ID: []int{1}}, actions.Tree{e.As("it"), endpoint.Publisher(topic.All[Slip]()).As("it")}, actions.SpawnProcess{},
	} {
		spawn(fmt.Sprint("errs ", i), a)
	}
	inside("is seen", actions.AtMeta(e.As("it"), actions.Replace(endpoint.Publisher(topic.All[Slip]()).As("it")), actions.Delete("it").Because(io.EOF)))

	dir := filepath.Join(t.TempDir(), "roll.journal")
	program := journal.Booting(all)
	synctest.Test(t, func(t *testing.T) {
		if err := run(t.Context(), dir, journal.Config{CheckEvery: 1}, program, func() {}); err != nil {
			t.Fatal(err)
		}
	})
	h := read(t, dir)
	var b strings.Builder
	for d, err := range h.Details(1) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%d %v\n\t%s\n\tdigest %v\n", d.Input.Seq, &d.Input, strings.Join(d.PresenceChanges, "\n\t"), d.Digest)
	}
	vmtest.Golden(t, filepath.Join("testdata", "rolls.golden"), b.String())
	if _, err := h.Replay(t.Context(), program, journal.ReplayConfig{}); err != nil {
		t.Error(err)
	}
}
