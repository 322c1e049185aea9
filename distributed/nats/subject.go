package nats

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// Subjects.
//
//	mp.<realm>.link.<sender>.<receiver>.<place>.<role>.<link>.<kind>
//	mp.<realm>.knock.<node>   asks a node to hear the sender, which the message names
//	mp.<realm>.who.<place>    asks which nodes offer a place
//	mp.<realm>.here.<place>   says that a node offers a place, or does so no more
//
// The sender comes first, so that a permission can say who may send. The permissions of a node
// are in [Permissions].
//
// A server tells a leaf that somebody subscribes to a subject only if the leaf may publish to
// all that the subscription matches, or the other way around. So a node cannot subscribe to
// what all others send it, but only to what each of them does. That is what the knock is for.
const prefix = "mp."

// The roles of the sender of a frame, and the kinds of messages of a link.
const (
	up   = "up"   // from the client
	down = "down" // from the home

	kindDial   = "dial"   // the client asks whether both directions work
	kindAnswer = "answer" // the home says so
	kindFrame  = "frame"
	kindEnd    = "end" // the sender has closed the link, or does not have it
)

// MaxSubject is how many bytes a subject of this package has at most.
const MaxSubject = len(prefix) + maxRealm + 3*maxToken + len(".link....down.0123456789abcdef.answer")

const (
	maxRealm = 64
	maxToken = 64
)

// Permissions returns the subjects to which a node of a realm may publish and subscribe. Only
// they keep a node from pretending to be another one. They are in the credentials that
// [Network.Member] returns; on a server that others administer, give them to the user of the
// node. A user with fewer subjects of links, as mp.<realm>.link.<node>.*.room.up.>, has only
// what is done there.
func Permissions(realm, node string) (publish, subscribe []string) {
	p, me := prefix+realm, token(node)
	return []string{p + ".link." + me + ".>", p + ".knock.*", p + ".who.*", p + ".here.*"},
		[]string{p + ".link.*." + me + ".>", p + ".knock." + me, p + ".who.*", p + ".here.*"}
}

// fromPeer returns the beginning of the subjects of all that a node sends to this one.
func (n *Network) fromPeer(node string) string {
	return n.prefix + ".link." + token(node) + "." + n.token + "."
}

// linkSubject returns the subject of messages of a link to a node, up to the kind. The place is
// its token.
func (n *Network) linkSubject(node, place, role, id string) string {
	return n.prefix + ".link." + n.token + "." + token(node) + "." + place + "." + role + "." + id + "."
}

// An arrival is what the subject of a message of a link says. The place is its token.
type arrival struct{ from, place, role, id, kind string }

// arrived reads the subject of a message that a node has sent to this one. Before the place, it
// has what head says.
func arrived(from, head, subject string) (a arrival, err error) {
	rest, ok := strings.CutPrefix(subject, head)
	a.from = from
	a.place, rest, _ = strings.Cut(rest, ".")
	a.role, rest, _ = strings.Cut(rest, ".")
	a.id, a.kind, _ = strings.Cut(rest, ".")
	if !ok || len(a.place) > maxToken || a.role != up && a.role != down || len(a.id) != idSize || strings.Contains(a.kind, ".") {
		return arrival{}, errors.New("it is not that of a link to this node")
	}
	return a, nil
}

const hexadecimal = "0123456789ABCDEF"

// plain reports whether a byte stands for itself in a token.
func plain(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-' || b == '_'
}

// token returns the token of a subject that stands for a name, of at most 64 bytes. Letters,
// digits, - and _ stand for themselves, and every other byte for =XX. A token that would be
// longer is a hash of the name, after ==, and = stands for the empty name. No two names have the
// same token.
func token(name string) string {
	if name == "" {
		return "="
	}
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'=', hexadecimal[c>>4], hexadecimal[c&15]})
		}
	}
	if b.Len() > maxToken {
		h := sha256.Sum256([]byte(name))
		return "==" + base64.RawURLEncoding.EncodeToString(h[:])
	}
	return b.String()
}
