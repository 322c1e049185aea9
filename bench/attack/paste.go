package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The length of a line that is pasted, including its end.
const pastedLine = 60

var pasteAndLeave = attack{
	name:  "paste-and-leave",
	does:  "400 guests enter the chat room, paste 60 kB of lines each and leave without reading, while one reads everything",
	linux: true, // it has to know when the system of the server has got everything
	run: func(s *scene) error {
		p, err := s.serve("chat", options{})
		if err != nil {
			return err
		}
		people, lines := s.size(400, 40), s.size(1000, 300)
		reader, err := s.enter(p)
		if err != nil {
			return err
		}
		heard := make([]int, people)
		var last time.Time
		var wg sync.WaitGroup
		pasting, err := s.enterAll(p, people)
		if err != nil {
			return err
		}
		began := time.Now()
		wg.Go(func() { last = s.hearPasted(reader, heard, lines, time.Duration(s.size(40, 20))*time.Second) })
		crowd := s.newcomers(p, "")
		atOnce(people, people, func(i int) {
			if err := s.paste(pasting[i], i, lines); err != nil {
				s.fail("guest %d, pasting: %v", i+1, err)
			}
		})
		left := time.Since(began)
		wg.Wait()
		crowd.end()
		stay(reader)
		total, short := 0, 0
		for _, n := range heard {
			total += n
			if n < lines {
				short++
			}
		}
		s.answer("all guests had left after %s; the reader got %d lines of %d, the last after %s", seconds(left), total, people*lines, seconds(last.Sub(began)))
		if short > 0 {
			s.fail("lines are missing that %d guests sent before they left", short)
		}
		s.end(p, syscall.SIGTERM)
		return nil
	},
}

// paste pastes lines, waits until the system of the server has them, and leaves.
func (s *scene) paste(g *guest, number, lines int) error {
	defer g.conn.Close()
	var b strings.Builder
	for i := range lines {
		line := fmt.Sprintf("%d %d ", number, i)
		b.WriteString(line + strings.Repeat("x", pastedLine-1-len(line)) + "\n")
	}
	if _, err := g.conn.Write([]byte(b.String())); err != nil {
		return err
	}
	for {
		n, err := unsent(g.conn)
		if n == 0 || err != nil {
			return err
		}
		if !s.pause(time.Millisecond) {
			return fmt.Errorf("the server does not take the last %d bytes", n)
		}
	}
}

// hearPasted reads what is pasted, until it is complete or nothing comes for a while, and
// counts the lines of each guest. They must come in order, without a gap. It returns the
// time of the last line.
func (s *scene) hearPasted(g *guest, heard []int, lines int, silence time.Duration) (last time.Time) {
	for missing := len(heard) * lines; missing > 0; missing-- {
		_ = g.conn.SetReadDeadline(time.Now().Add(silence))
		what, err := g.hear()
		if err != nil {
			s.fail("the guest who reads: %v", err)
			return last
		}
		last = time.Now()
		who, rest, _ := strings.Cut(what, " ")
		line, _, _ := strings.Cut(rest, " ")
		number, err := strconv.Atoi(who)
		if err != nil || number >= len(heard) || line != strconv.Itoa(heard[number]) {
			s.fail("the guest who reads got %.20q, which is not the next line of a guest", what)
			return last
		}
		heard[number]++
	}
	_ = g.conn.SetReadDeadline(time.Time{})
	return last
}
