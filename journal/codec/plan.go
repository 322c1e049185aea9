package codec

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/internal/unsealed"
	"github.com/go-marketplace/marketplace/world"
)

// A plan encodes and decodes the values of a type. There is one for each type.
type plan struct {
	typ reflect.Type

	// null reports whether some value of the type is written as null.
	null bool

	// record has the fields, if the type is a struct without a codec of its own.
	record *record

	// write appends v, which is nested so deep in other items, for a codec; see Codec.
	write func(dst []byte, v reflect.Value, depth int, c *Codec) ([]byte, error)

	// read restores v, which is zero and can be set.
	read func(r *reader, v reflect.Value, depth int) error
}

// A cachedPlan is the plan of a type, or the error why there is none.
type cachedPlan struct {
	*plan
	head []byte // of a value with its name; nil if the type has none
	err  error  // why there is no plan
}

// cache has the cachedPlan of each type that was used. It depends only on the type and its
// name, which do not change.
var cache sync.Map

// planOf returns the plan for values of a type.
func planOf(t reflect.Type) (*cachedPlan, error) {
	if k, ok := cache.Load(t); ok {
		k := k.(*cachedPlan)
		return k, k.err
	}
	k := new(cachedPlan)
	k.plan, k.err = compiler{}.compile(t)
	if k.err != nil {
		k.err = withType(t, k.err)
	}
	if name, ok := world.NameOf(t); ok {
		k.head = appendString([]byte{array | 2}, name)
	}
	cache.Store(t, k)
	return k, k.err
}

// namedPlanOf returns the plan for values of a type that are written with its
// name.
func namedPlanOf(t reflect.Type) (*cachedPlan, error) {
	k, err := planOf(t)
	if k.head != nil {
		return k, err
	}
	if _, ok := world.NameOf(t); ok {
		cache.Delete(t) // the type was registered since
		return planOf(t)
	}
	if t.Implements(reflect.TypeFor[error]()) {
		return k, refuse("an error of type ", t.String(), " cannot be restored; use world.Reduce")
	}
	return k, refuse("the type ", t.String(), " is not registered; use world.Register")
}

// Check returns nil if values of type t can be encoded, as far as that does not depend on
// the value, and otherwise an [*Error] that names the part of the type that cannot. It does
// not check whether t is registered.
func Check(t reflect.Type) error {
	_, err := planOf(t)
	return err
}

// A compiler makes plans. It keeps those that it has begun, because a type can contain
// itself.
type compiler map[reflect.Type]*plan

func (c compiler) compile(t reflect.Type) (*plan, error) {
	if p, ok := c[t]; ok {
		return p, nil
	}
	p := &plan{typ: t}
	c[t] = p
	if t == reflect.TypeFor[time.Time]() {
		p.write, p.read = writeTime, readTime
		return p, nil
	}
	if unsealed.Is(t) {
		return p, c.sealed(p)
	}
	if done, err := p.useCustomCodec(); done || err != nil {
		return p, err
	}
	switch k := t.Kind(); k {
	case reflect.Bool:
		p.write, p.read = writeBool, readBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.write, p.read = writeInt, readInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.write, p.read = writeUint, readUint
	case reflect.Float32, reflect.Float64:
		p.write, p.read = writeFloat, readFloat
	case reflect.String:
		p.write, p.read = writeString, readString
	case reflect.Interface:
		p.null, p.write, p.read = true, writeInterface, readInterface
	case reflect.Pointer:
		return p, c.pointer(p)
	case reflect.Slice, reflect.Array:
		return p, c.list(p)
	case reflect.Map:
		return p, c.mapping(p)
	case reflect.Struct:
		return p, c.fields(p)
	default:
		return p, refuse(unwritable[k])
	}
	return p, nil
}

// unwritable says why values of some kinds cannot be encoded.
var unwritable = map[reflect.Kind]string{
	reflect.Func:          "a func cannot be encoded",
	reflect.Chan:          "a chan cannot be encoded",
	reflect.UnsafePointer: "an unsafe.Pointer cannot be encoded",
	reflect.Uintptr:       "a uintptr cannot be encoded, because it is an address; for a number use uint64",
	reflect.Complex64:     "a complex number cannot be encoded; use two floats",
	reflect.Complex128:    "a complex number cannot be encoded; use two floats",
}

func (c compiler) pointer(p *plan) error {
	p.null = true
	elem, err := c.compile(p.typ.Elem())
	if err != nil {
		return err
	}
	p.write, p.read = elem.writePointer, elem.readPointer
	return nil
}

func (c compiler) sealed(p *plan) error {
	content, err := c.compile(unsealed.Content(p.typ))
	if err != nil {
		return withPath(".Get()", err)
	}
	p.write, p.read = content.writeSealed, content.readSealed
	return nil
}

func (c compiler) list(p *plan) error {
	slice := p.typ.Kind() == reflect.Slice
	p.null = slice
	elem, err := c.compile(p.typ.Elem())
	if err != nil {
		return withPath("[]", err)
	}
	octets := p.typ.Elem().Kind() == reflect.Uint8 && !elem.hasCustomCodec()
	switch {
	case slice && octets:
		p.write, p.read = writeBytes, readBytes
	case slice:
		p.write, p.read = elem.writeSlice, elem.readSlice
	case octets:
		p.write, p.read = writeOctets, readOctets
	default:
		p.write, p.read = elem.writeArray, elem.readArray
	}
	return nil
}

func (c compiler) mapping(p *plan) error {
	p.null = true
	key, err := c.compile(p.typ.Key())
	if err != nil {
		return withPath("[key]", err)
	}
	if k := identity(p.typ.Key()); k != reflect.Invalid {
		return withPath("[key]", refuse("a key with a part of kind "+k.String()+" cannot be encoded"))
	}
	if hasSealed(p.typ.Key()) {
		return withPath("[key]", refuse("a key with a sealed value cannot be encoded; use its subject"))
	}
	elem, err := c.compile(p.typ.Elem())
	if err != nil {
		return withPath("[]", err)
	}
	m := &pairs{key: key, elem: elem}
	p.write, p.read = m.write, m.read
	return nil
}

// hasSealed reports whether a key has a sealed value, so that equal keys would be written
// differently.
func hasSealed(t reflect.Type) bool {
	switch {
	case unsealed.Is(t):
		return true
	case t.Kind() == reflect.Array:
		return hasSealed(t.Elem())
	case t.Kind() == reflect.Struct && customCodecOf(t) == nil:
		for f := range t.Fields() {
			if hasSealed(f.Type) {
				return true
			}
		}
	}
	return false
}

// identity returns the kind of a part of a key that is compared by identity or by type, so
// that a decoded key would not be equal to the encoded one; or else Invalid.
func identity(t reflect.Type) reflect.Kind {
	if t == reflect.TypeFor[time.Time]() || customCodecOf(t) != nil {
		return reflect.Invalid
	}
	switch k := t.Kind(); k {
	case reflect.Pointer, reflect.Interface:
		return k
	case reflect.Array:
		return identity(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if k := identity(f.Type); k != reflect.Invalid {
				return k
			}
		}
	}
	return reflect.Invalid
}

func (c compiler) fields(p *plan) error {
	s := new(record)
	p.record, p.write, p.read = s, s.write, s.read
	for i := range p.typ.NumField() {
		f := p.typ.Field(i)
		if f.Name == "_" {
			continue
		}
		if !f.IsExported() {
			if reason, ok := unwritable[f.Type.Kind()]; ok {
				return withPath("."+f.Name, refuse(reason))
			}
			return withPath("."+f.Name, refuse("a field that is not exported cannot be encoded; export it, or give the type ", p.typ.String(), " the methods MarshalBinary and UnmarshalBinary"))
		}
		name, reason := fieldName(f)
		if reason != "" {
			return withPath("."+f.Name, refuse(reason))
		}
		elem, err := c.compile(f.Type)
		if err != nil {
			return withPath("."+f.Name, err)
		}
		s.fields = append(s.fields, field{name: f.Name, key: appendString(nil, name), index: i, plan: elem})
	}
	slices.SortFunc(s.fields, func(a, b field) int { return bytes.Compare(a.key, b.key) })
	for i := 1; i < len(s.fields); i++ {
		if a, b := s.fields[i-1], s.fields[i]; bytes.Equal(a.key, b.key) {
			return withPath("."+b.name, refuse("the tag gives it the name of the field ", a.name))
		}
	}
	return nil
}

// fieldName returns the name under which a field is encoded, or what is wrong with its tag.
func fieldName(f reflect.StructField) (name, reason string) {
	tag := f.Tag.Get("cbor")
	name, options, _ := strings.Cut(tag, ",")
	switch {
	case tag == "-":
		return "", "the tag drops the field, which would not be restored"
	case options != "":
		return "", "the tag has the option " + options + ", but a field is always written, under its name"
	case name == "":
		name = f.Name
	}
	return name, ""
}
