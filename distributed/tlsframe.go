package distributed

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// lengthSize is how many bytes the length before a frame has.
const lengthSize = 4

// appendFrame appends a frame, with its length before it, to dst.
func appendFrame(dst, frame []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(frame))), frame...)
}

// readFrame reads what appendFrame has appended. The error is [io.EOF] at the end between
// two frames, [io.ErrUnexpectedEOF] at the end within one, and a [wire.ErrMalformed] for a
// length that no frame has. It allocates memory for the frame alone. The buffer of r has
// room for the length.
func readFrame(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(lengthSize)
	switch {
	case len(head) > 0 && err == io.EOF:
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	n := binary.BigEndian.Uint32(head)
	if n == 0 || n > wire.MaxFrame {
		return nil, fmt.Errorf("%w: a frame of %d bytes is announced, and 1 to %d are allowed", wire.ErrMalformed, n, wire.MaxFrame)
	}
	_, _ = r.Discard(lengthSize) // they are in the buffer
	frame := make([]byte, n)
	if _, err = io.ReadFull(r, frame); err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return frame, nil
}
