package world

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"unicode/utf8"
)

// Reduce returns an [*Error] for an error, which a journal can restore. Reduce(nil)
// is nil, and Reduce of an [*Error] is that error itself.
//
// The Kind is that of the first well-known error in the order of [errors.Is], from
// the outermost error inwards. An Error has one Kind even if the original matches
// several errors. So if both the sentinel of a package and its cause are to match,
// the sentinel itself must wrap the cause. Op and Addr come from the outermost
// [net.OpError], [os.PathError], [os.LinkError], [os.SyscallError], [net.DNSError]
// or [net.AddrError] that has one. Text is the text of the error. Reduce replaces
// bytes that are not UTF-8, because not every codec can restore them.
func Reduce(err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *Error:
		if e == nil {
			return nil
		}
		return e.validUTF8()
	}
	// The methods of an error are foreign code and may panic, for example on a nil
	// pointer in an interface. Reduce returns an Error then, too.
	r := new(Error)
	guard(func() { r.Kind = kindOf(err) })
	guard(func() { r.locate(err) })
	if !guard(func() { r.Text = err.Error() }) {
		r.Text = fmt.Sprint(err)
	}
	return r.validUTF8()
}

// guard calls f and reports whether it has returned without a panic.
func guard(f func()) (done bool) {
	defer func() { _ = recover() }()
	f()
	return true
}

// validUTF8 returns the error, or a copy of it in which every field is UTF-8.
func (e *Error) validUTF8() *Error {
	if utf8.ValidString(e.Kind) && utf8.ValidString(e.Op) && utf8.ValidString(e.Addr) && utf8.ValidString(e.Text) {
		return e
	}
	clean := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
	return &Error{Kind: clean(e.Kind), Op: clean(e.Op), Addr: clean(e.Addr), Text: clean(e.Text)}
}

// kindOf returns the name of the kind of an error and of all that it wraps, or "".
func kindOf(err error) string {
	kinds := knownKinds()
	name := ""
	walk(err, func(e error) bool {
		name = kindHere(e, kinds)
		return name == ""
	})
	if name != "" {
		return name
	}
	// No error in the tree is a sentinel, but the Is method of one may match one.
	for _, k := range kinds {
		if errors.Is(err, k.sentinel) {
			return k.name
		}
	}
	if t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && t.Timeout() {
		return "world.ErrTimeout"
	}
	return ""
}

// kindHere returns the kind of an error without what it wraps, or "".
func kindHere(err error, kinds []kind) string {
	switch e := err.(type) {
	case *Error:
		if e == nil {
			return ""
		}
		return e.Kind
	case *net.DNSError:
		return kindOfLookup(e)
	}
	for _, k := range kinds {
		if err == k.sentinel {
			return k.name
		}
	}
	return kindOfNumber(err)
}

// kindOfLookup returns the kind of a failed lookup. If a context ended the lookup,
// it is the kind of the context's error.
func kindOfLookup(e *net.DNSError) string {
	if e == nil {
		return ""
	}
	if cause := e.Unwrap(); cause != nil {
		if name := kindOf(cause); name != "" {
			return name
		}
	}
	switch {
	case e.IsNotFound:
		return "world.ErrHostNotFound"
	case e.IsTimeout:
		return "world.ErrLookupTimeout"
	}
	return "world.ErrLookupFailed"
}

// locate sets Op and Addr. An outer error says more about the intent of the program,
// so the first value in the order of walk wins.
func (e *Error) locate(err error) {
	walk(err, func(err error) bool {
		op, addr := "", ""
		switch x := err.(type) {
		case *Error:
			if x != nil {
				op, addr = x.Op, x.Addr
			}
		case *net.OpError:
			if x != nil {
				op, addr = x.Op, addressOf(x.Addr)
				if addr == "" {
					addr = addressOf(x.Source)
				}
			}
		case *os.PathError:
			if x != nil {
				op, addr = x.Op, x.Path
			}
		case *os.LinkError:
			if x != nil {
				op, addr = x.Op, x.Old
			}
		case *os.SyscallError:
			if x != nil {
				op = x.Syscall
			}
		case *net.DNSError:
			if x != nil {
				op, addr = "lookup", x.Name
			}
		case *net.AddrError:
			if x != nil {
				addr = x.Addr
			}
		}
		if e.Op == "" {
			e.Op = op
		}
		if e.Addr == "" {
			e.Addr = addr
		}
		return e.Op == "" || e.Addr == ""
	})
}

// addressOf returns the text of an address, or "" if it is nil.
func addressOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	// Unlike a.String(), Sprint does not panic on a nil pointer.
	if s := fmt.Sprint(a); s != "<nil>" {
		return s
	}
	return ""
}

// walk visits an error and all that it wraps, in the order of [errors.Is], until
// visit returns false. It reports whether it has visited everything.
func walk(err error, visit func(error) bool) bool {
	if err == nil {
		return true
	}
	if !visit(err) {
		return false
	}
	switch x := err.(type) {
	case *Error:
		return true // its Kind already names the error that it wraps
	case interface{ Unwrap() error }:
		return walk(x.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, e := range x.Unwrap() {
			if !walk(e, visit) {
				return false
			}
		}
	}
	return true
}
