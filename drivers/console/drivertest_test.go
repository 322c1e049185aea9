package console_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/drivertest"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// The driver keeps the promises of drivers to those who want to hear what is
// typed.
func TestDrivertest(t *testing.T) {
	errUnplugged := errors.New("the keyboard is unplugged")
	drivertest.Test(t, func(testing.TB) drivertest.Driver {
		in, typing := io.Pipe()
		unread, out := io.Pipe()
		return drivertest.Driver{
			Boot:   console.Config{In: in, Out: discard{}}.Driver(),
			Types:  console.Types(),
			Demand: func(int) actions.Action { return endpoint.Subscriber(topic.All[console.Line]()) },
			Happen: func(_, n int) []any {
				text := fmt.Sprint("line ", n)
				if _, err := io.WriteString(typing, text+"\n"); err != nil {
					return nil
				}
				return []any{console.Line{Text: text}}
			},
			Fail: func(int) (func(), error) {
				typing.CloseWithError(errUnplugged)
				return nil, nil
			},
			Stuck: console.Config{In: in, Out: out}.Stuck,
			Close: func() { typing.Close(); unread.Close() },
		}
	})
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
