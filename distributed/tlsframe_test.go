package distributed_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// FuzzTLSFrames reads frames from any bytes. What is read is what was written, the error says
// why there is no more, and the pieces in which the bytes arrive make no difference.
func FuzzTLSFrames(f *testing.F) {
	f.Add([]byte{})
	f.Add(frame(1, 2, 3))
	f.Add(append(frame(1), frame(2)[:3]...))
	f.Add([]byte{0, 0, 0, 0, 1})
	f.Add([]byte{0, 4, 0, 1})
	f.Add([]byte{0, 4, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var written []byte
		n, err := 0, error(nil)
		whole, single := bufio.NewReader(bytes.NewReader(data)), bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(data)), 16)
		for ; ; n++ {
			var got, again []byte
			var errAgain error
			got, err = distributed.ReadFrame(whole)
			again, errAgain = distributed.ReadFrame(single)
			if !bytes.Equal(got, again) || (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
				t.Fatalf("frame %d is %q, %v; in single bytes it is %q, %v", n, got, err, again, errAgain)
			}
			if err != nil {
				break
			}
			if len(got) == 0 || len(got) > wire.MaxFrame {
				t.Fatalf("a frame has %d bytes", len(got))
			}
			written = distributed.AppendFrame(written, got)
		}
		rest, ok := bytes.CutPrefix(data, written)
		if !ok {
			t.Fatalf("%q was read from %q", written, data)
		}
		switch {
		case err == io.EOF:
			ok = len(rest) == 0
		case err == io.ErrUnexpectedEOF:
			ok = len(rest) > 0
		case errors.Is(err, wire.ErrMalformed):
			ok = len(rest) >= 4 && (bytes.HasPrefix(rest, make([]byte, 4)) || bytes.Compare(rest, []byte{0, 4, 0, 0}) > 0)
		default:
			ok = false
		}
		if !ok {
			t.Fatalf("before %q the error is %v", rest, err)
		}
	})
}
