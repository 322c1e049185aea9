package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var full = flag.Bool("campaign", false, "TestKill: 200 connections for 30 seconds, with a kill every 5 seconds")

const kills = 5

// TestKill: the shop is killed with SIGKILL five times while customers order and pay, and
// repeat with their keys what has no answer. In the end, no order is there twice, none is
// lost that was acknowledged, none is there that nobody knows, each that was paid is paid,
// all others are cancelled, and the stock adds up.
//
//	go test ./examples/shop -run TestKill -v -campaign
func TestKill(t *testing.T) {
	c := &campaign{T: t, dir: t.TempDir(), customers: 20, killEvery: 30, orders: 200, tea: 1_000_000, gold: 20}
	if *full {
		c.customers, c.killEvery, c.orders, c.gold = 200, 0, 0, 500
	}
	c.args = []string{
		"-journal", c.dir, "-durability", "sync", "-pay-within", "1s",
		"-stock", fmt.Sprintf("tea=%d,gold=%d", c.tea, c.gold),
	}
	c.run()
	c.check()
}

// A campaign is customers, a shop that is killed, and what must hold in the end.
type campaign struct {
	*testing.T
	dir       string // of the journal
	args      []string
	customers int
	killEvery int64 // orders; 0 for every five seconds
	orders    int64 // at least so many, if killEvery is not 0
	tea, gold int   // the stock at the beginning

	shop  *child
	open  gate
	acked atomic.Int64 // orders
	sent  atomic.Int64 // requests
	again atomic.Int64 // requests that were repeated because they had no answer
	down  time.Duration
	took  time.Duration
	dead  atomic.Int64 // kills
	mu    sync.Mutex
	known map[int]receipt // what customers know, by the number of the order
}

// A receipt is what a customer knows of an order.
type receipt struct {
	key   string
	order Order
	paid  bool
}

// A gate is open while the shop runs.
type gate struct {
	mu   sync.Mutex
	open chan struct{} // closed while the gate is open
}

func (g *gate) wait() {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	<-open
}

func (g *gate) shut() { g.mu.Lock(); g.open = make(chan struct{}); g.mu.Unlock() }

func (c *campaign) run() {
	c.known = map[int]receipt{}
	c.open.shut()
	c.shop = startShop(c, append(c.args, "-addr", "127.0.0.1:0")...)
	close(c.open.open)
	client := c.shop.client()
	start := time.Now()
	kill := make(chan struct{}, kills)
	over := func() bool { return c.dead.Load() == kills && c.acked.Load() >= c.orders }
	if c.killEvery == 0 {
		ticks := time.NewTicker(5 * time.Second)
		defer ticks.Stop()
		go func() {
			for range kills {
				<-ticks.C
				kill <- struct{}{}
			}
		}()
		over = func() bool { return time.Since(start) > 30*time.Second }
	}
	var all sync.WaitGroup
	for i := range c.customers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(11, uint64(i)))
			for n := 0; !over(); n++ {
				c.buy(client, random, fmt.Sprintf("%d-%d", i, n), kill)
			}
		})
	}
	for range kills {
		<-kill
		c.open.shut()
		c.shop.kill()
		since := time.Now()
		c.shop = startShop(c, append(c.args, "-addr", c.shop.addr)...)
		c.down += time.Since(since)
		c.dead.Add(1)
		close(c.open.open)
	}
	all.Wait()
	c.took = time.Since(start)
}

// buy orders something, and perhaps pays.
func (c *campaign) buy(client *client, random *rand.Rand, key string, kill chan<- struct{}) {
	line := Line{"tea", 1 + random.IntN(3)}
	if random.IntN(10) == 0 {
		line = Line{"gold", 1}
	}
	body, _ := json.Marshal(line)
	status, text := c.post(client, "/orders", key, string(body))
	if status == http.StatusConflict && line.Item == "gold" {
		return // sold out
	}
	var o Order
	if err := json.Unmarshal([]byte(text), &o); err != nil || status != http.StatusCreated || o.Item != line.Item || o.Quantity != line.Quantity {
		c.Errorf("order %s of %+v: %d %s", key, line, status, text)
		return
	}
	r := receipt{key: key, order: o}
	if n := c.acked.Add(1); c.killEvery > 0 && n%c.killEvery == 0 && n/c.killEvery <= kills {
		kill <- struct{}{}
	}
	if random.IntN(4) == 0 { // the customer did not hear it
		if status, again := c.post(client, "/orders", key, string(body)); status != http.StatusCreated || again != text {
			c.Errorf("order %s is repeated: %d %s, and was %s", key, status, again, text)
		}
	}
	if random.IntN(2) == 0 {
		status, text := c.post(client, fmt.Sprintf("/payments/%d", o.ID), key, `{"accepted":true}`)
		r.paid = status == http.StatusOK
		if !r.paid && status != http.StatusConflict { // too late
			c.Errorf("payment of order %d: %d %s", o.ID, status, text)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, twice := c.known[o.ID]; twice {
		c.Errorf("order %d is that of %s and of %s", o.ID, other.key, key)
	}
	c.known[o.ID] = r
}

// post sends a request, again and again until it has an answer.
func (c *campaign) post(client *client, path, key, body string) (int, string) {
	for {
		c.sent.Add(1)
		if status, text, err := c.request(client, http.MethodPost, path, key, body); err == nil && status < 500 {
			return status, text
		}
		c.again.Add(1)
		c.open.wait()
	}
}

func (*campaign) request(client *client, method, path, key, body string) (int, string, error) {
	r, err := http.NewRequest(method, client.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Idempotency-Key", key)
	answer, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

func (c *campaign) check() {
	client := c.shop.client()
	left := Levels{"tea": c.tea, "gold": c.gold}
	paid, last := 0, 0
	for id, r := range c.known {
		last = max(last, id)
		if r.paid {
			paid++
			left[r.order.Item] -= r.order.Quantity
		}
	}
	c.awaitStock(client, left)
	ids := make(chan int)
	var all sync.WaitGroup
	for range c.customers {
		all.Go(func() {
			for id := range ids {
				c.checkOrder(client, id)
			}
		})
	}
	for id := 1; id <= last+2*c.customers; id++ {
		ids <- id
	}
	close(ids)
	all.Wait()
	want, _ := json.Marshal(left)
	client.expect("GET", "/stock", "", http.StatusOK, string(want))
	c.shop.stop()
	replay := exec.Command(os.Args[0], append([]string{"-replay", c.dir}, c.args[4:]...)...)
	replay.Env = append(os.Environ(), asShop+"=1")
	if out, err := replay.CombinedOutput(); err != nil || !strings.Contains(string(out), "no difference") {
		c.Errorf("replay: %v: %s", err, out)
	}
	c.Logf("%d customers, %v: %d orders acknowledged, %d paid, %d kills (down for %v in all), %d requests (%.0f/s), of which %d were repeated because they had no answer",
		c.customers, c.took.Round(time.Millisecond), len(c.known), paid, kills, c.down.Round(time.Millisecond), c.sent.Load(), float64(c.sent.Load())/c.took.Seconds(), c.again.Load())
}

// checkOrder compares an order with what its customer knows.
func (c *campaign) checkOrder(client *client, id int) {
	status, text, err := c.request(client, http.MethodGet, fmt.Sprintf("/orders/%d", id), "", "")
	r, ok := c.known[id]
	if !ok {
		if status != http.StatusNotFound {
			c.Errorf("nobody knows order %d: %d %s, %v", id, status, text, err)
		}
		return
	}
	want := r.order
	want.Status, want.Reason = Paid, ""
	if !r.paid {
		want.Status, want.Reason = Cancelled, "no payment arrived within 1s"
	}
	var got Order
	if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
		c.Errorf("order %d of %s: %d %s, %v, want %+v", id, r.key, status, text, err, want)
	}
}

// awaitStock reads the stream of the stock until it is as it must be: the orders that
// nobody pays are cancelled by then.
func (c *campaign) awaitStock(client *client, want Levels) {
	s := client.stream()
	defer s.body.Close()
	defer time.AfterFunc(time.Minute, func() { s.body.Close() }).Stop()
	got := Levels{}
	for s.lines.Scan() {
		if data, ok := strings.CutPrefix(s.lines.Text(), "data: "); ok {
			var now Stock
			if err := json.Unmarshal([]byte(data), &now); err != nil || now.Left < 0 || now.Left > want[now.Item] {
				c.Fatalf("the stock is %s, %v, and must become %v", data, err, want)
			}
			got[now.Item] = now.Left
		}
		if got["tea"] == want["tea"] && got["gold"] == want["gold"] {
			return
		}
	}
	c.Fatalf("after a minute, the stock is %v, and must be %v (%v)", got, want, s.lines.Err())
}
