package door

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
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
		if _, err := d.enqueue(remark{}, 10); err != nil {
			t.Fatal(err)
		}
	}
	for _, size := range []int{MaxSize, MaxSize - 1, 1, 1} {
		if _, err := d.enqueue(remark{}, size); err != nil {
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
	taken, _ := d.enqueue(remark{}, 1)
	_, _ = h.Recv()
	waiting, _ := d.enqueue(remark{}, 1)
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
