package main

import (
	"net"
	"os"
	"time"
)

var interruptTwice = attack{
	name: "interrupt-twice",
	does: "the echo server gets an interrupt while peers do not read, and a second one while it waits for them",
	run: func(s *scene) error {
		p, err := s.serve("echo", options{})
		if err != nil {
			return err
		}
		if err := s.stuck(p); err != nil {
			return err
		}
		began := time.Now()
		if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
			return err
		}
		for s.listening(p) && s.pause(10*time.Millisecond) {
		}
		s.pause(300 * time.Millisecond) // nobody is faster
		if p.ended() {
			s.fail("%s did not wait for its peers, so the second interrupt came too late", p.name)
			s.noteEnd(p, "exit "+p.status(), time.Since(began))
			return nil
		}
		began = time.Now()
		if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
			return err
		}
		s.await(p, began, "the second interrupt")
		// One that has ended at once has not ended as it should, and says so.
		if p.ended() && p.status() == "0" {
			s.fail("the second interrupt had no effect")
		}
		return nil
	},
}

// listening reports whether the server takes connections.
func (s *scene) listening(p *server) bool {
	var d net.Dialer
	c, err := d.DialContext(s.ctx, "tcp", p.addr())
	if err != nil {
		return false
	}
	return c.Close() == nil
}
