package topic

import (
	"fmt"
	"reflect"
	"unsafe"
)

// A Field is a part of M, of type F, that patterns can pin. [FieldOf] makes fields.
// Methods of the zero Field panic, but for String.
type Field[M any, F comparable] struct {
	path   string
	at     func(*M) *F
	leaves leafSet
	loose  bool // one of the leaves is: see leafKind.isLoose
}

// FieldOf declares the field that at points to: a field of M, at any depth of
// structs and of arrays of up to 8 elements, or M itself. A longer array is a
// field as a whole only. Fields may overlap. Declare fields as package variables,
// next to the message type:
//
//	var Who = topic.FieldOf(func(s *Says) *string { return &s.Who })
//
// FieldOf panics, and says why, if at returns anything else than a pointer into its
// argument, if the field has only one value, such as a struct without fields, or if
// it reaches beyond the first 64 leaves of M.
func FieldOf[M any, F comparable](at func(*M) *F) Field[M, F] {
	l := layoutFor[M]()
	refuse := func(format string, args ...any) {
		panic(fmt.Sprintf("topic: FieldOf[%v, %v]: %s", l.typ, reflect.TypeFor[F](), fmt.Sprintf(format, args...)))
	}
	if at == nil {
		refuse("there is no function: give one that returns a pointer into its argument, such as &m.Name")
	}
	m := new(M)
	p := pointTo(at, m)
	if p == nil {
		refuse("the function follows a pointer, which is nil in a zero message: only what is part of the message itself can be pinned, so make it a value, or copy what shall be pinned into a field of its own")
	}
	offset := uintptr(unsafe.Pointer(p)) - uintptr(unsafe.Pointer(m))
	if uintptr(unsafe.Pointer(p)) < uintptr(unsafe.Pointer(m)) || offset > reflect.TypeFor[M]().Size() {
		refuse("the function returns a pointer to something else than its argument: return one into it, such as &m.Name")
	}
	path, leaves, err := l.find(reflect.TypeFor[F](), offset)
	if err != nil {
		refuse("%v", err)
	}
	f := Field[M, F]{path: path, at: at, leaves: leaves}
	leaves.each(func(i int) { f.loose = f.loose || l.leaves[i].kind.isLoose() })
	return f
}

// pointTo returns at(m), or nil if at panics.
func pointTo[M, F any](at func(*M) *F, m *M) (p *F) {
	defer func() {
		if recover() != nil {
			p = nil
		}
	}()
	return at(m)
}

// Is returns the term that pins the field to v. It panics if v is equal to nothing,
// not even itself (a NaN), or cannot be compared (a slice in an interface): such a
// pattern would never match. Minus zero counts as zero, its equal.
func (f Field[M, F]) Is(v F) Term[M] {
	f.check("Is")
	if f.loose {
		if !isComparable(v) {
			panic(fmt.Sprintf("topic: %s.Is(%v): a %T cannot be compared: leave the field open and look at the message in the handler", f.name(), v, v))
		}
		if v != v {
			panic(fmt.Sprintf("topic: %s.Is(%v): NaN is equal to nothing, so nothing would match: leave the field open and look at the message in the handler", f.name(), v))
		}
		v = settledTo(v)
	}
	at := f.at
	return Term[M]{leaves: f.leaves, set: func(m *M) { *at(m) = v }}
}

func settledTo[F any](v F) F {
	settle(reflect.ValueOf(&v).Elem())
	return v
}

// In returns the value that p pins the field to. It reports false unless p pins
// all of the field.
func (f Field[M, F]) In(p Pattern[M]) (value F, pinned bool) {
	f.check("In")
	t := p.pattern()
	if t.pins&f.leaves != f.leaves {
		return value, false
	}
	return *f.at(t.ref.(*M)), true
}

// Get returns the value of the field in m.
func (f Field[M, F]) Get(m M) F {
	f.check("Get")
	return *f.at(&m)
}

// String returns the path of the field in M, such as To.Port. It is empty for
// M itself.
func (f Field[M, F]) String() string { return f.path }

func (f Field[M, F]) check(method string) {
	if f.at == nil {
		panic(fmt.Sprintf("topic: %s of a zero Field[%v, %v]: make it with topic.FieldOf", method, reflect.TypeFor[M](), reflect.TypeFor[F]()))
	}
}

func (f Field[M, F]) name() string { return join(reflect.TypeFor[M]().String(), f.path) }

// Glob returns the term for messages in which field f matches glob. In a glob, '*'
// stands for any number of characters, '?' for one character, and '\' makes the
// character after it stand for itself. A glob without any of these pins the field,
// and "*" leaves it open. Glob panics if no string matches glob, or if glob is
// longer than 256 characters (runes).
func Glob[M any, F ~string](f Field[M, F], glob string) Term[M] {
	f.check("Glob")
	if err := checkGlob(glob); err != nil {
		panic(err.Error())
	}
	if s, ok := globLiteral(glob); ok {
		return f.Is(F(s))
	}
	return Term[M]{leaves: f.leaves, glob: glob}
}

// A Key is a [Field] of M of any type.
type Key[M any] interface {
	key() leafSet
}

func (f Field[M, F]) key() leafSet { f.check("Select"); return f.leaves }

// A Term is a condition on one field of M. [Field.Is] and [Glob] make terms. The
// zero Term makes [Where] panic.
type Term[M any] struct {
	leaves leafSet
	set    func(*M) // nil for a glob
	glob   string
}
