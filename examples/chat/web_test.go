package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vm"
)

// withBrowsers returns the program with browsers, without its flags and its terminal.
func withBrowsers(t *testing.T) journal.Program {
	oldAddr, oldHTTP := addr, httpAddr
	t.Cleanup(func() { addr, httpAddr = oldAddr, oldHTTP })
	addr, httpAddr = tcp.Listener("127.0.0.1", 0), tcp.Listener("127.0.0.1", 0)
	p := chat()
	p.Console = console.Config{Out: io.Discard}
	return p.Replayable()
}

// A house is the program with browsers, in this process.
type house struct {
	t         *testing.T
	addr, url string
	stop      func() // waits for the end
}

// inhabit runs the program, with a journal or without.
func inhabit(t *testing.T, j ground.Journal) *house {
	t.Helper()
	said := make(chan string, 2)
	g := ground.Ground{Journal: j, Watch: func(r *vm.Record) {
		if text, ok := printed(r); ok {
			said <- strings.TrimSpace(text)
		}
	}}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	boot := withBrowsers(t).Boot
	go func() { over <- g.RunFunc(ctx, boot) }()
	h := &house{t: t, stop: func() {
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		over <- nil
	}}
	t.Cleanup(h.stop)
	for range 2 {
		_, where, _ := strings.Cut(<-said, "listening on ")
		if strings.HasPrefix(where, "http://") {
			h.url = where
		} else {
			h.addr = where
		}
	}
	return h
}

// A surfer is somebody in the room with a browser.
type surfer struct {
	h     *house
	name  string
	token string
	in    *bufio.Reader
	close func() // the browser is closed
}

// event returns the next event of a stream.
func (s *surfer) event() (kind, data string) {
	s.h.t.Helper()
	var lines [3]string
	for i := range lines {
		line, err := s.in.ReadString('\n')
		if err != nil {
			s.h.t.Fatalf("%s: %v after %q and %q", s.name, err, lines, line)
		}
		lines[i] = strings.TrimSuffix(line, "\n")
	}
	kind, ok := strings.CutPrefix(lines[0], "event: ")
	data, ok2 := strings.CutPrefix(lines[1], "data: ")
	if !ok || !ok2 || lines[2] != "" {
		s.h.t.Fatalf("%s reads %q, which is no event", s.name, lines)
	}
	return kind, data
}

func (s *surfer) hears(want string) {
	s.h.t.Helper()
	if kind, got := s.event(); kind != "message" || got != want {
		s.h.t.Errorf("%s hears %s %q, not %q", s.name, kind, got, want)
	}
}

// surf lets somebody in with a browser, who hears that others are here.
func (h *house) surf(here ...string) *surfer {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	client := &http.Client{Transport: &http.Transport{}}
	r, err := http.NewRequestWithContext(ctx, "GET", h.url+"/events", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	s := &surfer{h: h, in: bufio.NewReader(answer.Body), close: func() {
		cancel()
		_ = answer.Body.Close()
		client.CloseIdleConnections()
	}}
	h.t.Cleanup(s.close)
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != 200 || got != "text/event-stream; charset=utf-8" {
		h.t.Fatalf("status %d, type %q", answer.StatusCode, got)
	}
	_, line := s.event()
	s.name = strings.TrimSuffix(strings.TrimPrefix(line, "You are "), ".")
	kind, token := s.event()
	if kind != "token" || token == "" {
		h.t.Fatalf("%s reads %s %q, and not a token", s.name, kind, token)
	}
	s.token = token
	for _, name := range here {
		s.hears(name + " is here.")
	}
	return s
}

// posts posts a line, and returns the answer.
func (s *surfer) posts(line string, change ...func(*http.Request)) (status int, text string) {
	s.h.t.Helper()
	r, err := http.NewRequestWithContext(s.h.t.Context(), "POST", s.h.url+"/say", strings.NewReader(line))
	if err != nil {
		s.h.t.Fatal(err)
	}
	r.Header.Set("Chat-Token", s.token)
	return s.h.do(r, change...)
}

func (h *house) do(r *http.Request, change ...func(*http.Request)) (status int, text string) {
	h.t.Helper()
	for _, c := range change {
		c(r)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer.StatusCode, strings.TrimSpace(string(body))
}

func (s *surfer) says(line string) {
	s.h.t.Helper()
	if status, text := s.posts(line); status != http.StatusNoContent {
		s.h.t.Fatalf("%s says %.80q: status %d, %q", s.name, line, status, text)
	}
}

// TestBrowsers: people by TCP and people in browsers see each other arrive, speak and
// depart, under the same rules. Issue 11, section 4.
func TestBrowsers(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	h := inhabit(t, nil)
	ann := enter(t, h.addr)
	bob := h.surf(ann.name)
	ann.hears(bob.name + " arrived.")
	carl := h.surf(ann.name, bob.name)
	ann.hears(carl.name + " arrived.")
	bob.hears(carl.name + " arrived.")
	all := func(line string) {
		t.Helper()
		ann.hears(line)
		bob.hears(line)
		carl.hears(line)
	}

	ann.types("hello\n", 100)
	all(ann.name + ": hello")
	bob.says("<b>hello</b> to \x1b[2J you\r\n")
	all(bob.name + ": <b>hello</b> to [2J you")
	bob.says("") // as by TCP
	all(bob.name + ": ")
	longest := strings.Repeat("x", maxLine-1)
	bob.says(longest)
	all(bob.name + ": " + longest)

	bob.says("/nick Bob")
	bob.hears("You are Bob.")
	ann.hears(bob.name + " is now Bob.")
	carl.hears(bob.name + " is now Bob.")
	ann.types("/nick bob\n", 100)
	ann.hears("bob is taken.")
	carl.says("/nick BOB")
	carl.hears("BOB is taken.")
	bob.says("/help")
	for line := range strings.SplitSeq(help, "\n") {
		bob.hears(line)
	}

	bob.close()
	ann.hears("Bob departed.")
	carl.hears("Bob departed.")
	ann.conn.Close()
	carl.hears(ann.name + " departed.")
	carl.says("/nick bob")
	carl.hears("You are bob.")

	// The end of the program ends the streams.
	h.stop()
	if rest, err := io.ReadAll(carl.in); err != nil || len(rest) > 0 {
		t.Errorf("the rest of the stream is %q, %v", rest, err)
	}
}

// TestBrowserRefusals: what the HTTP side refuses has a status that says so, and nobody
// else hears of it.
func TestBrowserRefusals(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	h := inhabit(t, nil)
	ann := h.surf()
	set := func(key, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(key, value) }
	}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for name, tt := range map[string]struct {
		line   string
		change func(*http.Request)
		want   int
	}{
		"too long":        {strings.Repeat("x", maxLine), nil, http.StatusRequestEntityTooLarge},
		"far too long":    {strings.Repeat("x", 1<<20), nil, http.StatusRequestEntityTooLarge},
		"two lines":       {"a\nb", nil, http.StatusBadRequest},
		"no token":        {"a", set("Chat-Token", ""), http.StatusGone},
		"made-up token":   {"a", set("Chat-Token", "XJDXI3WO7JHBL7RO2QHMLJDVKE"), http.StatusGone},
		"other site":      {"a", set("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		"other origin":    {"a", set("Origin", "http://example.com"), http.StatusForbidden},
		"rebound name":    {"a", host("example.com:8080"), http.StatusMisdirectedRequest},
		"empty host":      {"a", host(":8080"), http.StatusMisdirectedRequest},
		"other path":      {"a", func(r *http.Request) { r.URL.Path = "/shout" }, http.StatusMethodNotAllowed},
		"GET":             {"", func(r *http.Request) { r.Method = "GET" }, http.StatusNotFound},
		"own origin":      {"by origin", set("Origin", h.url), http.StatusNoContent},
		"localhost":       {"by name", host("LocalHost:8080"), http.StatusNoContent},
		"IPv6":            {"by number", host("[::1]:8080"), http.StatusNoContent},
		"IPv6, no port":   {"by number", host("[::1]"), http.StatusNoContent},
		"the same origin": {"by fetch", set("Sec-Fetch-Site", "same-origin"), http.StatusNoContent},
	} {
		change := tt.change
		if change == nil {
			change = func(*http.Request) {}
		}
		if status, text := ann.posts(tt.line, change); status != tt.want || (status >= 400) != (text != "") {
			t.Errorf("%s: status %d, not %d: %q", name, status, tt.want, text)
		}
		if tt.want == http.StatusNoContent {
			ann.hears(ann.name + ": " + tt.line)
		}
	}
	for name, change := range map[string]func(*http.Request){
		"other site":   set("Sec-Fetch-Site", "cross-site"),
		"rebound name": host("example.com"),
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", h.url+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, text := h.do(r, change); status < 400 || text == "" {
			t.Errorf("%s: a stream has status %d, %q", name, status, text)
		}
	}
	bob := h.surf(ann.name)
	ann.hears(bob.name + " arrived.") // and nobody before
	bob.close()
	ann.hears(bob.name + " departed.")
	if status, _ := bob.posts("again"); status != http.StatusGone {
		t.Errorf("the token of a stream that has ended: status %d", status)
	}
}

// TestPage: the page and what it needs are served, with a type, and need nothing from
// elsewhere.
func TestPage(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	h := inhabit(t, nil)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]string{"/": "text/html", "/room.js": "text/javascript", "/room.css": "text/css"} {
		answer, err := client.Get(h.url + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		kind, policy := answer.Header.Get("Content-Type"), answer.Header.Get("Content-Security-Policy")
		if err != nil || answer.StatusCode != 200 || !strings.HasPrefix(kind, want) || !strings.HasPrefix(policy, "default-src 'self';") {
			t.Errorf("%s: status %d, type %q, policy %q, %v", path, answer.StatusCode, kind, policy, err)
		}
		for _, outside := range []string{"http:", "https:", "innerHTML"} {
			if len(text) == 0 || strings.Contains(string(text), outside) {
				t.Errorf("%s has %d bytes, with %q", path, len(text), outside)
			}
		}
	}
}

// TestBrowsersJournal: what browsers do is in the journal. A replay needs no browser.
// After a crash, those who were in browsers have departed, and their names are free.
func TestBrowsersJournal(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	dir, copied := t.TempDir(), t.TempDir()
	var log bytes.Buffer
	keep := func(dir string, snapshots int) *journal.Journal {
		j, err := journal.Config{
			Durability: journal.Sync, Trace: true, Types: withBrowsers(t).Types, SnapshotEvery: snapshots,
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
		}.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	h := inhabit(t, keep(dir, -1)) // none: a copy could have half of one
	ann := h.surf()
	ann.says("/nick ann")
	ann.hears("You are ann.")
	bob := h.surf("ann")
	ann.hears(bob.name + " arrived.")
	for range 20 {
		ann.says("hello")
		bob.hears("ann: hello")
		ann.hears("ann: hello")
	}
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil { // as a crash leaves it
		t.Fatal(err)
	}
	h.stop()
	h = inhabit(t, keep(copied, 10))
	again := h.surf() // neither ann nor bob is here
	again.says("/nick ann")
	again.hears("You are ann.")
	carl := enter(t, h.addr)
	carl.hears("ann is here.")
	again.hears(carl.name + " arrived.")
	h.stop()
	if strings.Count(log.String(), "WARN") != strings.Count(log.String(), "a new journal begins") {
		t.Errorf("log:\n%s", &log)
	}
	for _, dir := range []string{dir, copied} {
		hist, err := journal.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		report, err := hist.Replay(t.Context(), withBrowsers(t), journal.ReplayConfig{})
		if err != nil || report.Seq != hist.Last() || report.Traced == 0 || report.States == 0 {
			t.Errorf("%v: %+v", err, report)
		}
	}
}
