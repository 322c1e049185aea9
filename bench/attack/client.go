package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// connect connects to a server, and closes the connection when the attack is over.
func (s *scene) connect(p *server) (*net.TCPConn, error) {
	var d net.Dialer
	c, err := d.DialContext(s.ctx, "tcp", p.addr())
	if err != nil {
		return nil, err
	}
	context.AfterFunc(s.ctx, func() { c.Close() })
	return c.(*net.TCPConn), nil
}

// A guest is a client in the chat room.
type guest struct {
	conn *net.TCPConn
	in   *bufio.Reader
}

// enter connects to the chat room, and waits for the greeting.
func (s *scene) enter(p *server) (*guest, error) {
	c, err := s.connect(p)
	if err != nil {
		return nil, fmt.Errorf("entering the room: %w", err)
	}
	g := &guest{c, bufio.NewReaderSize(c, 64<<10)}
	if _, err := g.in.ReadString('\n'); err != nil {
		return nil, fmt.Errorf("waiting for the greeting: %w", err)
	}
	return g, nil
}

// enterAll connects n guests.
func (s *scene) enterAll(p *server, n int) ([]*guest, error) {
	all := make([]*guest, n)
	for i := range all {
		var err error
		if all[i], err = s.enter(p); err != nil {
			return nil, fmt.Errorf("guest %d of %d: %w", i+1, n, err)
		}
	}
	return all, nil
}

// say sends a line.
func (g *guest) say(line string) error {
	_, err := io.WriteString(g.conn, line+"\n")
	return err
}

// hear returns the next line that a guest says. It skips lines of the room itself, about
// who is there and who comes and goes.
func (g *guest) hear() (string, error) {
	for {
		line, err := g.in.ReadSlice('\n')
		if err != nil {
			return "", err
		}
		who, what, ok := strings.Cut(string(line[:len(line)-1]), ": ")
		if ok && !strings.Contains(who, " ") {
			return what, nil
		}
	}
}

// hearUntil reads until it hears the given line.
func (g *guest) hearUntil(last string) error {
	for {
		line, err := g.hear()
		if err != nil {
			return fmt.Errorf("waiting for %q: %w", last, err)
		}
		if line == last {
			return nil
		}
	}
}

// stay makes guests read until the server closes the connection, and then close it, too,
// as well-behaved clients do.
func stay(all ...*guest) {
	for _, g := range all {
		go func() {
			defer g.conn.Close()
			for {
				if _, err := g.hear(); err != nil {
					return
				}
			}
		}()
	}
}

// A crowd has newcomers, who come one after another while a server is attacked.
type crowd struct {
	stop context.CancelFunc
	done sync.WaitGroup
}

// maxNewcomers is how many there are at most.
const maxNewcomers = 200

// newcomers starts a crowd. Each newcomer sends hello, waits for the first byte of an
// answer, and leaves.
func (s *scene) newcomers(p *server, hello string) *crowd {
	ctx, cancel := context.WithCancel(s.ctx)
	c := &crowd{stop: cancel}
	c.done.Go(func() {
		for i := range maxNewcomers {
			took, err := s.visit(p, hello)
			if err != nil {
				s.fail("newcomer %d, after %s: %v", i+1, seconds(took), err)
				return
			}
			s.noteNewcomer(took)
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return
			}
		}
	})
	return c
}

// end stops the crowd, and waits for the last newcomer.
func (c *crowd) end() {
	c.stop()
	c.done.Wait()
}

// visit connects, sends hello, waits for the first byte, and returns how long that took.
func (s *scene) visit(p *server, hello string) (time.Duration, error) {
	began := time.Now()
	c, err := s.connect(p)
	if err != nil {
		return time.Since(began), err
	}
	defer c.Close()
	if _, err := io.WriteString(c, hello); err != nil {
		return time.Since(began), err
	}
	_, err = io.ReadFull(c, make([]byte, 1))
	return time.Since(began), err
}

func (s *scene) noteNewcomer(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.newcomers++
	s.report.slowest = max(s.report.slowest, took)
}
