package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// file is a file that is followed, as a device.
type file struct {
	path  string
	every time.Duration
	clock world.Clock
}

// opened is the opening value of a file. All further ones are lines.
type opened struct{}

// ErrNotAFile says that the path is that of a directory, a pipe or the like.
var ErrNotAFile = errors.New("follow: this is not a regular file")

func init() {
	world.Register[Line]("follow.Line")
	world.Register[opened]("follow.opened")
	world.RegisterErrorKind("follow.ErrNotAFile", ErrNotAFile)
}

// DeviceName implements [world.Device].
func (f file) DeviceName() string {
	return fmt.Sprintf("follow.file(%q, %v, %q)", f.path, f.every, f.clock.ClockName())
}

// Open implements [world.Device]. It skips what is in the file already.
func (f file) Open(context.Context, world.Env) (world.Handle, error) {
	source, err := open(f.path)
	if err != nil {
		return nil, err
	}
	if _, err := source.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return &follower{file: f, source: source, closed: make(chan struct{})}, nil
}

// open opens a file, but nothing for which it would have to wait.
func open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrNotAFile}
	}
	return os.Open(path)
}

// A follower is the handle of a file.
type follower struct {
	file
	told   bool   // the opening value
	text   []byte // what has been read, and not been returned
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex // held while what follows is used
	source *os.File
	buffer [4 << 10]byte
}

// Recv implements [world.Handle].
func (f *follower) Recv() (any, error) {
	if !f.told {
		f.told = true
		return opened{}, nil
	}
	for {
		if line, ok := f.next(); ok {
			return Line{f.path, line}, nil
		}
		more, err := f.read()
		if err != nil {
			return nil, err
		}
		if !more && !f.wait() {
			return nil, world.ErrClosed
		}
	}
}

// longest is how many bytes a line can have. One that is longer comes in pieces.
const longest = 64 << 10

// next takes the next line from what has been read.
func (f *follower) next() (line string, ok bool) {
	before, after, ended := bytes.Cut(f.text, []byte("\n"))
	if !ended && len(before) < longest {
		return "", false
	}
	f.text = after
	return string(before), true
}

// read reads more of the file. It reports false if there is nothing yet.
func (f *follower) read() (more bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	more, err = f.readSource()
	if more || err != nil {
		return more, err
	}
	return f.turnOver()
}

func (f *follower) readSource() (more bool, err error) {
	n, err := f.source.Read(f.buffer[:min(len(f.buffer), longest-len(f.text))])
	f.text = append(f.text, f.buffer[:n]...)
	if err == io.EOF {
		err = nil
	}
	return n > 0, err
}

// turnOver goes on with the beginning if the file has become shorter, and with
// another file if that has taken its place. It reports whether it has.
func (f *follower) turnOver() (turned bool, err error) {
	changed, replaced, err := f.compare()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil // it has been moved away, and the next one will come
	case err != nil || !changed:
		return false, err
	case replaced:
		// What was written before it was moved away comes first.
		if more, err := f.readSource(); more || err != nil {
			return more, err
		}
		err = f.replace()
	default:
		_, err = f.source.Seek(0, io.SeekStart)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if len(f.text) > 0 {
		f.text = append(f.text, '\n') // what was begun will not be completed
	}
	return true, err
}

// compare compares the file that is being read with what is there now: another
// one, or a shorter one.
func (f *follower) compare() (changed, replaced bool, err error) {
	now, err := os.Stat(f.path)
	if err != nil {
		return false, false, err
	}
	was, err := f.source.Stat()
	if err != nil {
		return false, false, err
	}
	at, err := f.source.Seek(0, io.SeekCurrent)
	replaced = !os.SameFile(was, now)
	return replaced || now.Size() < at, replaced, err
}

// replace goes on with the file that is there now.
func (f *follower) replace() error {
	next, err := open(f.path)
	if err != nil {
		return err
	}
	previous := f.source
	f.source = next
	return previous.Close()
}

// wait waits for a while. It reports false if the file has been closed.
func (f *follower) wait() bool {
	over := make(chan struct{})
	timer := f.clock.AfterFunc(f.every, func() { close(over) })
	select {
	case <-over:
		return true
	case <-f.closed:
		timer.Stop()
		return false
	}
}

var errCommand = errors.New("follow: a file takes no commands")

// Try implements [world.Handle].
func (f *follower) Try([]any) (int, error) { return 0, errCommand }

// Do implements [world.Handle].
func (f *follower) Do(any) error { return errCommand }

// Close implements [world.Handle].
func (f *follower) Close() (err error) {
	f.once.Do(func() {
		close(f.closed)
		f.mu.Lock()
		defer f.mu.Unlock()
		err = f.source.Close()
	})
	return err
}
