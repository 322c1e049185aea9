package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

// An attack is something that is done to a program.
type attack struct {
	name string
	does string // in one sentence
	run  func(*scene) error

	linux bool // it works on Linux only

	// What a figure should not exceed. A zero stands for the usual goal.
	memory   int64
	newcomer time.Duration
	end      time.Duration
}

// attacks are all that there are, in the order in which they are carried out.
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

	// closeLimit is how long a program that ends may wait for a peer that
	// takes nothing: the default of ground.Ground.CloseLimit.
	closeLimit = 5 * time.Second
)

// patience is how long an attack may take.
const patience = 5 * time.Minute

// missing says what the attack needs that is not here.
func (a attack) missing() string {
	switch {
	case runtime.GOOS == "windows" || runtime.GOOS == "plan9":
		return "a program cannot be told to end by a signal on " + runtime.GOOS
	case a.linux && runtime.GOOS != "linux":
		return "it needs Linux"
	}
	return ""
}

// carryOut carries out the attack, and cleans up.
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

// A scene is where an attack is carried out: its clients and servers have the
// same end, and there is one report. Its methods may be called by several
// goroutines.
type scene struct {
	ctx    context.Context // is done when the attack is over, or takes too long
	folder string          // of the programs
	short  bool

	mu     sync.Mutex
	report report
	undo   []func()
}

// size returns how large something is.
func (s *scene) size(full, short int) int {
	if s.short {
		return short
	}
	return full
}

// answer notes how the server has answered.
func (s *scene) answer(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.answers = append(s.report.answers, fmt.Sprintf(format, args...))
}

// fail notes that the server has not done what it must.
func (s *scene) fail(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.failures = append(s.report.failures, fmt.Sprintf(format, args...))
}

// after has something done when the attack is over, last things first.
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

// pause waits, as attackers do between two blows. It reports false if it is time
// to give up.
func (s *scene) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.ctx.Done():
		return false
	}
}

// atOnce calls f with the numbers below n, from so many goroutines, and waits.
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
