// Service is an HTTP service with a machine inside, from docs/embedding.md: what is posted
// to it is published in the machine, counted there, and streamed to all who listen.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Vote goes into the machine, and a Result comes out of it.
type (
	Vote   struct{ For string }
	Result struct {
		For   string
		Votes int
	}
)

func init() {
	world.Register[Vote]("service.Vote")
	world.Register[Result]("service.Result")
}

// A count is the state of the process that counts the votes.
type count struct{ Votes map[string]int }

var counting = actions.Define("service.count", func(count) actions.Action {
	return actions.Group(
		endpoint.Publisher(topic.All[Result]()),
		endpoint.Subscriber(topic.All[Vote](), endpoint.OnMessageState(count.vote)),
		rpc.Methods(rpc.HandleLater(Ballot, count.ballot)),
	)
})

// Ballot is a vote whose answer is how many votes there are for the same.
var Ballot = rpc.Define[Vote, int]("service.ballot")

func (c count) vote(v Vote) actions.Transition[count] {
	votes := map[string]int{v.For: 1}
	for name, n := range c.Votes {
		votes[name] += n
	}
	return actions.Next(count{votes}, actions.Send(Result{v.For, votes[v.For]}))
}

func (c count) ballot(a rpc.Ask[Vote, int]) actions.Transition[count] {
	next := c.vote(a.Args)
	next.Actions = actions.Group(next.Actions, a.Reply(next.State.Votes[a.Args.For]))
	return next
}

// A service has one machine, and the door that leads into it.
type service struct {
	hall       *door.Door
	cancel     context.CancelFunc // stops the machine
	done       chan error         // the result of its run
	streams    context.Context    // done when streams are to end
	endStreams context.CancelFunc
}

// start starts the machine.
func start(g *ground.Ground) *service {
	ctx, cancel := context.WithCancel(context.Background())
	s := &service{hall: door.New("hall"), cancel: cancel, done: make(chan error, 1)}
	s.streams, s.endStreams = context.WithCancel(context.Background())
	go func() { s.done <- g.Run(ctx, s.hall.Driver(), counting.Spawn(count{})) }()
	return s
}

// stop ends the streams and the machine, and waits for its end.
func (s *service) stop() error {
	s.endStreams()
	s.cancel()
	return <-s.done
}

// ServeHTTP serves POST /votes, PUT /ballots/{voter} and GET /results.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	voter, ballot := strings.CutPrefix(r.URL.Path, "/ballots/")
	switch {
	case r.Method == "POST" && r.URL.Path == "/votes":
		s.vote(w, r)
	case r.Method == "PUT" && ballot:
		s.ballot(w, r, voter)
	case r.Method == "GET" && r.URL.Path == "/results":
		s.results(w, r)
	default:
		http.NotFound(w, r)
	}
}

// read reads a vote, or answers that there is none.
func read(w http.ResponseWriter, r *http.Request) (v Vote, ok bool) {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return v, err == nil
}

func (s *service) ballot(w http.ResponseWriter, r *http.Request, voter string) {
	v, ok := read(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	switch n, err := rpc.Do(ctx, s.hall, Ballot, v, door.Key(voter)); {
	case err == nil:
		fmt.Fprintf(w, "%d for %s\n", n, v.For)
	case errors.Is(err, door.ErrKeyReused):
		http.Error(w, voter+" has voted for something else", http.StatusConflict)
	default:
		http.Error(w, err.Error(), http.StatusServiceUnavailable) // try again
	}
}

func (s *service) vote(w http.ResponseWriter, r *http.Request) {
	v, ok := read(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	switch err := s.hall.Send(ctx, v); {
	case err == nil:
		w.WriteHeader(http.StatusAccepted) // the machine has it
	case errors.Is(err, door.ErrUncertain):
		http.Error(w, err.Error(), http.StatusGatewayTimeout) // it may count
	default:
		http.Error(w, err.Error(), http.StatusServiceUnavailable) // it does not count
	}
}

func (s *service) results(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.streams, cancel)()
	w.Header().Set("Content-Type", "text/event-stream")
	for ev := range door.Subscribe(ctx, s.hall, topic.All[Result](), door.DropWhenFull()) {
		switch ev.Kind {
		case door.Started:
			fmt.Fprint(w, ": you hear all votes from now on\n\n")
		case door.Message:
			fmt.Fprintf(w, "data: %d for %s\n\n", ev.Value.Votes, ev.Value.For)
		case door.End:
			fmt.Fprintf(w, "event: end\ndata: %v\n\n", ev.Reason)
		}
		if http.NewResponseController(w).Flush() != nil {
			return // leaving the loop closes the subscription
		}
	}
}
