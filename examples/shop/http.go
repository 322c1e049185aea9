package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/rpc"
)

// The limits of a request.
const (
	patience = 10 * time.Second // for an answer of the machine
	maxBody  = 4 << 10          // bytes
	maxKey   = 200              // bytes
)

// A front serves HTTP. Its handlers call operations through the door.
type front struct {
	counter *door.Door
	streams context.Context // done when streams have to end
}

func (f front) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", answer(http.StatusCreated, f.place))
	mux.HandleFunc("GET /orders/{id}", answer(http.StatusOK, f.look))
	mux.HandleFunc("POST /payments/{id}", answer(http.StatusOK, f.pay))
	mux.HandleFunc("GET /stock", answer(http.StatusOK, f.count))
	mux.HandleFunc("GET /stock/events", f.events)
	mux.HandleFunc("/", answer(http.StatusOK, func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return nil, refusal{http.StatusNotFound, fmt.Sprintf("there is no %s %s: see the comment of the program", r.Method, r.URL.Path)}
	}))
	return mux
}

func (f front) place(w http.ResponseWriter, r *http.Request) (any, error) {
	var l Line
	if err := read(w, r, &l); err != nil {
		return nil, err
	}
	o, err := call(r, f.counter, Place, l)
	if err == nil {
		w.Header().Set("Location", fmt.Sprintf("/orders/%d", o.ID))
	}
	return o, err
}

func (f front) look(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := number(r)
	if err != nil {
		return nil, err
	}
	return call(r, f.counter, Look, id)
}

func (f front) pay(w http.ResponseWriter, r *http.Request) (any, error) {
	var p struct {
		Accepted *bool `json:"accepted"`
	}
	id, err := number(r)
	if err == nil {
		err = read(w, r, &p)
	}
	switch {
	case err != nil:
		return nil, err
	case p.Accepted == nil:
		return nil, refusal{http.StatusBadRequest, `"accepted" is missing: it says whether the payment is made`}
	}
	paid, err := call(r, f.counter, Settle, Payment{id, *p.Accepted})
	return map[string]bool{"paid": paid}, err
}

func (f front) count(_ http.ResponseWriter, r *http.Request) (any, error) {
	return call(r, f.counter, Count, All{})
}

// call calls an operation for a request. If a client repeats a request with the same
// Idempotency-Key, it gets the answer that it has missed.
func call[A, R any](r *http.Request, d *door.Door, op rpc.Op[A, R], a A) (result R, err error) {
	var opts []rpc.Option
	switch key := r.Header.Get("Idempotency-Key"); {
	case len(key) > maxKey:
		return result, refusal{http.StatusBadRequest, fmt.Sprintf("the Idempotency-Key has %d bytes, and may have %d", len(key), maxKey)}
	case key != "" && r.Method == http.MethodPost:
		opts = append(opts, door.Key(r.URL.Path+" "+key))
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	return rpc.Do(ctx, d, op, a, opts...)
}

// number reads the number in the path.
func number(r *http.Request) (int, error) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 31)
	if err != nil {
		return 0, refusal{http.StatusBadRequest, fmt.Sprintf("%q is not the number of an order", r.PathValue("id"))}
	}
	return int(id), nil
}

// read reads a JSON value, and nothing else, from the body.
func read(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("something follows the JSON value")
	}
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxBody)}
	}
	return refusal{http.StatusBadRequest, fmt.Sprintf("the body is not as expected: %v", err)}
}

// A refusal is an error that has a status.
type refusal struct {
	status int
	text   string
}

func (e refusal) Error() string { return e.text }

// statuses are the statuses of the errors of the machine. The first match counts.
var statuses = []struct {
	err    error
	status int
}{
	{ErrNoOrder, http.StatusNotFound},
	{ErrNoItem, http.StatusUnprocessableEntity},
	{ErrQuantity, http.StatusUnprocessableEntity},
	{ErrSoldOut, http.StatusConflict},
	{ErrNotDue, http.StatusConflict},
	{door.ErrKeyReused, http.StatusUnprocessableEntity},
	{door.ErrUncertain, http.StatusGatewayTimeout}, // it may have been carried out: repeat it with the same key
	{context.DeadlineExceeded, http.StatusGatewayTimeout},
}

// statusOf returns the status of an error. If nothing is known of it, the machine does
// not run, or a process is missing.
func statusOf(err error) int {
	if r := (refusal{}); errors.As(err, &r) {
		return r.status
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return s.status
		}
	}
	return http.StatusServiceUnavailable
}

// answer is a handler that answers with a JSON value, or with {"error": …}.
func answer(status int, f func(http.ResponseWriter, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := status
		v, err := f(w, r)
		if err != nil {
			status, v = statusOf(err), map[string]string{"error": err.Error()}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v) // fails if the client has gone
	}
}
