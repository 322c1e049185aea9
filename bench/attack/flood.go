package main

import (
	"io"
	"net"
	"sync/atomic"
	"syscall"
)

var flood = attack{
	name: "flood",
	does: "clients connect to the chat room 10,000 times, 16 at a time, and reset the connections, most of them before or in the middle of their first line",
	run: func(s *scene) error {
		p, err := s.serve("chat", options{})
		if err != nil {
			return err
		}
		resident, err := s.enter(p)
		if err != nil {
			return err
		}
		heard := make(chan error, 1)
		go func() { heard <- resident.hearUntil("still here") }()
		crowd := s.newcomers(p, "")
		n := s.size(10_000, 300)
		var made, refused atomic.Int64
		atOnce(16, n, func(i int) {
			if s.reset(p, []string{"", "half a li", "a line\n"}[i%3]) {
				made.Add(1)
			} else {
				refused.Add(1)
			}
		})
		crowd.end()
		s.answer("%d connections were made, %d failed", made.Load(), refused.Load())
		if err := resident.say("still here"); err != nil {
			return err
		}
		if err := <-heard; err != nil {
			s.fail("the guest who was there before the attack: %v", err)
		}
		stay(resident)
		s.end(p, syscall.SIGTERM)
		return nil
	},
}

// reset connects, sends a few bytes, and resets the connection.
func (s *scene) reset(p *server, say string) bool {
	var d net.Dialer
	c, err := d.DialContext(s.ctx, "tcp", p.addr())
	if err != nil {
		return false
	}
	_, _ = io.WriteString(c, say)
	_ = c.(*net.TCPConn).SetLinger(0)
	return c.Close() == nil
}
