package world_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/world"
	"github.com/google/go-cmp/cmp"
)

// refused returns the error of a dial to a closed port.
func refused() error {
	return &net.OpError{
		Op: "dial", Net: "tcp",
		Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80},
		Err:  os.NewSyscallError("connect", syscall.ECONNREFUSED),
	}
}

// timeoutError is an error of a foreign package that is a timeout.
type timeoutError struct{}

func (timeoutError) Error() string { return "too late" }
func (timeoutError) Timeout() bool { return true }

// deniedError has an Is method.
type deniedError struct{}

func (deniedError) Error() string        { return "denied" }
func (deniedError) Is(target error) bool { return target == os.ErrPermission }

func TestReduce(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want world.Error
		is   []error
	}{
		{
			"eof", io.EOF,
			world.Error{Kind: "io.EOF", Text: "EOF"},
			[]error{io.EOF},
		}, {
			"dial", refused(),
			world.Error{Kind: "ECONNREFUSED", Op: "dial", Addr: "127.0.0.1:80", Text: "dial tcp 127.0.0.1:80: connect: connection refused"},
			[]error{syscall.ECONNREFUSED},
		}, {
			"wrapped", fmt.Errorf("greeting: %w", refused()),
			world.Error{Kind: "ECONNREFUSED", Op: "dial", Addr: "127.0.0.1:80", Text: "greeting: dial tcp 127.0.0.1:80: connect: connection refused"},
			[]error{syscall.ECONNREFUSED},
		}, {
			"a sentinel outside its cause", fmt.Errorf("%w: %w", world.ErrStopped, context.Canceled),
			world.Error{Kind: "world.ErrStopped", Text: "world: the ground is stopping: context canceled"},
			[]error{world.ErrStopped},
		}, {
			"file", &os.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT},
			world.Error{Kind: "ENOENT", Op: "open", Addr: "/x", Text: "open /x: no such file or directory"},
			[]error{syscall.ENOENT, os.ErrNotExist},
		}, {
			"file without number", &os.PathError{Op: "open", Path: "x", Err: os.ErrNotExist},
			world.Error{Kind: "os.ErrNotExist", Op: "open", Addr: "x", Text: "open x: file does not exist"},
			[]error{os.ErrNotExist},
		}, {
			"link", &os.LinkError{Op: "rename", Old: "a", New: "b", Err: syscall.EACCES},
			world.Error{Kind: "EACCES", Op: "rename", Addr: "a", Text: "rename a b: permission denied"},
			[]error{syscall.EACCES, os.ErrPermission},
		}, {
			"system call", os.NewSyscallError("accept4", syscall.EMFILE),
			world.Error{Kind: "EMFILE", Op: "accept4", Text: "accept4: too many open files"},
			[]error{syscall.EMFILE},
		}, {
			"an address only of the source",
			&net.OpError{Op: "read", Net: "udp", Source: &net.UDPAddr{Port: 9}, Err: net.ErrClosed},
			world.Error{Kind: "net.ErrClosed", Op: "read", Addr: ":9", Text: "read udp :9: use of closed network connection"},
			[]error{net.ErrClosed},
		}, {
			"an address that is a nil pointer",
			&net.OpError{Op: "read", Net: "tcp", Addr: (*net.TCPAddr)(nil), Err: io.ErrUnexpectedEOF},
			world.Error{Kind: "io.ErrUnexpectedEOF", Op: "read", Text: "read tcp <nil>: unexpected EOF"},
			[]error{io.ErrUnexpectedEOF},
		}, {
			"no such host", &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "nowhere.test", IsNotFound: true}},
			world.Error{Kind: "world.ErrHostNotFound", Op: "dial", Addr: "nowhere.test", Text: "dial tcp: lookup nowhere.test: no such host"},
			[]error{world.ErrHostNotFound},
		}, {
			"lookup too long", &net.DNSError{Err: "i/o timeout", Name: "slow.test", IsTimeout: true},
			world.Error{Kind: "world.ErrLookupTimeout", Op: "lookup", Addr: "slow.test", Text: "lookup slow.test: i/o timeout"},
			[]error{world.ErrLookupTimeout},
		}, {
			"lookup cancelled", &net.DNSError{Err: "canceled", Name: "slow.test", UnwrapErr: context.Canceled},
			world.Error{Kind: "context.Canceled", Op: "lookup", Addr: "slow.test", Text: "lookup slow.test: canceled"},
			[]error{context.Canceled},
		}, {
			"lookup failed", &net.DNSError{Err: "server misbehaving", Name: "odd.test", IsTemporary: true},
			world.Error{Kind: "world.ErrLookupFailed", Op: "lookup", Addr: "odd.test", Text: "lookup odd.test: server misbehaving"},
			[]error{world.ErrLookupFailed},
		}, {
			"bad address", &net.OpError{Op: "listen", Net: "tcp", Err: &net.AddrError{Err: "missing port in address", Addr: "x"}},
			world.Error{Op: "listen", Addr: "x", Text: "listen tcp: address x: missing port in address"},
			nil,
		}, {
			"joined", errors.Join(errors.New("a"), io.ErrClosedPipe),
			world.Error{Kind: "io.ErrClosedPipe", Text: "a\nio: read/write on closed pipe"},
			[]error{io.ErrClosedPipe},
		}, {
			"an error around a reduced one", fmt.Errorf("again: %w", world.Reduce(refused())),
			world.Error{Kind: "ECONNREFUSED", Op: "dial", Addr: "127.0.0.1:80", Text: "again: dial tcp 127.0.0.1:80: connect: connection refused"},
			[]error{syscall.ECONNREFUSED},
		}, {
			"by its own word", deniedError{},
			world.Error{Kind: "os.ErrPermission", Text: "denied"},
			[]error{os.ErrPermission},
		}, {
			"a timeout of no type", timeoutError{},
			world.Error{Kind: "world.ErrTimeout", Text: "too late"},
			[]error{world.ErrTimeout},
		}, {
			"unknown", errors.New("odd"),
			world.Error{Text: "odd"},
			nil,
		}, {
			"not UTF-8", errors.New("a\xffb"),
			world.Error{Text: "a\uFFFDb"},
			nil,
		}, {
			"a kind this program does not know", &world.Error{Kind: "elsewhere.ErrX", Text: "x"},
			world.Error{Kind: "elsewhere.ErrX", Text: "x"},
			nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := world.Reduce(tt.err).(*world.Error)
			if !ok {
				t.Fatalf("Reduce gave a %T", world.Reduce(tt.err))
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if again := world.Reduce(got); again != error(got) {
				t.Errorf("reducing again gave %#v", again)
			}
			record, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			restored := new(world.Error)
			if err := json.Unmarshal(record, restored); err != nil {
				t.Fatal(err)
			}
			if !errors.Is(restored, got) || restored.Error() != got.Error() {
				t.Errorf("restored %#v, want %#v", restored, got)
			}
			for _, target := range tt.is {
				if !errors.Is(restored, target) {
					t.Errorf("does not match %q", target)
				}
			}
		})
	}
}

func TestReduceNil(t *testing.T) {
	if err := world.Reduce(nil); err != nil {
		t.Errorf("Reduce(nil) = %v", err)
	}
	if err := world.Reduce((*world.Error)(nil)); err != nil {
		t.Errorf("Reduce of a nil *Error = %v", err)
	}
}

// Reduce accepts an error whose methods panic, such as a nil pointer.
func TestReduceErrorThatPanics(t *testing.T) {
	for _, err := range []error{(*net.DNSConfigError)(nil), (*net.OpError)(nil), (*net.DNSError)(nil), (*os.PathError)(nil)} {
		if got := world.Reduce(err); got == nil || got.Error() == "" {
			t.Errorf("%T: got %#v", err, got)
		}
	}
}

var _ net.Error = (*world.Error)(nil)

func TestErrorIsANetError(t *testing.T) {
	tests := []struct {
		err                error
		timeout, temporary bool
	}{
		{os.ErrDeadlineExceeded, true, true},
		{context.DeadlineExceeded, true, true},
		{syscall.ETIMEDOUT, true, true},
		{world.ErrLookupTimeout, true, false},
		{world.ErrTimeout, true, false},
		{syscall.ECONNREFUSED, false, false},
		{syscall.EMFILE, false, true},
		{io.EOF, false, false},
		{errors.New("odd"), false, false},
	}
	for _, tt := range tests {
		e := world.Reduce(tt.err).(*world.Error)
		if e.Timeout() != tt.timeout || e.Temporary() != tt.temporary {
			t.Errorf("%v: timeout %v, temporary %v", tt.err, e.Timeout(), e.Temporary())
		}
	}
}

func TestErrorWithoutText(t *testing.T) {
	tests := []struct {
		err  world.Error
		want string
	}{
		{world.Error{Kind: "EPIPE", Op: "write", Addr: "a:1"}, "write: a:1: EPIPE"},
		{world.Error{Kind: "EPIPE"}, "EPIPE"},
		{world.Error{}, "world: unknown error"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestErrorIsByFields(t *testing.T) {
	a := &world.Error{Kind: "EPIPE", Text: "x"}
	if !errors.Is(a, &world.Error{Kind: "EPIPE", Text: "x"}) {
		t.Error("equal errors do not match")
	}
	if errors.Is(a, &world.Error{Kind: "EPIPE", Text: "y"}) || errors.Is(a, (*world.Error)(nil)) {
		t.Error("different errors match")
	}
}

// sliceError cannot be compared.
type sliceError []string

func (sliceError) Error() string { return "slice" }

// errMine is a sentinel error as a package would export it.
var errMine = errors.New("mine")

func TestRegisterErrorKind(t *testing.T) {
	other := errors.New("other")
	world.RegisterErrorKind("world_test.mine", errMine)
	world.RegisterErrorKind("world_test.mine", errMine)
	if err := world.Reduce(fmt.Errorf("so: %w", errMine)); !errors.Is(err, errMine) {
		t.Errorf("%#v does not match what was registered", err)
	}
	mustPanic(t, func() { world.RegisterErrorKind("", other) }, "empty name", "give it")
	mustPanic(t, func() { world.RegisterErrorKind("world_test.nil", nil) }, "nil", "pass")
	mustPanic(t, func() { world.RegisterErrorKind("world_test.mine", other) }, "taken", "choose")
	mustPanic(t, func() { world.RegisterErrorKind("world_test.again", errMine) }, "world_test.mine", "one name")
	mustPanic(t, func() { world.RegisterErrorKind("world_test.slice", sliceError{"x"}) }, "compared", "errors.New")
	mustPanic(t, func() { world.RegisterErrorKind("world_test.error", &world.Error{}) }, "kind already", "errors.New")
}
