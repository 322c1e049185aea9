package selftext

import "reflect"

// kept has the types that keep a name in texts. Packages add to it while they are
// initialised; from then on it is only read.
var kept = map[reflect.Type]string{}

// Keep makes all texts call a type by a name, such as "vm.FreshID", even if the type
// is moved or renamed later. Journals and snapshots contain such texts and compare
// them. The package of the type calls Keep during its initialisation. Keep of a type
// does not affect the pointer type.
func Keep(t reflect.Type, name string) { kept[t] = name }

// NameOf returns the name of a type in texts: the one of [Keep] or, if there is none,
// its Go name with the name of its package.
func NameOf(t reflect.Type) string {
	if name, ok := kept[t]; ok {
		return name
	}
	return t.String()
}
