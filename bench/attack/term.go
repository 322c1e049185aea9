package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

var termEcho = attack{
	name: "term-echo",
	does: "the echo server gets a signal to end while 100 clients send and receive at full speed",
	run:  func(s *scene) error { return s.endUnderLoad("echo", pump) },
}

var termSharded = attack{
	name: "term-sharded",
	does: "the same for an echo server on all processors",
	run:  func(s *scene) error { return s.endUnderLoad("echo", pump, "-workers", "0") },
}

var termChat = attack{
	name: "term-chat",
	does: "the chat room gets a signal to end while 100 guests talk and read at full speed",
	run:  func(s *scene) error { return s.endUnderLoad("chat", chatter) },
}

// endUnderLoad ends a server while clients keep it busy.
func (s *scene) endUnderLoad(program string, load func(*net.TCPConn, func()), args ...string) error {
	p, err := s.serve(program, options{args: args})
	if err != nil {
		return err
	}
	var clients, busy sync.WaitGroup
	n := s.size(100, 20)
	for range n {
		c, err := s.connect(p)
		if err != nil {
			return err
		}
		busy.Add(1)
		clients.Go(func() {
			defer c.Close()
			var once sync.Once
			defer once.Do(busy.Done)
			load(c, func() { once.Do(busy.Done) })
		})
	}
	busy.Wait()
	crowd := s.newcomers(p, "x\n")
	s.pause(time.Duration(s.size(2000, 200)) * time.Millisecond)
	crowd.end()
	s.end(p, syscall.SIGTERM)
	clients.Wait()
	s.answer("the connections of all %d clients have ended", n)
	return nil
}

// pump sends and waits for the answer, until the connection ends. It signals the first
// answer.
func pump(c *net.TCPConn, begun func()) {
	sent, got := bytes.Repeat([]byte("x"), 16<<10), make([]byte, 16<<10)
	for {
		if _, err := c.Write(sent); err != nil {
			return
		}
		if _, err := io.ReadFull(c, got); err != nil {
			return
		}
		begun()
	}
}

// chatter sends without waiting, and reads what comes, until the connection ends. It
// signals the first line.
func chatter(c *net.TCPConn, begun func()) {
	go func() {
		text := []byte(strings.Repeat(strings.Repeat("x", 59)+"\n", 100))
		for {
			if _, err := c.Write(text); err != nil {
				return
			}
		}
	}()
	got := make([]byte, 64<<10)
	for {
		if _, err := c.Read(got); err != nil {
			return
		}
		begun()
	}
}

var termStuck = attack{
	name: "term-stuck",
	does: "the echo server gets a signal to end while it has something to write to peers that do not read",
	end:  closeLimit,
	run: func(s *scene) error {
		p, err := s.serve("echo", options{})
		if err != nil {
			return err
		}
		if err := s.stuck(p); err != nil {
			return err
		}
		s.end(p, syscall.SIGTERM)
		return nil
	},
}

// stuck makes clients send to an echo server and not read, until the server has bytes for
// some of them that it cannot write. How many bytes the systems buffer is not known, so
// each client sends half a megabyte more than the one before. The server stops reading
// from clients that send too much, or resets their connections.
func (s *scene) stuck(p *server) error {
	const clients, step = 16, 512 << 10
	sent := make(chan struct{}, clients)
	for i := range clients {
		c, err := s.connect(p)
		if err != nil {
			return err
		}
		go func() {
			_, _ = c.Write(make([]byte, (i+1)*step))
			sent <- struct{}{}
		}()
	}
	whole := 0
	for moves := true; moves && whole < clients; {
		select {
		case <-sent:
			whole++
		case <-time.After(time.Second):
			moves = false
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
	s.answer("of %d clients that do not read, %d have sent everything", clients, whole)
	took, err := s.visit(p, "x")
	if err != nil {
		return fmt.Errorf("a newcomer, after %s: %w", seconds(took), err)
	}
	s.noteNewcomer(took)
	return nil
}
