package nats_test

import (
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/distributed/nats"
	"github.com/go-marketplace/marketplace/distributed/networktest"
)

// TestTokens: every name of a node or a place is one token, which no other name has.
func TestTokens(t *testing.T) {
	longest := strings.Repeat("ö", 127) + "ö"[:1]
	seen := map[string]string{}
	for _, name := range []string{"", "a", "A", "berlin-2_x", ".", "*", ">", "=", "==", "a.b", "a b", "\x00", "röom/1 \"x\"", "=20", " ", "\r\n",
		longest, strings.Repeat(">", 255), strings.Repeat(">", 254), strings.Repeat("x", 64), strings.Repeat("x", 65), strings.Repeat("x", 255)} {
		token := nats.Token(name)
		if token == "" || len(token) > 64 || strings.ContainsAny(token, ".*> \t\r\n\x00") {
			t.Errorf("%q has the token %q", name, token)
		}
		if other, taken := seen[token]; taken {
			t.Errorf("%q and %q have the same token", name, other)
		}
		seen[token] = name
	}
	for name, want := range map[string]string{"": "=", "berlin-2_x": "berlin-2_x", "a.b": "a=2Eb", "ö": "=C3=B6"} {
		if got := nats.Token(name); got != want {
			t.Errorf("%q has the token %q; want %q", name, got, want)
		}
	}
}

// FuzzTokens: the same for any two names.
func FuzzTokens(f *testing.F) {
	f.Add("", "=")
	f.Add(strings.Repeat(".", 70), strings.Repeat(".", 71))
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := nats.Token(a), nats.Token(b)
		if len(x) == 0 || len(x) > 64 || strings.ContainsAny(x, ".*> \t\r\n\x00") || (x == y) != (a == b) {
			t.Errorf("%q and %q have the tokens %q and %q", a, b, x, y)
		}
	})
}

// TestLongNames: nodes and places with the longest names reach each other, on servers with the
// default limits.
func TestLongNames(t *testing.T) {
	x, y := strings.Repeat(".", 255), strings.Repeat(".", 254)+"x"
	for name, make := range topologies {
		t.Run(name, func(t *testing.T) {
			ns := make(t, x, y)
			o := networktest.Offer(t, ns[1], y)
			networktest.Dial(t, ns[0], y, y)
			if l := networktest.Accept(t, o, y, y); l.Peer() != x {
				t.Errorf("the peer is %q", l.Peer())
			}
			if subject := nats.LinkSubject(ns[0], y, y, "0123456789abcdef"); len(subject) > nats.MaxSubject {
				t.Errorf("%q has %d bytes, and at most %d are allowed", subject, len(subject), nats.MaxSubject)
			}
		})
	}
}

// FuzzArrived: a subject is refused, or is that of a link.
func FuzzArrived(f *testing.F) {
	n := open(f, nats.Config{Node: "home", RealmKeyFile: realmKey(f), Realm: "r"})
	for _, s := range []string{"mp.r.link.eve.home.room.up.0123456789abcdef.frame", "mp.r.link.eve.home.=.down.0123456789abcdef.end", "mp.r.link.eve.home....", "mp.r.link......"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, subject string) {
		place, err := nats.Arrived(n, "eve", subject)
		if err == nil && (len(place) > 64 || !strings.HasPrefix(subject, "mp.r.link.eve.home."+place+".")) {
			t.Errorf("%q is of place %q", subject, place)
		}
	})
}
