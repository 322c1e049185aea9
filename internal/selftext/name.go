package selftext

import "reflect"

// kept has the types that keep a name in texts. Packages add to it while they are
// initialised; from then on it is only read.
var kept = map[reflect.Type]string{}

// Keep has all texts call a type by the name that it had first, such as
// "vm.FreshID", though it is moved or renamed later. Journals and snapshots have
// such texts in them, and compare them. The package that owns the type calls Keep
// while it is initialised. A pointer type is another type.
func Keep(t reflect.Type, name string) { kept[t] = name }

// NameOf returns the name of a type in texts: the one that it keeps, or else the
// one that it has in Go, with the name of its package.
func NameOf(t reflect.Type) string {
	if name, ok := kept[t]; ok {
		return name
	}
	return t.String()
}
