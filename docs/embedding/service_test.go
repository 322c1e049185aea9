package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestCount: the process counts. It needs no door, no server and no machine that runs.
func TestCount(t *testing.T) {
	m := vmtest.Run(t, counting.Spawn(count{}))
	results := vmtest.Subscriber(m, topic.All[Result]())
	results.ExpectPresence(Result{})
	m.Perform(actions.Send(Vote{"tea"}), actions.Send(Vote{"milk"}), actions.Send(Vote{"tea"}))
	results.ExpectMessages(Result{"tea", 1}, Result{"milk", 1}, Result{"tea", 2})
}

// TestService: a vote that is posted is heard by all who listen.
func TestService(t *testing.T) {
	s := start(new(ground.Ground))
	server := httptest.NewServer(s)
	defer server.Close()

	stream, err := http.Get(server.URL + "/results")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	expect(t, lines, ": you hear all votes from now on")
	for _, body := range []string{`{"For": "tea"}`, `{"For": "tea"}`} {
		if got := post(t, server.URL, body); got != http.StatusAccepted {
			t.Fatal(got)
		}
	}
	expect(t, lines, "data: 1 for tea")
	expect(t, lines, "data: 2 for tea")
	if got := post(t, server.URL, "{"); got != http.StatusBadRequest {
		t.Error(got)
	}
	// A ballot counts once, however often it is sent.
	for _, c := range []struct {
		path, body, answer string
		status             int
	}{
		{"/ballots/tony", `{"For": "tea"}`, "3 for tea\n", http.StatusOK},
		{"/ballots/tony", `{"For": "tea"}`, "3 for tea\n", http.StatusOK},
		{"/ballots/ann", `{"For": "tea"}`, "4 for tea\n", http.StatusOK},
		{"/ballots/tony", `{"For": "milk"}`, "tony has voted for something else\n", http.StatusConflict},
	} {
		if status, answer := request(t, "PUT", server.URL+c.path, c.body); status != c.status || answer != c.answer {
			t.Errorf("%s %s: %d %q", c.path, c.body, status, answer)
		}
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if got := post(t, server.URL, `{"For": "tea"}`); got != http.StatusServiceUnavailable {
		t.Error(got)
	}
}

// TestRun: the program ends while somebody listens, soon after it is asked to.
func TestRun(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- run(ctx, l) }()
	stream, err := http.Get("http://" + l.Addr().String() + "/results")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	expect(t, lines, ": you hear all votes from now on")
	cancel()
	expect(t, lines, "event: end")
	if err := <-done; err != nil {
		t.Error(err) // of Shutdown, if the stream does not end
	}
	http.DefaultClient.CloseIdleConnections()
}

func post(t *testing.T, url, body string) int {
	t.Helper()
	status, _ := request(t, "POST", url+"/votes", body)
	return status
}

// request makes a request.
func request(t *testing.T, method, url, body string) (status int, answer string) {
	t.Helper()
	q, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(data)
}

// expect reads up to the next line that is not empty.
func expect(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	for lines.Scan() && lines.Text() == "" {
	}
	if lines.Text() != want {
		t.Fatalf("got %q, want %q, error %v", lines.Text(), want, lines.Err())
	}
}
