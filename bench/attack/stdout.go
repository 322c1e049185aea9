package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

const printed = 10_000 // lines, which are more than a pipe holds

var stdoutLate = attack{
	name: "stdout-late",
	does: "a program prints 10,000 lines to a pipe whose reader starts after 9 s, and ends",
	run: func(s *scene) error {
		p, stdout, err := s.print()
		if err != nil {
			return err
		}
		// Longer than the time for which a device is waited for.
		if !s.pause(time.Duration(s.size(9, 6)) * time.Second) {
			return nil
		}
		began := time.Now()
		next, wrong := 0, 0
		for lines := bufio.NewScanner(stdout); lines.Scan(); next++ {
			if lines.Text() != fmt.Sprintf("this is line %d", next) {
				wrong++
			}
		}
		s.await(p, began, "the last line was read")
		s.answer("the pipe got %d lines of %d, %d of them in the wrong place", next, printed, wrong)
		if next != printed || wrong > 0 {
			s.fail("the pipe did not get what the program has printed")
		}
		if p.ended() && p.status() != "0" {
			s.fail("%s", p.lastWords())
		}
		return nil
	},
}

var stdoutStop = attack{
	name: "stdout-stop",
	does: "a program prints 10,000 lines to a pipe that nobody reads, and gets a signal to end",
	end:  closeLimit,
	run: func(s *scene) error {
		p, stdout, err := s.print()
		if err != nil {
			return err
		}
		if _, err := stdout.Read(make([]byte, 1)); err != nil { // it is printing
			return err
		}
		if !s.pause(500 * time.Millisecond) { // by when the pipe is full
			return nil
		}
		s.end(p, syscall.SIGTERM)
		return nil
	},
}

// print starts a program that prints lines, and returns the other end of the pipe.
func (s *scene) print() (*server, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	context.AfterFunc(s.ctx, func() { _ = r.Close() })
	p, err := s.launch("printer", options{args: []string{"-lines", fmt.Sprint(printed)}, stdout: w})
	_ = w.Close()
	return p, r, err
}
