package topic

import (
	"fmt"
	"reflect"
	"unsafe"
)

// A Field is a part of M, of type F, that patterns can pin. Fields are made by
// [FieldOf]; the zero Field is of no use.
type Field[M any, F comparable] struct {
	path   string
	at     func(*M) *F
	leaves leafSet
	loose  bool // as said at leafKind.isLoose
}

// FieldOf declares the field that at points to: a field of M, at any depth of
// structs and short arrays, or M itself. Fields may overlap. Declare fields as
// package variables, next to the message type:
//
//	var Who = topic.FieldOf(func(s *Says) *string { return &s.Who })
//
// FieldOf panics if at returns anything else than a pointer into its argument,
// or if there is nothing in the field that could be pinned, and says why.
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

// pointTo returns at(m), or nil if that cannot be had.
func pointTo[M, F any](at func(*M) *F, m *M) (p *F) {
	defer func() {
		if recover() != nil {
			p = nil
		}
	}()
	return at(m)
}

// Is pins the field to v. It panics if v is equal to nothing, not even itself
// (a NaN), or cannot be compared (a slice in an interface): such a pattern
// would never match.
func (f Field[M, F]) Is(v F) Term[M] {
	f.check("Is")
	if f.loose {
		if !comparable_(v) {
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

// In returns the value that p pins the field to. It reports false unless p
// pins all of the field. Pinned to minus zero is pinned to zero, its equal.
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

// Glob lets field f be any string that matches glob, in which '*' stands for
// any number of characters, '?' for one character, and '\' takes the meaning
// from the one that follows. A glob without any of these is the same as
// pinning the field, and "*" is the same as leaving it open. Glob panics if
// nothing can match, or if the glob is longer than 256 characters.
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

// A Key is a field of M whose type has been forgotten. It is a [Field].
type Key[M any] interface {
	key() leafSet
}

func (f Field[M, F]) key() leafSet { f.check("Select"); return f.leaves }

// A Term is a condition on one field of M. Terms are made by [Field.Is] and
// [Glob].
type Term[M any] struct {
	leaves leafSet
	set    func(*M) // nil for a glob
	glob   string
}
