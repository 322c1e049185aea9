package distributed

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/go-marketplace/marketplace/distributed/internal/realm"
)

// privatePrefix is how the names of private places begin.
const privatePrefix = "private/"

// PrivateTo returns a place on the same node that only one other node, the owner, can use.
// Its name says so, and the place compares the owner with the credentials of each client: it
// refuses others with [ErrNotAdmitted]. Others can see that the place is there, and no more.
//
// PrivateTo panics if owner cannot be the name of a node.
func (p Place) PrivateTo(owner string) Place {
	if err := realm.ValidNode(owner); err != nil {
		panic(fmt.Sprintf("distributed: PrivateTo(%.32q): %v", owner, err))
	}
	p.Name = privatePrefix + url.PathEscape(owner) + "/" + p.Name
	return p
}

// ownerOf returns the only node that can use a place with a name, if the place is private. It
// is nobody if the name is not as PrivateTo makes it.
func ownerOf(name string) (owner string, private bool) {
	rest, private := strings.CutPrefix(name, privatePrefix)
	escaped, _, _ := strings.Cut(rest, "/")
	owner, err := url.PathUnescape(escaped)
	if err != nil {
		return "", private
	}
	return owner, private
}
