package world

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"reflect"
	"sync"
	"syscall"
)

// A kind is a well-known error, with the name that journals store for it.
type kind struct {
	name     string
	sentinel error
}

// errorKinds is the table of kinds. Packages add to it during their initialisation.
var errorKinds = struct {
	sync.RWMutex
	list   []kind // in order of registration: Reduce prefers an earlier kind
	byName map[string]error
}{byName: make(map[string]error)}

func init() {
	for _, k := range []kind{
		{"io.EOF", io.EOF},
		{"io.ErrUnexpectedEOF", io.ErrUnexpectedEOF},
		{"io.ErrClosedPipe", io.ErrClosedPipe},
		{"io.ErrShortWrite", io.ErrShortWrite},
		{"net.ErrClosed", net.ErrClosed},
		{"context.Canceled", context.Canceled},
		{"context.DeadlineExceeded", context.DeadlineExceeded},
		{"os.ErrDeadlineExceeded", os.ErrDeadlineExceeded},
		{"world.ErrStopped", ErrStopped},
		{"vm.ErrNotRecordable", ErrNotRecordable}, // its package was once vm, and journals have the name
		{"world.ErrSlowConsumer", ErrSlowConsumer},
		{"world.ErrNotKept", ErrNotKept},
		{"world.ErrClosed", ErrClosed},
		{"world.ErrHostNotFound", ErrHostNotFound},
		{"world.ErrLookupTimeout", ErrLookupTimeout},
		{"world.ErrLookupFailed", ErrLookupFailed},
		{"EACCES", syscall.EACCES},
		{"EADDRINUSE", syscall.EADDRINUSE},
		{"EADDRNOTAVAIL", syscall.EADDRNOTAVAIL},
		{"EAFNOSUPPORT", syscall.EAFNOSUPPORT},
		{"EAGAIN", syscall.EAGAIN},
		{"EBADF", syscall.EBADF},
		{"EBUSY", syscall.EBUSY},
		{"ECONNABORTED", syscall.ECONNABORTED},
		{"ECONNREFUSED", syscall.ECONNREFUSED},
		{"ECONNRESET", syscall.ECONNRESET},
		{"EEXIST", syscall.EEXIST},
		{"EHOSTUNREACH", syscall.EHOSTUNREACH},
		{"EINTR", syscall.EINTR},
		{"EINVAL", syscall.EINVAL},
		{"EIO", syscall.EIO},
		{"EISDIR", syscall.EISDIR},
		{"EMFILE", syscall.EMFILE},
		{"EMSGSIZE", syscall.EMSGSIZE},
		{"ENAMETOOLONG", syscall.ENAMETOOLONG},
		{"ENETDOWN", syscall.ENETDOWN},
		{"ENETRESET", syscall.ENETRESET},
		{"ENETUNREACH", syscall.ENETUNREACH},
		{"ENFILE", syscall.ENFILE},
		{"ENOBUFS", syscall.ENOBUFS},
		{"ENOENT", syscall.ENOENT},
		{"ENOMEM", syscall.ENOMEM},
		{"ENOSPC", syscall.ENOSPC},
		{"ENOTCONN", syscall.ENOTCONN},
		{"ENOTDIR", syscall.ENOTDIR},
		{"EOPNOTSUPP", syscall.EOPNOTSUPP},
		{"EPERM", syscall.EPERM},
		{"EPIPE", syscall.EPIPE},
		{"EROFS", syscall.EROFS},
		{"ETIMEDOUT", syscall.ETIMEDOUT},
		// After the error numbers, which match these errors too, and are more specific.
		{"os.ErrNotExist", fs.ErrNotExist},
		{"os.ErrExist", fs.ErrExist},
		{"os.ErrPermission", fs.ErrPermission},
		{"os.ErrInvalid", fs.ErrInvalid},
		{"os.ErrClosed", fs.ErrClosed},
		{"os.ErrProcessDone", os.ErrProcessDone},
		{"world.ErrTimeout", ErrTimeout},
	} {
		RegisterErrorKind(k.name, k.sentinel)
	}
}

// RegisterErrorKind registers a sentinel error of a package under a name: [Reduce]
// then recognises the error, and an [Error] of that Kind matches it by [errors.Is].
// Journals store the name, so it must never change. Begin it with the name of the
// package, as in "tcp.ErrRefused". Call RegisterErrorKind during the
// initialisation of the package.
//
// It panics if the name is empty or registered for another error, and if the
// sentinel is nil, is not comparable, is an [*Error], or is registered under
// another name. Registering the same pair again has no effect.
func RegisterErrorKind(name string, sentinel error) {
	if name == "" {
		panic(fmt.Sprintf("world: RegisterErrorKind: empty name for %q; give it a name such as \"mypackage.ErrThing\"", sentinel))
	}
	if sentinel == nil {
		panic(fmt.Sprintf("world: RegisterErrorKind(%q): the error is nil; pass the variable that programs compare with (is it initialised?)", name))
	}
	if !reflect.ValueOf(sentinel).Comparable() {
		panic(fmt.Sprintf("world: RegisterErrorKind(%q): a %T cannot be compared, so no error could match it; use errors.New", name, sentinel))
	}
	if _, ok := sentinel.(*Error); ok {
		panic(fmt.Sprintf("world: RegisterErrorKind(%q): an *Error has a kind already; use errors.New", name))
	}
	errorKinds.Lock()
	defer errorKinds.Unlock()
	for _, k := range errorKinds.list {
		switch {
		case k.name == name && k.sentinel == sentinel:
			return
		case k.name == name:
			panic(fmt.Sprintf("world: RegisterErrorKind(%q): the name is taken by %q; choose another name for %q", name, k.sentinel, sentinel))
		case k.sentinel == sentinel:
			panic(fmt.Sprintf("world: RegisterErrorKind(%q): %q is registered as %q already; one error has one name, in the package that owns it", name, sentinel, k.name))
		}
	}
	errorKinds.list = append(errorKinds.list, kind{name, sentinel})
	errorKinds.byName[name] = sentinel
}

// sentinelOf returns the error that is registered under a name, or nil.
func sentinelOf(name string) error {
	errorKinds.RLock()
	defer errorKinds.RUnlock()
	return errorKinds.byName[name]
}

// knownKinds returns the current table. Its elements never change.
func knownKinds() []kind {
	errorKinds.RLock()
	defer errorKinds.RUnlock()
	return errorKinds.list
}
