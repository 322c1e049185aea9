package main

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
)

// TestIssue14Tail: tail lists the last inputs, as list does, and with -f also those that come, until
// nobody reads its output.
func TestIssue14Tail(t *testing.T) {
	dir := bakery(t, 0, false)
	lines := strings.SplitAfter(result(dir, "list", dir), "\n")[1:]
	lines = lines[:len(lines)-2]
	heading, inputs := lines[0], lines[1:]
	for _, n := range []int{0, 1, 3, len(inputs), 99} {
		want := "$ marketplace journal tail -n " + fmt.Sprint(n) + " DIR\n" + heading + strings.Join(inputs[max(0, len(inputs)-n):], "") + "\n"
		if got := result(dir, "tail", "-n", fmt.Sprint(n), dir); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	status := make(chan int)
	var stderr bytes.Buffer
	go func() { status <- run([]string{"journal", "tail", "-f", "-n", "2", dir}, w, &stderr) }()
	out := bufio.NewScanner(r)
	next := func(want string) {
		t.Helper()
		if !out.Scan() || out.Text()+"\n" != want {
			t.Fatalf("got %q, want %q", out.Text(), want)
		}
	}
	next(heading)
	next(inputs[len(inputs)-2])
	next(inputs[len(inputs)-1])
	again := func() {
		t.Helper()
		j, err := journal.Config{Schema: 7, Program: "bakery@v1", Logger: slog.New(slog.DiscardHandler)}.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&ground.Ground{Journal: j}).Run(t.Context(), bake()); err != nil {
			t.Fatal(err)
		}
	}
	again()
	if !out.Scan() || !strings.HasPrefix(strings.TrimSpace(out.Text()), fmt.Sprint(len(inputs)+1, " ")) {
		t.Errorf("got %q", out.Text())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again() // to write to a pipe that nobody reads
	if got := <-status; got != 0 {
		t.Errorf("status %d: %s", got, &stderr)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
