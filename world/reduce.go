package world

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"unicode/utf8"
)

// Reduce brings an error down to an [*Error], which a journal can restore.
// Reduce(nil) is nil, and what is an [*Error] already is returned as it is.
//
// The Kind is that of the first well-known error in the order in which
// [errors.Is] looks, from the outermost inwards; an error can match several and
// only this one is kept, so a package that wraps a cause in a sentinel of its
// own and wants both matched makes the sentinel itself wrap the cause. Op and
// Addr come from the outermost [net.OpError], [os.PathError], [os.LinkError],
// [os.SyscallError], [net.DNSError] or [net.AddrError] that has one, Text is
// what the error says. Bytes that are not UTF-8 are replaced, because not every
// codec could restore them.
func Reduce(err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *Error:
		if e == nil {
			return nil
		}
		return e.valid()
	}
	// The methods of an error are foreign code, and a nil pointer in an
	// interface is an easy mistake: an error that panics gives a reason too.
	r := new(Error)
	guard(func() { r.Kind = kindOf(err) })
	guard(func() { r.locate(err) })
	if !guard(func() { r.Text = err.Error() }) {
		r.Text = fmt.Sprint(err)
	}
	return r.valid()
}

// guard calls f and reports whether it came to its end without a panic.
func guard(f func()) (done bool) {
	defer func() { _ = recover() }()
	f()
	return true
}

// valid returns the error, or a copy of it in which every field is UTF-8.
func (e *Error) valid() *Error {
	if utf8.ValidString(e.Kind) && utf8.ValidString(e.Op) && utf8.ValidString(e.Addr) && utf8.ValidString(e.Text) {
		return e
	}
	clean := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
	return &Error{Kind: clean(e.Kind), Op: clean(e.Op), Addr: clean(e.Addr), Text: clean(e.Text)}
}

// kindOf returns the name of the kind of an error, or "".
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
	// No error in the tree is a sentinel; one may say that it matches one.
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

// kindHere returns the kind of an error regardless of what it wraps, or "".
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

// kindOfLookup returns the kind of a failure to look up a name. If that was
// ended from our side, by a context, it is the context's error.
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

// locate fills in what the error says about operation and address. What is
// further out says more about what the program wanted, so the first wins.
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

// addressOf returns the text of an address that may be nil.
func addressOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	// Sprint rather than a.String(): it survives a nil pointer.
	if s := fmt.Sprint(a); s != "<nil>" {
		return s
	}
	return ""
}

// walk visits an error and what it wraps, in the order of [errors.Is], until
// visit returns false. It reports whether it saw everything.
func walk(err error, visit func(error) bool) bool {
	if err == nil {
		return true
	}
	if !visit(err) {
		return false
	}
	switch x := err.(type) {
	case *Error:
		return true // what it unwraps to is said by its kind
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
