//go:build unix

package places

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"reflect"
	"testing"

	"github.com/go-marketplace/marketplace/journal/codec"
)

func init() {
	parts = map[string]func(part) error{
		"home": func(p part) error {
			n, err := tlsNetwork(p)
			if err != nil {
				return err
			}
			return runHome(p, n)
		},
		"home without TLS": func(p part) error { return runHome(p, plainNetwork{p.Node, p.Listen}) },
		"nats":             runNATS,
		"plain":            runPlain,
		"echo":             runEcho,
		"client":           runClient,
		"count":            runCount,
		"homes":            runHomes,
	}
}

// BenchmarkOneWay sends messages of 64 bytes from a process of a machine to one of another, over
// TLS. NATS: the same bytes are published and subscribed to, each over TLS, and the server is
// in the process of the subscriber. Plain: the same messages, encoded by the same codec, are
// written to a buffered TCP connection without TLS.
func BenchmarkOneWay(b *testing.B) {
	const turn = 20_000 // as much as may be on its way without an answer
	place := pair(b, part{Does: "home", Turn: turn}, tlsNetwork)
	nats := startNATS(b, turn)
	plain := startPlain(b, turn)
	compare(b, turn, "speed",
		system{"place", func() { place.each(turn, "send"); place.home.expect("done") }},
		system{"nats", nats}, system{"plain", plain})
}

// BenchmarkJournalled sends messages of 64 bytes from a machine to another, as BenchmarkOneWay:
// with journals of both (Batch), with that of the place alone, and without.
func BenchmarkJournalled(b *testing.B) {
	const turn = 20_000
	send := func(c *client) func() {
		return func() { c.each(turn, "send"); c.home.expect("done") }
	}
	without := send(pair(b, part{Does: "home", Turn: turn}, tlsNetwork))
	for _, with := range []string{"home", "home and client"} {
		b.Run(with, func(b *testing.B) {
			c := pair(b, part{Does: "home", Turn: turn, Journal: with}, tlsNetwork)
			compare(b, turn, "speed", system{"journalled", send(c)}, system{"without", without})
		})
	}
}

// startPlain returns a function that sends a turn of messages over TCP.
func startPlain(b *testing.B, turn int) func() {
	at := freeAddress(b)
	p := start(b, part{Does: "plain", Listen: at, Turn: turn})
	p.expect("up")
	c, err := net.Dial("tcp", at)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	w := bufio.NewWriterSize(c, 64<<10)
	var body, head []byte
	return func() {
		for range turn {
			m := message
			body, err = codec.AppendRef(body[:0], &m)
			if err != nil {
				b.Fatal(err)
			}
			head = binary.AppendUvarint(head[:0], uint64(len(body)))
			_, _ = w.Write(head) // Flush returns the error
			_, _ = w.Write(body)
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		p.expect("done")
	}
}

// runPlain is the part of a process that reads messages from a TCP connection.
func runPlain(p part) error {
	c, err := accept(p.Listen)
	if err != nil {
		return err
	}
	r := bufio.NewReaderSize(c, 64<<10)
	var body []byte
	for count := 1; ; count++ {
		n, err := binary.ReadUvarint(r)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		body = append(body[:0], make([]byte, n)...)
		if _, err := io.ReadFull(r, body); err != nil {
			return err
		}
		ref, _, err := codec.DecodeRef(body, reflect.TypeFor[load]())
		if err != nil {
			return err
		}
		if ref.(*load).To != message.To {
			return fmt.Errorf("a message is for %q", ref.(*load).To)
		}
		if count%p.Turn == 0 {
			fmt.Println("done")
		}
	}
}

// accept says that it is up, and accepts one connection.
func accept(at string) (net.Conn, error) {
	l, err := net.Listen("tcp", at)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	fmt.Println("up")
	return l.Accept()
}
