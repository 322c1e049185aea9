package distributed

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A border is crossed by what comes from another machine. What means something in the
// machine of the sender only is rewritten, so that it means the same here: see [Handle], and rpc.Via.
type border struct {
	sender Place   // as which the machine of the sender is served, if it is
	here   []Place // as which this machine is served
	home   bool    // this is the home, and the sender a client
	via    rpc.Via // what stands at the home for the client
}

// homeVia stands, in the machines of clients, for processes of the home that call.
const homeVia = ^rpc.Via(0)

// errNoWhereabouts says that a message has a handle to nowhere.
var errNoWhereabouts = errors.New("a Handle in it is of a machine that is served as no place; use Config.Serve there")

// message returns a message that was read. A message of a type that is not known here is an
// [Opaque].
func (b border) message(c wire.Content) (topic.Message, error) {
	if unknown, ok := errors.AsType[*wire.TypeError](c.Err); ok {
		return topic.MessageOf(Opaque{unknown.Name, slices.Clone(c.Data)}), nil
	}
	if c.Err != nil {
		return topic.Message{}, c.Err
	}
	ref := c.Message.Ref()
	v := reflect.ValueOf(ref).Elem()
	if !crosses(v.Type()) {
		return c.Message, nil
	}
	if err := b.rewrite(v); err != nil {
		return topic.Message{}, fmt.Errorf("%w: a %v: %w", ErrUnsendable, v.Type(), err)
	}
	return c.Message, nil
}

// role returns a role that was read. Of what is rewritten, roles pin only from where callers
// are.
func (b border) role(r topic.Role) (topic.Role, error) {
	t := r.Topic.MessageType()
	if t == nil || !crosses(t) {
		return r, nil
	}
	cs := r.Topic.Constraints()
	changed := false
	for i := range cs {
		if v, ok := cs[i].Value.(rpc.Via); ok {
			b.viaOf(&v)
			cs[i].Value, changed = v, true
		}
	}
	if !changed {
		return r, nil
	}
	rewritten, err := topic.Build(t, cs...)
	r.Topic = rewritten
	return r, err
}

// viaOf rewrites from where a caller is.
func (b border) viaOf(v *rpc.Via) {
	switch {
	case b.home && *v == 0:
		*v = b.via
	case b.home && *v == homeVia, !b.home && *v == b.via:
		*v = 0
	case !b.home && *v == 0:
		*v = homeVia
	}
}

// handle rewrites a handle.
func (b border) handle(h *Handle) error {
	switch {
	case *h == Handle{}:
	case h.Place == Place{}:
		if b.sender == (Place{}) {
			return errNoWhereabouts
		}
		h.Place = b.sender
	case slices.Contains(b.here, h.Place):
		h.Place = Place{}
	}
	return nil
}

// sealed rewrites the parts of a value that the process opens that gets it. If this is not
// possible, that process gets the reason.
func (b border) sealed(s *wire.Sealed) {
	if t, ok := world.Registered(s.Type); !ok || !crosses(t) {
		return
	}
	ref, err := s.Open()
	if err != nil {
		return
	}
	v := reflect.ValueOf(ref).Elem()
	if err = b.rewrite(v); err == nil {
		var again wire.Sealed
		if again, err = wire.Seal(v.Interface()); err == nil {
			*s = again
			return
		}
	}
	s.Err = writeError(fmt.Errorf("%w: a %v: %w", ErrUnsendable, v.Type(), err))
}

var handleType, viaType, sealedType = reflect.TypeFor[Handle](), reflect.TypeFor[rpc.Via](), reflect.TypeFor[wire.Sealed]()

// crossing says which types have parts that are rewritten.
var crossing sync.Map // of reflect.Type bool

// crosses reports whether values of a type may have parts that are rewritten.
func crosses(t reflect.Type) bool {
	if c, ok := crossing.Load(t); ok {
		return c.(bool)
	}
	c := findCrossing(t, map[reflect.Type]bool{})
	crossing.Store(t, c)
	return c
}

func findCrossing(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == handleType || t == viaType || t == sealedType || t.Kind() == reflect.Interface {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Map:
		return findCrossing(t.Key(), seen) || findCrossing(t.Elem(), seen)
	case reflect.Slice, reflect.Array, reflect.Pointer:
		return findCrossing(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if f.IsExported() && findCrossing(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// rewrite rewrites the parts of a value that was read, and that nobody else has.
func (b border) rewrite(v reflect.Value) error {
	t := v.Type()
	switch t {
	case handleType:
		return b.handle(v.Addr().Interface().(*Handle))
	case viaType:
		b.viaOf(v.Addr().Interface().(*rpc.Via))
		return nil
	case sealedType:
		b.sealed(v.Addr().Interface().(*wire.Sealed))
		return nil
	}
	if !crosses(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		n, err := b.rewritten(v.Elem())
		if err == nil {
			v.Set(n)
		}
		return err
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return b.rewrite(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := b.rewrite(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				if err := b.rewrite(v.Field(i)); err != nil {
					return err
				}
			}
		}
	case reflect.Map:
		return b.rewriteMap(v)
	}
	return nil
}

// rewritten returns a copy of a value that cannot be changed, rewritten.
func (b border) rewritten(v reflect.Value) (reflect.Value, error) {
	n := reflect.New(v.Type()).Elem()
	n.Set(v)
	return n, b.rewrite(n)
}

func (b border) rewriteMap(v reflect.Value) error {
	if v.IsNil() {
		return nil
	}
	next := reflect.MakeMapWithSize(v.Type(), v.Len())
	for i := v.MapRange(); i.Next(); {
		key, err := b.rewritten(i.Key())
		if err != nil {
			return err
		}
		elem, err := b.rewritten(i.Value())
		if err != nil {
			return err
		}
		if next.MapIndex(key).IsValid() {
			return fmt.Errorf("two keys of a map mean %v here", key)
		}
		next.SetMapIndex(key, elem)
	}
	v.Set(next)
	return nil
}
