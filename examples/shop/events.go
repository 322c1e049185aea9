package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/topic"
)

// events streams the stock as server-sent events: first what there is, then each change.
// A client that does not keep up, or that a restart has cut off, connects again, as
// browsers do, and begins with what there is.
func (f front) events(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(f.streams, cancel)()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	c := http.NewResponseController(w)
	for ev := range door.Subscribe(ctx, f.counter, topic.All[Stock]()) {
		_ = c.SetWriteDeadline(time.Now().Add(patience)) // if it fails, so does Flush
		switch ev.Kind {
		case door.Started:
			fmt.Fprint(w, ": this is the stock\n\n")
		case door.Presence:
			data, _ := json.Marshal(ev.Value) // it is a struct of a text and a number
			fmt.Fprintf(w, "event: stock\ndata: %s\n\n", data)
		case door.Absence:
			continue // the next presence has the new number
		case door.End:
			fmt.Fprintf(w, "event: end\ndata: %v\n\n", ev.Reason)
		}
		if c.Flush() != nil {
			return
		}
	}
}
