package outlet_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/drivers/internal/outlet"
	"github.com/go-marketplace/marketplace/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Write returns what the writer says.
func TestWrite(t *testing.T) {
	r, w := io.Pipe()
	o := outlet.New(w)
	go func() {
		b := make([]byte, 5)
		io.ReadFull(r, b)
		r.CloseWithError(errors.New("full"))
	}()
	if err := o.Write([]byte("hello"), nil); err != nil {
		t.Error(err)
	}
	if err := o.Write([]byte("hello"), nil); err == nil || err.Error() != "full" {
		t.Error(err)
	}
	if err := outlet.New(short{}).Write([]byte("hello"), nil); err != io.ErrShortWrite {
		t.Error(err)
	}
}

type short struct{}

func (short) Write(b []byte) (int, error) { return len(b) - 1, nil }

// Issue 9.2: Write returns once closed is closed, whatever the writer does; one
// goroutine stays, and what is written later comes after what was written
// before.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		o := outlet.New(w)
		write := func(text string, closed chan struct{}) <-chan error {
			result := make(chan error, 1)
			go func() { result <- o.Write([]byte(text), closed) }()
			synctest.Wait()
			return result
		}
		expect := func(result <-chan error, want error) {
			t.Helper()
			synctest.Wait()
			select {
			case err := <-result:
				if err != want {
					t.Errorf("Write returns %v, not %v", err, want)
				}
			default:
				t.Error("Write has not returned")
			}
		}
		first, second := make(chan struct{}), make(chan struct{})
		a, b := write("a", first), write("b", first)
		close(first)
		expect(a, world.ErrClosed)
		expect(b, world.ErrClosed) // which has not been written
		expect(write("c", first), world.ErrClosed)
		d := write("d", second)
		got := make([]byte, 2)
		if _, err := io.ReadFull(r, got); err != nil || string(got) != "ad" {
			t.Errorf("written is %q (%v)", got, err)
		}
		expect(d, nil)
	})
}
