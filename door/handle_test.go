package door

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// The handle ignores commands for an earlier opening: those before ready.
func TestHandleIgnoresEarlierOpening(t *testing.T) {
	d := New("shop")
	h, err := device{"shop", d}.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &subscription{limit: 10, wake: make(chan struct{}, 1)}
	d.subs[1] = s
	early, late := told{ID: 1, Kind: Message, Message: topic.MessageOf(1)}, told{ID: 1, Kind: Message, Message: topic.MessageOf(2)}
	if n, err := h.Try([]any{early, over{errors.New("early")}, taken{1}, ready{}, late, taken{5}}); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	if e, ok := s.take(); !ok || e.Message.Value() != 2 {
		t.Errorf("the subscription heard %v, %v", e, ok)
	}
	if err := h.Close(); err != nil || strings.Contains(d.closed.Error(), "early") {
		t.Error(err, d.closed)
	}
}

// A value of the device holds no more than MaxSize bytes, and no more than maxBatch
// requests.
func TestBatchIsBounded(t *testing.T) {
	d := New("shop")
	opening, err := device{"shop", d}.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := opening.Recv(); v != any(d.memory) || err != nil {
		t.Fatal(v, err)
	}
	for range maxBatch + 1 {
		if _, _, err := d.enqueue(remark{}, 10, false); err != nil {
			t.Fatal(err)
		}
	}
	for _, size := range []int{MaxSize, MaxSize - 1, 1, 1} {
		if _, _, err := d.enqueue(remark{}, size, false); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{maxBatch, 1, 1, 2, 1} {
		v, err := opening.Recv()
		n := 1
		if b, ok := v.(batch); ok {
			n = len(b.Items)
		}
		if n != want || err != nil {
			t.Fatalf("a value has %d requests, want %d, error %v", n, want, err)
		}
	}
	if len(d.flight) != maxBatch+5 || len(d.queue) != 0 {
		t.Errorf("%d are in flight, and %d wait", len(d.flight), len(d.queue))
	}
	_ = opening.Close()
}

// When the device is closed, a request that the machine has taken may have been carried
// out, and one that it has not taken was not. Both errors have the reason.
func TestCloseAnswersEverything(t *testing.T) {
	d := New("shop")
	h, err := device{"shop", d}.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = h.Recv()
	taken, _, _ := d.enqueue(remark{}, 1, false)
	_, _ = h.Recv()
	waiting, _, _ := d.enqueue(remark{}, 1, false)
	broken := errors.New("broken")
	_, _ = h.Try([]any{ready{}, over{broken}})
	_ = h.Close()
	if err := <-taken.done; !errors.Is(err, ErrUncertain) || !errors.Is(err, ErrClosed) || !errors.Is(err, broken) {
		t.Errorf("the request that was taken: %v", err)
	}
	if err := <-waiting.done; errors.Is(err, ErrUncertain) || !errors.Is(err, ErrClosed) || !errors.Is(err, broken) {
		t.Errorf("the request that waited: %v", err)
	}
}

// A counter is a Puller that counts its calls.
type counter struct{ pulls, readies int }

func (c *counter) Pull()  { c.pulls++ }
func (c *counter) Ready() { c.readies++ }

// While many goroutines call, a goroutine of the ground takes their requests, many at
// once. When they have become few, each takes its own. One whose context can end never
// does.
func TestCrowdIsTakenTogether(t *testing.T) {
	d, c := New("shop"), new(counter)
	h, err := device{"shop", d}.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := h.(world.Pullable)
	p.SetPuller(c)
	_, _ = h.Recv()
	enqueue := func(stays bool) {
		t.Helper()
		_, pull, err := d.enqueue(remark{}, 1, stays)
		if err != nil {
			t.Fatal(err)
		}
		if pull != nil {
			pull.Pull()
		}
	}
	want := func(pulls, readies int) {
		t.Helper()
		if c.pulls != pulls || c.readies != readies {
			t.Fatalf("Pull was called %d times, and Ready %d times; want %d, %d", c.pulls, c.readies, pulls, readies)
		}
	}
	enqueue(true)
	want(1, 0)
	enqueue(false)
	want(1, 1)
	if v, err := p.TryRecv(); len(v.(batch).Items) != 2 || err != nil {
		t.Fatal(v, err)
	}
	for range crowdLasts {
		enqueue(true)
		if v, err := p.TryRecv(); v == nil || err != nil {
			t.Fatal(v, err)
		}
	}
	want(1, crowdLasts+1)
	enqueue(true)
	want(2, crowdLasts+1)
	_ = h.Close()
}

// TryRecv calls Ready if it leaves requests behind, or the end of the door.
func TestTryRecvSaysWhatItLeaves(t *testing.T) {
	d, c := New("shop"), new(counter)
	h, err := device{"shop", d}.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := h.(world.Pullable)
	p.SetPuller(c)
	_, _ = h.Recv()
	receive := func(more bool, want error) {
		t.Helper()
		before := c.readies
		if _, err := p.TryRecv(); err != want || (c.readies > before) != more {
			t.Fatalf("error %v, and Ready was called: %v; want %v, %v", err, c.readies > before, want, more)
		}
	}
	for range maxBatch + 1 {
		if _, _, err := d.enqueue(remark{}, 1, false); err != nil {
			t.Fatal(err)
		}
	}
	receive(true, nil)
	receive(false, nil)
	receive(false, nil) // there is none
	_, _, _ = d.enqueue(remark{}, 1, false)
	d.Close()
	receive(true, nil)
	receive(false, io.EOF)
	_ = h.Close()
}
