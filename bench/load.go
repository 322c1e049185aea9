package main

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A load describes the clients of a server, and the server to compare with.
type load struct {
	plain string // the name of the server to compare with
	dial  func(addr string) (net.Conn, error)
	lossy bool // answers may get lost
}

var loads = map[string]load{
	"tcp":     {plain: "plain tcp", dial: dialTCP},
	"sharded": {plain: "plain tcp", dial: dialTCP},
	"tls": {plain: "plain tls", dial: func(addr string) (net.Conn, error) {
		return tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) // the certificate is self-signed
	}},
	"sync":   {plain: "tcp", dial: dialTCP},
	"batch":  {plain: "tcp", dial: dialTCP},
	"memory": {plain: "tcp", dial: dialTCP},
	"trace":  {plain: "tcp", dial: dialTCP},
	"udp":    {plain: "plain udp", lossy: true, dial: func(addr string) (net.Conn, error) { return net.Dial("udp", addr) }},
}

func dialTCP(addr string) (net.Conn, error) { return net.Dial("tcp", addr) }

// run runs all clients at once, and returns how many answers they got.
func (l load) run(addr string, clients int, lasts time.Duration) (int, error) {
	conns := make([]net.Conn, 0, clients)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range clients {
		c, err := l.dial(addr)
		if err != nil {
			return 0, err
		}
		conns = append(conns, c)
	}
	var (
		wg       sync.WaitGroup
		answers  atomic.Int64
		failures = make(chan error, clients)
		end      = time.Now().Add(lasts)
	)
	for _, c := range conns {
		wg.Go(func() {
			n, err := l.talk(c, end)
			answers.Add(int64(n))
			if err != nil {
				failures <- err
			}
		})
	}
	wg.Wait()
	close(failures)
	return int(answers.Load()), <-failures
}

// talk runs one client, which sends requests and waits for the answers.
func (l load) talk(c net.Conn, end time.Time) (n int, err error) {
	request, answer := make([]byte, 64), make([]byte, 64)
	for time.Now().Before(end) {
		patience := end.Add(5 * time.Second)
		if l.lossy {
			patience = time.Now().Add(100 * time.Millisecond)
		}
		if err := c.SetDeadline(patience); err != nil {
			return n, err
		}
		if _, err := c.Write(request); err != nil {
			return n, err
		}
		switch _, err := io.ReadFull(c, answer); {
		case l.lossy && errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case err != nil:
			return n, err
		}
		n++
	}
	return n, nil
}
