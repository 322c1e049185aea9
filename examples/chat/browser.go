package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/tcp"
)

//go:embed page
var files embed.FS

// Browsers is the HTTP side of the room. A person in a browser reads a stream of
// events, and posts lines. To the room, each stream is a connection of TCP, because
// browsers publishes and subscribes to the same flows of [tcp.Data] as the driver of
// TCP would. So porters and sessions do not know that there are browsers.
type browsers struct {
	site
	http.Handler
	entrance *door.Door // into the ground

	mu    sync.Mutex
	last  uint64              // the number of streams so far
	flows map[string]tcp.Addr // of the streams that are open, by token
}

func newBrowsers(s site, d *door.Door) *browsers {
	b := &browsers{site: s, entrance: d, flows: map[string]tcp.Addr{}}
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the name is wrong
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(page))
	mux.HandleFunc("GET /events", b.stream)
	mux.HandleFunc("POST /say", b.say)
	b.Handler = b.guarded(mux)
	return b
}

// guarded refuses requests that pages of other sites have made.
func (b *browsers) guarded(h http.Handler) http.Handler {
	var origins http.CrossOriginProtection
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if !b.isHost(r.Host) {
			http.Error(w, fmt.Sprintf("%q is not the name of this server", r.Host), http.StatusMisdirectedRequest)
			return
		}
		changes := *r // a stream lets somebody in, so what holds for POST holds for it, too
		if r.URL.Path == "/events" {
			changes.Method = http.MethodPost
		}
		if err := origins.Check(&changes); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// isHost reports whether a Host is this server: localhost, the name in -http, or any IP
// address. The owner of another name can make it point here (DNS rebinding), and their
// page would then be of this origin.
func (b *browsers) isHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	_, err = netip.ParseAddr(name)
	return err == nil || strings.EqualFold(name, "localhost") || name != "" && strings.EqualFold(name, b.At.Host())
}

// enter makes a connection for a stream, and the token by which posts belong to it.
func (b *browsers) enter() (token string, c tcp.Connection) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	token, c = rand.Text(), tcp.Between(tcp.Remote(fmt.Sprintf("browser-%d", b.last), 0), b.People)
	b.flows[token] = c.Them
	return token, c
}

func (b *browsers) leave(token string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.flows, token)
}

func (b *browsers) byToken(token string) (them tcp.Addr, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	them, ok = b.flows[token]
	return them, ok
}

const (
	sayLimit  = 5 * time.Second  // for the machine to take a line
	ioLimit   = 10 * time.Second // for a browser to send a line, or to take an event
	heartbeat = 15 * time.Second // so a stream whose browser has vanished ends, and proxies keep it open
)

// say passes a line on.
func (b *browsers) say(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(ioLimit))
	line, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLine))
	line = bytes.TrimRight(line, "\r\n")
	them, ok := b.byToken(r.Header.Get("Chat-Token"))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong) || len(line) >= maxLine:
		http.Error(w, "That is too long.", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "The line has not arrived: "+err.Error(), http.StatusBadRequest)
		return
	case bytes.IndexByte(line, '\n') >= 0:
		http.Error(w, "That is more than one line.", http.StatusBadRequest)
		return
	case !ok:
		http.Error(w, "The header Chat-Token is not that of an open stream.", http.StatusGone)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), sayLimit)
	defer cancel()
	switch err := b.entrance.Send(ctx, tcp.Data{From: them, To: b.People, Bytes: append(line, '\n')}); {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, door.ErrUncertain):
		http.Error(w, err.Error(), http.StatusGatewayTimeout)
	default:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

// stream is the stay of somebody in the room. It ends when they go, or the room ends.
func (b *browsers) stream(w http.ResponseWriter, r *http.Request) {
	token, c := b.enter()
	s := stay{entrance: b.entrance, token: token, conn: c, events: make(chan string)}
	ctx, end := context.WithCancelCause(context.WithoutCancel(r.Context()))
	s.loops.Go(func() { end(s.hear(ctx, end)) })
	defer func() {
		b.leave(token) // first, so that nothing is said for somebody who has departed
		end(nil)
		s.loops.Wait()
	}()

	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	out := http.NewResponseController(w)
	write := func(text string) bool {
		_ = out.SetWriteDeadline(time.Now().Add(ioLimit))
		_, err := io.WriteString(w, text)
		return err == nil && out.Flush() == nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for first, open := true, true; open; first = false {
		select {
		case e := <-s.events:
			open = write(e)
		case <-beat.C:
			open = write(": still here\n\n")
		case <-r.Context().Done(): // the browser has gone
			return
		case <-ctx.Done():
			switch err := context.Cause(ctx); {
			case first:
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
			case errors.Is(err, errOut), errors.Is(err, door.ErrSlow):
				write(event("end", err.Error()))
			}
			return
		}
	}
}

// A stay is a person's presence in the room.
type stay struct {
	entrance *door.Door
	token    string
	conn     tcp.Connection
	events   chan string // what the browser is sent
	loops    sync.WaitGroup
}

// errOut is why a stream ends before the person goes.
var errOut = errors.New("the room has ended the connection")

// hear sends what the person hears, and why there is no more. The person is present
// from when the machine can be heard.
func (s *stay) hear(ctx context.Context, end context.CancelCauseFunc) error {
	for ev := range door.Subscribe(ctx, s.entrance, s.conn.Out()) {
		var e string
		switch ev.Kind {
		case door.Started:
			s.loops.Go(func() { end(s.appear(ctx)) })
			continue
		case door.Presence: // of the session, which hears from now on
			e = event("token", s.token)
		case door.Message:
			e = event("message", string(ev.Value.Bytes))
		case door.Absence:
			return errOut
		case door.End:
			return ev.Reason
		}
		select {
		case s.events <- e:
		case <-ctx.Done():
		}
	}
	return nil
}

// appear is the presence of the person. It returns when that ends.
func (s *stay) appear(ctx context.Context) error {
	for ev := range door.Publish(ctx, s.entrance, s.conn.In()) {
		if ev.Kind == door.End {
			return ev.Reason
		}
	}
	return nil
}

// event returns an event of a stream for each line of a text.
func event(kind, text string) string {
	var b strings.Builder
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", kind, line)
	}
	return b.String()
}
