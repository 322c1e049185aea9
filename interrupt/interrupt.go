// Package interrupt ends programs by signals: in good order at the first one, and
// at once at the second.
//
//	func main() {
//		ctx, stop := interrupt.Context(context.Background())
//		defer stop()
//		if err := ground.Run(ctx, boot()); err != nil {
//			fmt.Fprintln(os.Stderr, "program:", err)
//			os.Exit(1)
//		}
//	}
package interrupt

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Context returns a context that is done when the program gets SIGINT, as by
// Ctrl-C, or SIGTERM. [context.Cause] names the signal.
//
// A signal that comes once the context is done, for whatever reason, ends the
// program at once, with 128 and the number of the signal as its exit status, as a
// shell would report it: 130 after SIGINT, 143 after SIGTERM. So whoever finds
// that a stop takes too long presses Ctrl-C again. What the program has not
// written by then is lost; a journal goes on from there as after a crash.
//
// The function stop undoes this: signals do again what they did before, and the
// context is done. A program calls Context once, since a second call would have
// both look at the same signals.
func Context(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2) // so that neither of two is lost
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stopped := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				if ctx.Err() != nil {
					os.Exit(status(s))
				}
				cancel(fmt.Errorf("interrupt: the program has got the signal %v", s))
			case <-stopped:
				return
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(signals)
		cancel(context.Canceled)
		close(stopped)
	})
}

// status returns the exit status of a program that a signal has ended.
func status(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return 1
}
