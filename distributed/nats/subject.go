package nats

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-marketplace/marketplace/distributed/internal/realm"
)

// Subjects.
//
//	mp.<realm>.link.<sender>.<receiver>.<place>.<role>.<link>.<kind>
//	mp.<realm>.knock.<node>   asks a node to subscribe to what the sender, which the message names, sends it
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

// MaxSubject is how many bytes a subject of this package has at most. Servers allow 4096 for
// all of a control line by default.
const MaxSubject = len(prefix) + maxRealm + 3*maxToken + len(".link....down.0123456789abcdef.answer")

const (
	maxRealm = 64
	maxToken = 3 * 255 // each byte of a name can become three
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

// fromPeer returns the subject of all that a node sends to this one.
func (n *Network) fromPeer(node string) string {
	return n.prefix + ".link." + token(node) + "." + n.token + ".>"
}

// linkSubject returns the subject of messages of a link to a node, up to the kind.
func (n *Network) linkSubject(node, place, role, id string) string {
	return n.prefix + ".link." + n.token + "." + token(node) + "." + token(place) + "." + role + "." + id + "."
}

// An arrival is what the subject of a message of a link says.
type arrival struct{ from, place, role, id, kind string }

// arrived reads the subject of a message of a link to this node.
func (n *Network) arrived(subject string) (a arrival, err error) {
	rest, ok := strings.CutPrefix(subject, n.prefix+".link.")
	parts := strings.Split(rest, ".")
	if !ok || len(parts) != 6 || parts[1] != n.token || len(parts[4]) != idSize {
		return a, errors.New("it is not that of a link to this node")
	}
	a.role, a.id, a.kind = parts[3], parts[4], parts[5]
	if a.from, err = name(parts[0]); err == nil {
		err = realm.ValidNode(a.from)
	}
	if err != nil {
		return a, fmt.Errorf("the node: %w", err)
	}
	if a.place, err = name(parts[2]); err == nil {
		err = realm.ValidName(a.place)
	}
	if err != nil {
		return a, fmt.Errorf("the place: %w", err)
	}
	if a.role != up && a.role != down {
		return a, fmt.Errorf("the role %q does not exist", a.role)
	}
	return a, nil
}

const hexadecimal = "0123456789ABCDEF"

// plain reports whether a byte stands for itself in a token.
func plain(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-' || b == '_'
}

// token returns the token of a subject that stands for a name. Letters, digits, - and _ stand
// for themselves, every other byte for =XX, and = for the empty name.
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
	return b.String()
}

// name returns the name for which a token stands. Each name has one token.
func name(token string) (string, error) {
	if token == "=" {
		return "", nil
	}
	var b []byte
	for i := 0; i < len(token); i++ {
		c := token[i]
		if c == '=' && i+2 < len(token) {
			high, low := strings.IndexByte(hexadecimal, token[i+1]), strings.IndexByte(hexadecimal, token[i+2])
			if high < 0 || low < 0 || plain(byte(high<<4|low)) {
				return "", fmt.Errorf("the token %q stands for no name", token)
			}
			c = byte(high<<4 | low)
			i += 2
		} else if !plain(c) {
			return "", fmt.Errorf("the token %q stands for no name", token)
		}
		b = append(b, c)
	}
	if len(b) == 0 {
		return "", errors.New("the token is empty")
	}
	return string(b), nil
}
