//go:build unix

package proof

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/journal"
)

// A follower follows the journal of the keeper, in another process than it, from one position
// to the next.
type follower struct {
	*testing.T
	dir    string
	stop   context.CancelFunc
	pages  chan journal.Page
	end    chan error
	inputs []string
	at     journal.Position
}

// start begins to follow, or goes on.
func (f *follower) start() {
	ctx, stop := context.WithCancel(f.Context())
	f.stop, f.pages, f.end = stop, make(chan journal.Page), make(chan error, 1)
	go func(at journal.Position, pages chan journal.Page, end chan error) {
		defer close(pages)
		for page, err := range journal.Follow(ctx, f.dir, at) {
			if err != nil {
				end <- err
				return
			}
			select {
			case pages <- page:
			case <-ctx.Done():
			}
		}
	}(f.at, f.pages, f.end)
}

// upTo takes what comes, until that is an input.
func (f *follower) upTo(seq uint64) {
	f.Helper()
	for timeout := time.After(time.Minute); f.at.Seq < seq; {
		select {
		case page, ok := <-f.pages:
			if !ok {
				f.Fatalf("it does not follow any more: %v", <-f.end)
			}
			f.take(page)
		case <-timeout:
			f.Fatalf("it has come to input %d, and not %d", f.at.Seq, seq)
		}
	}
}

func (f *follower) take(page journal.Page) {
	for _, in := range page.Inputs {
		f.inputs = append(f.inputs, fmt.Sprint(in.Seq, &in, in.Time))
	}
	f.at = page.Position
}

// restart ends it, and begins again where it was.
func (f *follower) restart() {
	f.Helper()
	f.stop()
	for range f.pages { // which it has had, and nobody has taken
	}
	if err := <-f.end; !errors.Is(err, context.Canceled) {
		f.Fatalf("it has ended: %v", err)
	}
	f.start()
}

// check compares what it has had with the journal.
func (f *follower) check() {
	f.Helper()
	h, err := journal.Read(f.dir)
	if err != nil {
		f.Fatal(err)
	}
	f.upTo(h.Last())
	n := 0
	for in, err := range h.Inputs(0) {
		if err != nil {
			f.Fatal(err)
		}
		if text := fmt.Sprint(in.Seq, &in, in.Time); n >= len(f.inputs) || f.inputs[n] != text {
			f.Fatalf("input %d is %s, and was followed as another one", in.Seq, text)
		}
		n++
	}
	if n != len(f.inputs) {
		f.Fatalf("%d inputs were followed, and there are %d", len(f.inputs), n)
	}
	f.stop()
	for range f.pages {
	}
	<-f.end
}
