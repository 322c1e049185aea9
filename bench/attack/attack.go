package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

// An attack attacks a program, and checks how the program reacts.
type attack struct {
	name string
	does string // describes it in one sentence
	run  func(*scene) error

	linux bool // it works on Linux only

	// The goals: the most that each figure should be. Zero stands for the usual goal.
	memory   int64
	newcomer time.Duration
	end      time.Duration
}

// attacks are all attacks, in the order in which they run.
var attacks = []attack{
	flood, slowloris, neverReaders, newlines, pasteAndLeave,
	large, pieces,
	stdoutLate, stdoutStop,
	descriptors,
	termEcho, termSharded, termChat, termStuck, interruptTwice,
	portTaken, portJournal,
}

// The usual goals.
const (
	goalMemory   = 300 << 20
	goalNewcomer = time.Second
	goalEnd      = time.Second

	// closeLimit is how long a program that ends may wait for a peer that does not
	// read: the default of ground.Ground.CloseLimit.
	closeLimit = 5 * time.Second
)

// patience is how long an attack may take.
const patience = 5 * time.Minute

// missing says why the system does not support the attack, or returns "".
func (a attack) missing() string {
	switch {
	case runtime.GOOS == "windows" || runtime.GOOS == "plan9":
		return "signals cannot stop a program on " + runtime.GOOS
	case a.linux && runtime.GOOS != "linux":
		return "it needs Linux"
	}
	return ""
}

// carryOut runs the attack, and cleans up.
func (a attack) carryOut(ctx context.Context, folder string, short bool) report {
	ctx, cancel := context.WithTimeout(ctx, patience)
	s := &scene{ctx: ctx, folder: folder, short: short}
	defer s.cleanUp()
	defer cancel()
	if err := a.run(s); err != nil {
		s.fail("%v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report
}

// A scene is one run of an attack, with its clients, its servers and its report. Its
// methods may be called from several goroutines.
type scene struct {
	ctx    context.Context // done when the attack is over, or takes too long
	folder string          // that has the programs
	short  bool

	mu     sync.Mutex
	report report
	undo   []func()
}

// size returns full, or short in a run with -short.
func (s *scene) size(full, short int) int {
	if s.short {
		return short
	}
	return full
}

// answer adds a line about the reaction of the server to the report.
func (s *scene) answer(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.answers = append(s.report.answers, fmt.Sprintf(format, args...))
}

// fail adds a failure of the server to the report.
func (s *scene) fail(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.failures = append(s.report.failures, fmt.Sprintf(format, args...))
}

// after registers a function to call when the attack is over, in reverse order.
func (s *scene) after(undo func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.undo = append(s.undo, undo)
}

func (s *scene) cleanUp() {
	s.mu.Lock()
	undo := s.undo
	s.mu.Unlock()
	for i := range undo {
		undo[len(undo)-1-i]()
	}
}

// pause waits. It reports false if the attack takes too long.
func (s *scene) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.ctx.Done():
		return false
	}
}

// atOnce calls f with the numbers below n, from several goroutines, and waits.
func atOnce(goroutines, n int, f func(i int)) {
	var wg sync.WaitGroup
	for g := range min(goroutines, n) {
		wg.Go(func() {
			for i := g; i < n; i += goroutines {
				f(i)
			}
		})
	}
	wg.Wait()
}

// tempDir returns a folder that is removed afterwards.
func (s *scene) tempDir() (string, error) {
	dir, err := os.MkdirTemp("", "attack-")
	if err == nil {
		s.after(func() { _ = os.RemoveAll(dir) })
	}
	return dir, err
}
