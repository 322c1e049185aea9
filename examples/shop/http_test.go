package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/ground"
)

// TestMain runs the shop, and no tests, if a test asks for it: see startShop.
func TestMain(m *testing.M) {
	if os.Getenv(asShop) != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// pipes is a network of one listener, in memory, so that it works in a bubble of
// testing/synctest.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// A client talks to a shop.
type client struct {
	testing.TB
	http.Client
	url string
}

// openShop runs a shop in a bubble, and f as its client, and then stops the shop. All
// waits in f take no time.
func openShop(t *testing.T, s shop, f func(c *client, stop func() error)) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		counter := door.New("counter")
		machine, stopMachine := context.WithCancel(t.Context())
		serving, stopServing := context.WithCancel(t.Context())
		ended, served := make(chan error, 1), make(chan error, 1)
		go func() { ended <- new(ground.Ground).RunFunc(machine, s.program(counter).Boot) }()
		go func() { served <- serve(serving, counter, l) }()
		stop := sync.OnceValue(func() error {
			stopServing()
			err := <-served
			stopMachine()
			return errors.Join(err, <-ended)
		})
		transport := &http.Transport{DialContext: l.dial}
		defer func() {
			if err := stop(); err != nil {
				t.Error(err)
			}
			transport.CloseIdleConnections()
		}()
		f(&client{t, http.Client{Transport: transport}, "http://shop"}, stop)
	})
}

// do sends a request, and returns the status and the body.
func (c *client) do(method, path, key, body string) (int, string) {
	c.Helper()
	r, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := c.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.Fatal(err)
	}
	if kind := answer.Header.Get("Content-Type"); kind != "application/json" || !json.Valid(text) {
		c.Errorf("%s %s: the answer %q is not JSON, or %q", method, path, text, kind)
	}
	var o Order
	if answer.StatusCode == http.StatusCreated {
		_ = json.Unmarshal(text, &o)
		if at := answer.Header.Get("Location"); at != fmt.Sprintf("/orders/%d", o.ID) {
			c.Errorf("%s %s: order %d is said to be at %q", method, path, o.ID, at)
		}
	}
	return answer.StatusCode, strings.TrimSpace(string(text))
}

// expect sends a request, and compares the answer with a status and a body.
func (c *client) expect(method, path, body string, status int, want string) {
	c.Helper()
	if s, got := c.do(method, path, "", body); s != status || got != want {
		c.Errorf("%s %s %.50s: %d %s, want %d %s", method, path, body, s, got, status, want)
	}
}

func TestHTTP(t *testing.T) {
	openShop(t, shop{Levels{"milk": 3, "tea": 5}, time.Minute}, func(c *client, _ func() error) {
		c.expect("GET", "/stock", "", 200, `{"milk":3,"tea":5}`)
		c.expect("POST", "/orders", `{"item":"tea","quantity":2}`, 201, `{"id":1,"item":"tea","quantity":2,"status":"awaiting payment"}`)
		c.expect("GET", "/stock", "", 200, `{"milk":3,"tea":3}`)
		c.expect("POST", "/payments/1", `{"accepted":true}`, 200, `{"paid":true}`)
		c.expect("GET", "/orders/1", "", 200, `{"id":1,"item":"tea","quantity":2,"status":"paid"}`)
		c.expect("POST", "/orders", `{"item":"milk","quantity":3}`, 201, `{"id":2,"item":"milk","quantity":3,"status":"awaiting payment"}`)
		c.expect("POST", "/payments/2", `{"accepted":false}`, 200, `{"paid":false}`)
		c.expect("GET", "/orders/2", "", 200, `{"id":2,"item":"milk","quantity":3,"status":"cancelled","reason":"the payment was declined"}`)
		c.expect("GET", "/stock", "", 200, `{"milk":3,"tea":3}`)
	})
}

// Each mistake of a client has a status and a text that says what is wrong.
func TestHTTPRefuses(t *testing.T) {
	openShop(t, shop{Levels{"tea": 5}, time.Minute}, func(c *client, _ func() error) {
		for _, r := range []struct {
			method, path, body string
			status             int
			says               string
		}{
			{"POST", "/orders", `{"item":"gold","quantity":1}`, 422, `does not sell this item: \"gold\"`},
			{"POST", "/orders", `{"item":"tea","quantity":0}`, 422, "at least 1, and is 0"},
			{"POST", "/orders", `{"item":"tea","quantity":6}`, 409, `not enough pieces left: \"tea\", 5 left`},
			{"POST", "/orders", `{"item":"tea","quantity":1e99}`, 400, "not as expected"},
			{"POST", "/orders", `{"item":"tea","count":1}`, 400, `unknown field \"count\"`},
			{"POST", "/orders", `{"item":"tea"} {}`, 400, "something follows"},
			{"POST", "/orders", ``, 400, "EOF"},
			{"POST", "/orders", `{"item":"` + strings.Repeat("x", maxBody) + `"}`, 413, "more than 4096 bytes"},
			{"GET", "/orders/17", ``, 404, "no such order: 17"},
			{"GET", "/orders/x", ``, 400, `\"x\" is not the number`},
			{"POST", "/payments/x", `{"accepted":true}`, 400, `\"x\" is not the number`},
			{"POST", "/payments/17", `{"accepted":true}`, 409, "no payment is due for this order: 17"},
			{"POST", "/payments/17", `{}`, 400, `\"accepted\" is missing`},
			{"DELETE", "/orders/1", ``, 404, "there is no DELETE /orders/1"},
			{"GET", "/", ``, 404, "there is no GET /"},
		} {
			status, body := c.do(r.method, r.path, "", r.body)
			if status != r.status || !strings.Contains(body, r.says) || !strings.HasPrefix(body, `{"error":"`) {
				c.Errorf("%s %s %.50s: %d %s, want %d and %s", r.method, r.path, r.body, status, body, r.status, r.says)
			}
		}
		if status, body := c.do("POST", "/orders", strings.Repeat("k", maxKey+1), `{"item":"tea","quantity":1}`); status != 400 || !strings.Contains(body, "has 201 bytes") {
			c.Errorf("a long key: %d %s", status, body)
		}
		c.expect("GET", "/stock", "", 200, `{"tea":5}`)
	})
}

// A request that is repeated with its key is carried out once, and has the same answer.
func TestKey(t *testing.T) {
	openShop(t, shop{Levels{"tea": 5}, time.Minute}, func(c *client, _ func() error) {
		for range 3 {
			status, body := c.do("POST", "/orders", "4711", `{"item":"tea","quantity":2}`)
			if want := `{"id":1,"item":"tea","quantity":2,"status":"awaiting payment"}`; status != 201 || body != want {
				c.Errorf("%d %s, want %s", status, body, want)
			}
		}
		c.expect("GET", "/stock", "", 200, `{"tea":3}`)
		if status, body := c.do("POST", "/orders", "4711", `{"item":"tea","quantity":1}`); status != 422 || !strings.Contains(body, "the key belongs to another call") {
			c.Errorf("another order with the same key: %d %s", status, body)
		}
		for range 3 {
			if status, body := c.do("POST", "/payments/1", "4711", `{"accepted":true}`); status != 200 || body != `{"paid":true}` {
				c.Errorf("%d %s", status, body)
			}
		}
	})
}

// An order that nobody pays is cancelled at its deadline, and not before.
func TestPaymentTimesOut(t *testing.T) {
	openShop(t, shop{Levels{"tea": 5}, time.Minute}, func(c *client, _ func() error) {
		c.do("POST", "/orders", "", `{"item":"tea","quantity":2}`)
		time.Sleep(time.Minute - time.Nanosecond)
		synctest.Wait()
		c.expect("GET", "/orders/1", "", 200, `{"id":1,"item":"tea","quantity":2,"status":"awaiting payment"}`)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		c.expect("GET", "/orders/1", "", 200, `{"id":1,"item":"tea","quantity":2,"status":"cancelled","reason":"no payment arrived within 1m0s"}`)
		c.expect("GET", "/stock", "", 200, `{"tea":5}`)
		c.expect("POST", "/payments/1", `{"accepted":true}`, 409, `{"error":"no payment is due for this order: 1"}`)
	})
}

// A stream is server-sent events.
type stream struct {
	*client
	body  io.Closer
	lines *bufio.Scanner
}

func (c *client) stream() stream {
	c.Helper()
	request, err := http.NewRequestWithContext(c.Context(), http.MethodGet, c.url+"/stock/events", nil)
	if err != nil {
		c.Fatal(err)
	}
	r, err := c.Do(request)
	if err != nil {
		c.Fatal(err)
	}
	if kind := r.Header.Get("Content-Type"); r.StatusCode != 200 || kind != "text/event-stream" {
		c.Errorf("%d, %q", r.StatusCode, kind)
	}
	return stream{c, r.Body, bufio.NewScanner(r.Body)}
}

// hears reads an event: all lines up to an empty one.
func (s stream) hears(want ...string) {
	s.Helper()
	var got []string
	for s.lines.Scan() && s.lines.Text() != "" {
		got = append(got, s.lines.Text())
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		s.Fatalf("the stream says %q (%v), want %q", got, s.lines.Err(), want)
	}
}

func (s stream) hearsStock(item string, left int) {
	s.Helper()
	s.hears("event: stock", fmt.Sprintf(`data: {"item":%q,"left":%d}`, item, left))
}

// A stream shows the stock, and then each change, however long nothing happens.
func TestEvents(t *testing.T) {
	openShop(t, shop{Levels{"milk": 3, "tea": 5}, time.Hour}, func(c *client, _ func() error) {
		early := c.stream()
		early.hears(": this is the stock")
		early.hearsStock("milk", 3)
		early.hearsStock("tea", 5)
		c.do("POST", "/orders", "", `{"item":"tea","quantity":2}`)
		early.hearsStock("tea", 3)
		late := c.stream()
		late.hears(": this is the stock")
		late.hearsStock("milk", 3)
		late.hearsStock("tea", 3)
		for _, s := range []stream{early, late} { // after an hour, the payment is late
			s.hearsStock("tea", 5)
		}
		early.body.Close()
		c.do("POST", "/orders", "", `{"item":"milk","quantity":1}`)
		late.hearsStock("milk", 2)
		late.body.Close()
	})
}

// The shop stops while somebody listens. The stream says so, and new requests find
// nobody.
func TestStop(t *testing.T) {
	openShop(t, shop{Levels{"tea": 5}, time.Hour}, func(c *client, stop func() error) {
		s := c.stream()
		s.hears(": this is the stock")
		s.hearsStock("tea", 5)
		start, stopped := time.Now(), make(chan error)
		go func() { stopped <- stop() }()
		s.hears("event: end", "data: context canceled")
		if s.lines.Scan() {
			c.Errorf("after its end, the stream says %q", s.lines.Text())
		}
		if err := <-stopped; err != nil {
			c.Error(err)
		}
		if d := time.Since(start); d > 2*time.Second {
			c.Errorf("the stop has taken %v", d)
		}
		if r, err := c.Get(c.url + "/stock"); err == nil {
			c.Errorf("the shop is stopped, and answers %v", r.Status)
			r.Body.Close()
		}
		s.body.Close()
	})
}

// If the machine ends, requests fail, and say that nobody is there.
func TestMachineEnds(t *testing.T) {
	counter := door.New("counter")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- new(ground.Ground).RunFunc(ctx, shop{Levels{}, time.Hour}.program(counter).Boot) }()
	if _, err := call(httpRequest(t), counter, Count, All{}); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	_, err := call(httpRequest(t), counter, Count, All{})
	if !errors.Is(err, door.ErrClosed) || statusOf(err) != http.StatusServiceUnavailable {
		t.Errorf("%d: %v", statusOf(err), err)
	}
	if got := statusOf(fmt.Errorf("%w, %w", door.ErrClosed, door.ErrUncertain)); got != http.StatusGatewayTimeout {
		t.Errorf("a request that may have been carried out: %d", got)
	}
}

func httpRequest(t *testing.T) *http.Request {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/stock", new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
