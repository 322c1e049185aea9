package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// entrance is the door through which the HTTP side plays the part of the driver of
// TCP: see browser.go.
var entrance = door.New("browsers")

// web is the part of the program that lets browsers into the room at people.
func web(at, people tcp.Addr) actions.Action {
	return actions.Group(entrance.Driver(), servers.Spawn(server{site{at, people}}))
}

// A server holds the site. If the site fails, the server ends the program.
type server struct{ Site site }

var servers = actions.Define("chat.server", server.open)

func (s server) open() actions.Action {
	return actions.Group(
		endpoint.Device(s.Site,
			endpoint.OnValue(func(o serving) actions.Action {
				return console.Printf("chat: listening on http://%s", o.Bound)
			}),
			endpoint.OnEnded(func(reason error) actions.Action {
				return actions.When(!errors.Is(reason, world.ErrStopped), endpoint.Exit(reason))
			}),
		),
		// Sessions ask for lines. From browsers, these come whole anyway.
		endpoint.Publisher(topic.All[tcp.Control](), endpoint.OnMessage(func(tcp.Control) actions.Action { return nil })),
	)
}

// A site is the HTTP server, as a device. So it runs as long as the machine, but not
// when a journal is replayed.
type site struct {
	At     tcp.Addr // where it listens
	People tcp.Addr // where the room observes arrivals
}

// serving is the opening value of a site.
type serving struct{ Bound string }

func init() { world.Register[serving]("chat.serving") }

// DeviceName implements [world.Device].
func (s site) DeviceName() string {
	return "chat.site(" + s.At.String() + ", " + s.People.String() + ")"
}

// Open implements [world.Device].
func (s site) Open(ctx context.Context, env world.Env) (world.Handle, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.At.HostPort())
	if err != nil {
		return nil, err
	}
	return &openSite{listener: l, server: &http.Server{
		Handler:           newBrowsers(s, entrance),
		ErrorLog:          slog.NewLogLogger(env.Logger().Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute, // there is no WriteTimeout: a stream of events has no end
		MaxHeaderBytes:    16 << 10,
	}}, nil
}

// An openSite is the handle of a site.
type openSite struct {
	listener net.Listener
	server   *http.Server
	told     bool // the opening value
	once     sync.Once
}

// Recv implements [world.Handle].
func (o *openSite) Recv() (any, error) {
	if !o.told {
		o.told = true
		return serving{o.listener.Addr().String()}, nil
	}
	err := o.server.Serve(o.listener)
	if errors.Is(err, http.ErrServerClosed) {
		err = world.ErrClosed
	}
	return nil, err
}

var errCommand = errors.New("chat: the site takes no commands")

// Try implements [world.Handle].
func (o *openSite) Try(commands []any) (int, error) {
	if len(commands) == 0 {
		return 0, nil
	}
	return 0, errCommand
}

// Do implements [world.Handle].
func (o *openSite) Do(any) error { return errCommand }

// closeLimit is how long requests may take to end. Browsers open connections that they
// do not use, for which Shutdown would wait longer.
const closeLimit = time.Second

// Close implements [world.Handle]. It waits for all requests. The machine closes the
// entrance together with the site, so the streams end, and lines are refused.
func (o *openSite) Close() (err error) {
	o.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		if o.server.Shutdown(ctx) != nil {
			err = o.server.Close()
		}
		_ = o.listener.Close() // which the server does not know if Recv has not been called
	})
	return err
}
