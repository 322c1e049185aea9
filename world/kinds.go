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

// A kind ties the name that a journal keeps to the error that programs compare
// with.
type kind struct {
	name     string
	sentinel error
}

// errorKinds is the table of kinds. Packages add to it while they are
// initialised; from then on it is only read.
var errorKinds = struct {
	sync.RWMutex
	list   []kind // in order of registration: an earlier one is preferred
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
		{"vm.ErrNotRecordable", ErrNotRecordable}, // where it was once; the name is in journals
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
		// After the numbers, which match these as well and say more.
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

// RegisterErrorKind makes [Reduce] recognise an error of a package, and an
// [Error] of that Kind match it again. The name is kept in journals, so it must
// never change; begin it with the name of the package, as in "tcp.ErrRefused".
// Call it while the package is initialised.
//
// It panics if the name is empty or taken by another error, and if the sentinel
// is nil, cannot be compared, is an [*Error], or has another name already.
// Registering the same pair again does nothing.
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

// sentinelOf returns the error that a kind stands for, or nil.
func sentinelOf(name string) error {
	errorKinds.RLock()
	defer errorKinds.RUnlock()
	return errorKinds.byName[name]
}

// knownKinds returns the table as it is now. The elements never change.
func knownKinds() []kind {
	errorKinds.RLock()
	defer errorKinds.RUnlock()
	return errorKinds.list
}
