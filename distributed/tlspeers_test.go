package distributed_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
)

// TestTLSMeet: a node learns where another one is while it runs, and that it has moved. A
// link that waits is made at once. Watches hear of the new node.
func TestTLSMeet(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	quiet := slog.New(slog.DiscardHandler)
	issuer := mustTLS(t, distributed.TLSConfig{Node: "issuer", RealmKey: key, Logger: quiet})
	client := issuedTo(t, issuer, "client")
	watch, err := client.Watch(t.Context(), "room")
	if err != nil {
		t.Fatal(err)
	}
	hear := func(want ...string) {
		t.Helper()
		if nodes, err := watch.Next(); !slices.Equal(nodes, want) || err != nil {
			t.Errorf("the nodes are %q, %v, want %q", nodes, err, want)
		}
	}
	hear()

	ups := make(chan string, 10)
	room := distributed.Place{Node: "home", Name: "room"}
	cluster := distributed.Config{Network: client, Lease: 10 * time.Second}
	stop := runs(t, cluster.Driver(), spawn(endpoint.Subscriber(distributed.Reach(room),
		endpoint.OnPresence(func(distributed.Up) actions.Action { ups <- "+"; return nil }),
		endpoint.OnAbsence(func(distributed.Up, error) actions.Action { ups <- "-"; return nil }))))
	defer stop()
	for range 2 {
		at := freeAddress(t)
		home := mustTLS(t, distributed.TLSConfig{Node: "home", Listen: at, RealmKey: key, Logger: quiet})
		stopped := runs(t, distributed.Config{Network: home, Lease: 10 * time.Second}.Serve("room"))
		if err := client.Meet("home", at); err != nil {
			t.Fatal(err)
		}
		if got := <-ups; got != "+" {
			t.Fatalf("heard %q", got)
		}
		stopped()
		if got := <-ups; got != "-" {
			t.Fatalf("heard %q", got)
		}
	}
	hear("home")
	client.Forget("home")
	hear()
	watch.Close()
	for node, at := range map[string]string{"": "h:1", "client": "h:1", "x": "h:0", "y": "h", "z": ":1"} {
		if err := client.Meet(node, at); err == nil {
			t.Errorf("Meet(%q, %q): no error", node, at)
		}
	}
}

// runs runs a machine. The function that it returns stops it, and waits for its end.
func runs(t *testing.T, boot ...actions.Action) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- ground.Run(ctx, boot...) }()
	return func() {
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	}
}

// issuedTo returns the network of a node with credentials that another node has issued.
func issuedTo(t *testing.T, by *distributed.TLSNetwork, node string) *distributed.TLSNetwork {
	t.Helper()
	k, err := by.Issue(node)
	if err != nil {
		t.Fatal(err)
	}
	c, err := k.Use(distributed.TLSConfig{Node: node, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return mustTLS(t, c)
}

// TestTLSIssue: a node without a realm key issues no credentials, and credentials that are
// damaged are refused.
func TestTLSIssue(t *testing.T) {
	issuer := mustTLS(t, distributed.TLSConfig{Node: "issuer", RealmKey: []byte("0123456789abcdef0123456789abcdef")})
	client := issuedTo(t, issuer, "client")
	if client.Realm() != issuer.Realm() {
		t.Errorf("the realm is %q, and that of the issuer %q", client.Realm(), issuer.Realm())
	}
	if _, err := client.Issue("other"); !errors.Is(err, distributed.ErrNoAuthority) {
		t.Errorf("the error is %v", err)
	}
	if _, err := issuer.Issue(""); err == nil {
		t.Error("credentials for nobody: no error")
	}
	k, _ := issuer.Issue("x")
	for _, damaged := range []distributed.Credentials{{}, {Certificate: k.Certificate, Key: k.Key}, {Certificate: k.Certificate, Authorities: k.Authorities}} {
		if _, err := damaged.Use(distributed.TLSConfig{}); err == nil {
			t.Error("damaged credentials: no error")
		}
	}
}
