package actions

import (
	"fmt"
	"reflect"
)

// A Former is an earlier version of the states of a process type. [From] makes one from a
// typed function.
type Former struct {
	// Version is the version of the states.
	Version uint64

	// State is their Go type, and Next that of the states of the next version.
	State, Next reflect.Type

	// Upgrade returns the state of the next version. It must be pure.
	Upgrade func(state any) (any, error)

	// Decode reads the states, if the type had a Decode then. If it is nil, the codec reads
	// them that reads states of types without a Decode.
	Decode func(data []byte) (state any, err error)
}

// From returns the way from a version of the states of a process type to the next one. The
// Go type of the states of that version, A, stays in the program, under any name. Upgrade must
// be pure. Its error says that there is no such state any more; then the program does not go
// on from the snapshot.
func From[A, B any](version uint64, upgrade func(A) (B, error)) Former {
	f := Former{Version: version, State: reflect.TypeFor[A](), Next: reflect.TypeFor[B]()}
	if upgrade != nil {
		f.Upgrade = func(state any) (any, error) {
			s, _ := state.(A)
			return upgrade(s)
		}
	}
	return f
}

// Versions returns d with a version and ways from earlier ones, so that a program goes on from
// a snapshot that an earlier build of it has taken:
//
//	type accountV0 struct{ Owner string; Euros int }
//
//	var accounts = actions.Versions(actions.Define("bank.account", account.open), 1,
//		actions.From(0, func(a accountV0) (account, error) {
//			return account{Owner: a.Owner, Cents: 100 * a.Euros}, nil
//		}))
//
// Types without Versions have version 0. A program increases the version when it changes the
// type of the states in a way that the codec cannot read: a codec such as that of a journal
// reads states with fields that were added later, which are zero then, and with fields that
// were renamed, if they have a tag with the old name. The ways lead from one version to the
// next, without a gap. A program may give up the oldest ones.
//
// A state of an earlier version is brought up to date before the program goes on. It must open
// all endpoints, devices and monitors that the process has, with the same names and roles: see
// [Type.Open].
//
// Versions panics if the ways do not lead to the version, or to the type of the states of d.
func Versions[S any](d Definition[S], version uint64, former ...Former) Definition[S] {
	d.Version, d.Former = version, former
	if err := d.CheckVersions(); err != nil {
		panic(fmt.Sprintf("actions: Versions of %q: %v", d.Name, err))
	}
	return d
}

// CheckVersions returns an error if t.Former does not lead to t.Version, version by version,
// and to t.State.
func (t *Type) CheckVersions() error {
	if n := uint64(len(t.Former)); n > t.Version {
		return fmt.Errorf("there are %d earlier versions of version %d", n, t.Version)
	}
	for i, f := range t.Former {
		next, want := t.State, t.Version-uint64(len(t.Former)-i)
		if i+1 < len(t.Former) {
			next = t.Former[i+1].State
		}
		switch {
		case f.Upgrade == nil || f.State == nil:
			return fmt.Errorf("the way from version %d has no function or no type", f.Version)
		case f.Version != want:
			return fmt.Errorf("the way from version %d should be from version %d: the ways lead from one version to the next, up to %d, the oldest first", f.Version, want, t.Version)
		case f.Next != next:
			return fmt.Errorf("the way from version %d leads to a %v, and version %d is a %v", f.Version, f.Next, f.Version+1, next)
		}
	}
	return nil
}
