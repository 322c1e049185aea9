package wal

import (
	"errors"
	"fmt"
	"io"
)

// chunk is how many bytes a window reads at once.
const chunk = 256 << 10

// A window is a part of a file in memory. It is never larger than the file, or
// than chunk and twice the longest record in the file.
type window struct {
	r    io.ReaderAt
	size int64
	base int64 // offset of buf in the file
	buf  []byte
	seen func(offset int64) // is called with the offset up to which it has read
}

// reset makes w a window on another file, or on more of one.
func (w *window) reset(c Content) { w.r, w.size, w.buf = c, c.Size(), w.buf[:0] }

// bytes returns n bytes at an offset. The caller makes sure that the file has them.
// They are valid until the next call.
func (w *window) bytes(offset, n int64) ([]byte, error) {
	if i := offset - w.base; i >= 0 && i+n <= int64(len(w.buf)) {
		return w.buf[i : i+n : i+n], nil
	}
	want := min(max(n, chunk), w.size-offset)
	if int64(cap(w.buf)) < want {
		w.buf = make([]byte, min(max(want, 2*int64(cap(w.buf))), w.size))
	}
	w.buf = w.buf[:want]
	w.base = offset
	if got, err := w.r.ReadAt(w.buf, offset); int64(got) < want {
		w.buf = w.buf[:0]
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("wal: read at %d: %w", offset, err)
	}
	if w.seen != nil {
		w.seen(offset + want)
	}
	return w.buf[:n:n], nil
}
