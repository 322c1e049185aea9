package image

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/topic/selftext"
	"github.com/go-marketplace/marketplace/world"
)

// label describes d for people.
func (d *Endpoint) label() string {
	s := d.ID
	switch {
	case d.Inner > 0:
		s = fmt.Sprintf("of process %d inside", d.Inner)
	case d.Anonymous > 0:
		s = "without a name"
	}
	if d.Level > 0 {
		s += fmt.Sprintf(" at level %d", d.Level)
	}
	return s + " (" + d.Role + ")"
}

// idText returns the text of a name of an endpoint.
func idText(id actions.EndpointID) string {
	if d, ok := id.(world.Device); ok {
		return selftext.NameOf(reflect.TypeOf(d)) + " " + d.DeviceName()
	}
	text := topic.Tuple{id}.Canonical()
	return masked(strings.TrimSuffix(strings.TrimPrefix(text, "("), ",)"))
}

// roleText returns the canonical text of a role, without addresses.
func roleText(r topic.Role) string {
	return masked(strings.TrimSuffix(r.String(), r.Topic.String()) + r.Topic.Canonical())
}

// masked returns text without the addresses of pointers, which change when a machine
// is restored. It does not change text in quotes.
func masked(text string) string {
	if !strings.Contains(text, "0x") {
		return text
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\' && i+1 < len(text):
			b.WriteByte(c)
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(text[i:], "0x"):
			b.WriteString("0x")
			rest := strings.TrimLeft(text[i+2:], "0123456789abcdef")
			i = len(text) - len(rest) - 1
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
