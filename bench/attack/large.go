package main

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

var large = attack{
	name: "large",
	does: "a server sends 1,048,513 bytes and the end, as one message, to a client that reads at full speed",
	run:  func(s *scene) error { return s.readAll(1_048_513, 1_048_513) },
}

var pieces = attack{
	name: "pieces",
	does: "a server sends 20,000 messages of 10 bytes, and the end, in one turn, to a client that reads at full speed",
	run:  func(s *scene) error { return s.readAll(200_000, 10) },
}

// readAll reads what a server sends to everybody who comes.
func (s *scene) readAll(total, size int) error {
	p, err := s.serve("sender", options{args: []string{"-total", fmt.Sprint(total), "-size", fmt.Sprint(size)}})
	if err != nil {
		return err
	}
	clients := s.size(20, 3)
	whole := 0
	for i := range clients {
		n, err := s.readSent(p, total)
		if err != nil {
			s.fail("client %d got %d bytes of %d: %v", i+1, n, total, err)
			continue
		}
		whole++
	}
	s.answer("%d of %d clients, one after another, got all %d bytes and a clean end", whole, clients, total)
	s.end(p, syscall.SIGTERM)
	return nil
}

// readSent reads what one client is sent.
func (s *scene) readSent(p *server, total int) (int, error) {
	c, err := s.connect(p)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	switch {
	case err != nil:
		return len(got), err
	case len(got) < total:
		return len(got), errors.New("there was a clean end")
	}
	for i, b := range got {
		if i >= total || b != byte(i%251) {
			return i, errors.New("then something came that was not sent")
		}
	}
	return len(got), nil
}
