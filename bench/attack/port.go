package main

import (
	"net"
	"strings"
	"syscall"
	"time"
)

var portTaken = attack{
	name: "port-taken",
	does: "the chat room starts on a port that another process has",
	run: func(s *scene) error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		began := time.Now()
		p, err := s.launch("chat", options{args: []string{"-addr", l.Addr().String()}})
		if err != nil {
			return err
		}
		s.await(p, began, "the port was taken")
		if !p.ended() {
			return nil
		}
		if p.status() != "1" {
			s.fail("the exit status is not 1: %s", p.lastWords())
		}
		switch said := l.Addr().String(); {
		case strings.Contains(p.err.end(4096), said):
			s.answer("standard error names the address")
		case strings.Contains(p.out.end(4096), said):
			s.fail("the reason is on standard output, and not on standard error: %s", strings.TrimSpace(p.out.end(4096)))
		default:
			s.fail("there is no reason: %s", p.lastWords())
		}
		return nil
	},
}

var portJournal = attack{
	name: "port-journal",
	does: "the attack kills a chat room with a journal, takes its port, starts the chat room again, and frees the port after a second",
	run: func(s *scene) error {
		dir, err := s.tempDir()
		if err != nil {
			return err
		}
		// A port that is free now, and most likely will be.
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		addr := l.Addr().String()
		l.Close()
		o := options{args: []string{"-addr", addr, "-journal", dir}}
		p, err := s.serve("chat", o)
		if err != nil {
			return err
		}
		if _, err := s.visit(p, ""); err != nil {
			return err
		}
		_ = p.cmd.Process.Kill()
		<-p.done
		if l, err = net.Listen("tcp", addr); err != nil {
			return err
		}
		p, err = s.launch("chat", o)
		if err == nil && !s.pause(time.Second) {
			err = s.ctx.Err()
		}
		l.Close()
		if err != nil {
			return err
		}
		if p.ended() {
			s.fail("the server has ended, because the port was taken when it started: %s", p.lastWords())
			if p, err = s.launch("chat", o); err != nil {
				return err
			}
		}
		// It does not say again where it listens, so it is asked.
		p.at = addr
		for began := time.Now(); ; {
			_, err := s.visit(p, "")
			if err == nil {
				break
			}
			if time.Since(began) > 20*time.Second || p.ended() || !s.pause(50*time.Millisecond) {
				s.fail("after the port has become free: %v; %s", err, p.lastWords())
				return nil
			}
		}
		s.newcomers(p, "").end()
		s.answer("the server works again")
		s.end(p, syscall.SIGTERM)
		return nil
	},
}
