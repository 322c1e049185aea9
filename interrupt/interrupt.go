// Package interrupt lets signals end a program: the first one cleanly, and the second one
// at once. Use it in the main function of a program:
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
// A signal that comes after the context is done, for any reason, ends the program at
// once. The exit status is 128 plus the number of the signal, as a shell reports it: 130
// after SIGINT, 143 after SIGTERM. So a user who does not want to wait for a clean stop
// presses Ctrl-C again. What the program has not written by then is lost; a journal goes
// on as after a crash.
//
// The function stop undoes this: the context is done, and signals have the effect that
// they had before. A program calls Context only once, because several calls would handle
// the same signals.
func Context(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2) // keeps two signals that come at once
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stopped := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				if ctx.Err() != nil {
					os.Exit(status(s))
				}
				cancel(fmt.Errorf("interrupt: the program got the signal %v", s))
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
