package tcp

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/internal/outlet"
	"github.com/go-marketplace/marketplace/world"
)

// A printer is the device to which a [Spy] prints. Its commands are pieces.
type printer struct {
	name   string
	outlet *outlet.Outlet // of the spy
}

// piece is a command: print the data.
type piece struct {
	Data Data
	Lost int // how many pieces before it are not printed
}

// Size implements [world.Sizer].
func (p piece) Size() int { return len(p.Data.Bytes) }

// Reports implements [world.Reporter].
func (piece) Reports() bool { return true }

// printing is the opening value of a printer.
type printing struct{}

// DeviceName implements [world.Device].
func (p printer) DeviceName() string { return "tcp.printer(" + strconv.Quote(p.name) + ")" }

// Open implements [world.Device].
func (p printer) Open(context.Context, world.Env) (world.Handle, error) {
	return &openPrinter{printer: p, closed: make(chan struct{})}, nil
}

// openPrinter is the handle of a printer.
type openPrinter struct {
	printer
	told   bool // the opening value
	closed chan struct{}
	once   sync.Once
}

// Recv implements [world.Handle].
func (o *openPrinter) Recv() (any, error) {
	if !o.told {
		o.told = true
		return printing{}, nil
	}
	<-o.closed
	return nil, world.ErrClosed
}

// Try implements [world.Handle]. A writer may wait, so it is left to Do.
func (o *openPrinter) Try([]any) (int, error) { return 0, nil }

// Do implements [world.Handle].
func (o *openPrinter) Do(command any) error {
	p, ok := command.(piece)
	if !ok {
		return errCommand
	}
	var text bytes.Buffer // a new one each time, because the outlet may keep it
	p.print(&text)
	if err := o.outlet.Write(text.Bytes(), o.closed); err != nil {
		return fmt.Errorf("tcp: the spy %q cannot print: %w", o.name, err)
	}
	return nil
}

// Close implements [world.Handle].
func (o *openPrinter) Close() error {
	o.once.Do(func() { close(o.closed) })
	return nil
}

// print prints p.
func (p piece) print(b *bytes.Buffer) {
	if p.Lost > 0 {
		fmt.Fprintf(b, "%s been left out, because printing takes too long\n", count(p.Lost, "piece has", "pieces have"))
	}
	d := p.Data
	way := "out"
	if d.From.Kind() == inet.KindRemote {
		way = "in"
	}
	fmt.Fprintf(b, "%s, from %v to %v: ", way, d.From, d.To)
	switch {
	case !d.EOF:
		b.WriteString(count(len(d.Bytes), "byte", "bytes"))
	case len(d.Bytes) > 0:
		b.WriteString(count(len(d.Bytes), "byte", "bytes") + ", and the end")
	default:
		b.WriteString("the end")
	}
	b.WriteByte('\n')
	dump := hex.Dumper(b)
	_, _ = dump.Write(d.Bytes) // writing to a buffer never fails
	_ = dump.Close()
}

// count returns a number and the word for it.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
