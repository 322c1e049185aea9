package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// frames has one frame of each kind, and more with items.
func frames(t testing.TB) (names []string, all []wire.Frame) {
	id := wire.ID{Life: 0x0102030405060708, Number: 300}
	terms := wire.Terms{Window: 1 << 20, Heartbeat: 200 * time.Millisecond}
	add := func(name string, k wire.Kind, seq uint64, body []byte) {
		names, all = append(names, name), append(all, wire.Frame{Kind: k, ID: id, Seq: seq, Body: body})
	}
	items := func(name string, f func(w *wire.Writer) error) {
		var w wire.Writer
		must(t, f(&w))
		add(name, wire.DATA, 7, slices.Concat(slices.Collect(w.Bodies)...))
	}
	add("hello", wire.HELLO, 0, wire.Hello{From: 1, To: 1, Node: "berlin", Place: "room", Epoch: 5, Client: 0x1112131415161718, Terms: terms}.Append(nil))
	add("welcome", wire.WELCOME, 0, wire.Welcome{Version: 1, Epoch: 5, Terms: terms}.Append(nil))
	add("refuse", wire.REFUSE, 0, wire.AppendReason(nil, &world.Error{Kind: "k", Op: "o", Addr: "a", Text: "t"}))
	add("beat", wire.BEAT, 7, wire.AppendLimit(nil, 1<<20))
	add("bye", wire.BYE, 7, wire.AppendReason(nil, io.EOF))
	add("bye without a reason", wire.BYE, 7, wire.AppendReason(nil, nil))
	for i, r := range roles {
		items(fmt.Sprintf("role %d", i), func(w *wire.Writer) error { return w.Assert(uint64(i), r) })
	}
	for i, m := range messages {
		items(fmt.Sprintf("message %d", i), func(w *wire.Writer) error { return w.Send(topic.Subscriber, m) })
	}
	items("retract", func(w *wire.Writer) error { return w.Retract(1, io.EOF) })
	items("presence", func(w *wire.Writer) error { return w.Presence(1, 2, roles[0]) })
	items("absence", func(w *wire.Writer) error { return w.Absence(1, 2, nil) })
	items("delivery", func(w *wire.Writer) error { return w.Message([]uint64{1, 2, 500}, messages[5]) })
	items("reject", func(w *wire.Writer) error { return w.Reject(1, wire.ErrSchema) })
	items("settled", func(w *wire.Writer) error { return w.Settled(300) })
	items("serves", func(w *wire.Writer) error { return w.Serves("room", 300) })
	items("you", func(w *wire.Writer) error { return w.You(300) })
	return names, all
}

// TestGolden: the bytes of version 1 never change. DP-16, B-P23.
func TestGolden(t *testing.T) {
	var b strings.Builder
	names, all := frames(t)
	for i, f := range all {
		fmt.Fprintf(&b, "%s\n%s\n", names[i], hex.Dump(f.Append(nil)))
	}
	const file = "testdata/version1.txt"
	if *update {
		must(t, os.WriteFile(file, []byte(b.String()), 0o666))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if string(want) != b.String() {
		t.Errorf("the frames differ from %s; run with -update and look at the difference", file)
	}
}

// TestFramesComeBack, and each that is cut or too long is refused.
func TestFramesComeBack(t *testing.T) {
	_, all := frames(t)
	for _, f := range all {
		data := f.Append(nil)
		got, err := wire.ReadFrame(data)
		if err != nil || got.Kind != f.Kind || got.ID != f.ID || got.Seq != f.Seq || !bytes.Equal(got.Body, f.Body) {
			t.Errorf("%v came back as %v, error %v", f, got, err)
		}
		for n := range len(data) - 1 {
			if err := readAll(data[:n]); !errors.Is(err, wire.ErrMalformed) && !atItem(f, n-(len(data)-len(f.Body))) {
				t.Errorf("the first %d bytes of %x are read with the error %v", n, data, err)
			}
		}
		if err := readAll(append(data, 0)); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%x with one byte more is read with the error %v", data, err)
		}
	}
}

// atItem reports whether n bytes of the body of f are items.
func atItem(f wire.Frame, n int) bool {
	if f.Kind != wire.DATA || n <= 0 {
		return false
	}
	_, a := read(false, wire.Known{}, new(log), f.Body[:n])
	_, b := read(true, wire.Known{}, new(log), f.Body[:n])
	return a == nil || b == nil
}

// readAll reads a frame and its body, of either side.
func readAll(data []byte) error {
	f, err := wire.ReadFrame(data)
	if err != nil {
		return err
	}
	switch f.Kind {
	case wire.HELLO:
		_, err = wire.ReadHello(f.Body)
	case wire.WELCOME:
		_, err = wire.ReadWelcome(f.Body)
	case wire.BEAT:
		_, err = wire.ReadLimit(f.Body)
	case wire.REFUSE, wire.BYE:
		_, err = wire.ReadReason(f.Body)
	case wire.DATA:
		if _, err = read(false, wire.Known{}, new(log), f.Body); err != nil {
			_, other := read(true, wire.Known{}, new(log), f.Body)
			if other == nil {
				err = nil
			}
		}
	}
	return err
}

func TestMalformed(t *testing.T) {
	frame := func(k wire.Kind, body ...byte) []byte { return wire.Frame{Kind: k, Body: body}.Append(nil) }
	for _, test := range []struct {
		data []byte
		want string
	}{
		{nil, "it ends before the version"},
		{[]byte{2}, "a frame is of version 2, and this is version 1"},
		{[]byte{1, 0}, "a frame is of kind 0, which does not exist"},
		{[]byte{1, 7}, "a frame is of kind 7, which does not exist"},
		{make([]byte, wire.MaxFrame+1), "a frame has 262145 bytes, and at most 262144 are allowed"},
		{[]byte{1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0}, "the number of the session is written longer than it has to be"},
		{frame(wire.HELLO, 1, 1, 1, 0xff, 0), "the name of a node is not UTF-8"},
		{frame(wire.HELLO, 1, 1, 0x80, 2), "the name of a node has 256 bytes, and at most 255 are allowed"},
		{frame(wire.HELLO, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1), "the window is of 1 bytes, and at least 524228 are needed"},
		{frame(wire.HELLO, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x80, 0x40, 1), "the heartbeat is of 1 ns"},
		{frame(wire.WELCOME, 2, 0), "the home chooses version 2"},
		{frame(wire.BEAT, 1, 1), "1 bytes more than there should be"},
		{frame(wire.BYE, 2), "a reason begins with 2"},
		{frame(wire.DATA), "there are no items"},
		{frame(wire.DATA, 2, 1, 2, 6, 0), "the interest is 3"},
		{frame(wire.DATA, 2, 1, 2, 0, 1), "the type with number 1 was not introduced"},
		{frame(wire.DATA, 4, 2, 0, 0), "the side is 2"},
		{frame(wire.DATA, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), "a type without a name is introduced"},
		{frame(wire.DATA, 1, 1, 'x', 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 'x', 0, 0, 0, 0, 0, 0, 0, 0), `the type "x" is introduced twice`},
	} {
		err := readAll(test.data)
		if !errors.Is(err, wire.ErrMalformed) || !strings.HasSuffix(err.Error(), ": "+test.want) {
			t.Errorf("%x:\n got %v\nwant %s", test.data[:min(len(test.data), 40)], err, test.want)
		}
	}
}

// TestMalformedItems: items are refused in which something is left over, out of order, too
// deep, or equal to nothing.
func TestMalformedItems(t *testing.T) {
	written := func(f func(w *wire.Writer) error) []byte {
		var w wire.Writer
		must(t, f(&w))
		return slices.Concat(slices.Collect(w.Bodies)...)
	}
	seven := written(func(w *wire.Writer) error { return w.Send(0, topic.MessageOf(7)) })
	float := written(func(w *wire.Writer) error {
		return w.Assert(0, topic.Role{Topic: topic.Like(topic.Tuple{1.5}).Topic()})
	})
	tuple := written(func(w *wire.Writer) error { return w.Assert(0, topic.Role{Topic: topic.All[topic.Tuple]().Topic()}) })
	deep := append([]byte{0, 1, 1}, bytes.Repeat([]byte{1, 4}, 101)...)
	for _, test := range []struct {
		home bool
		body []byte
		want string
	}{
		{false, append(bytes.TrimSuffix(seven, []byte{1, 7}), 2, 7, 0), "1 bytes come after a message"},
		{true, []byte{7, 0}, "there are 0 ids"},
		{true, []byte{7, 3, 0}, "there are 3 ids"},
		{true, []byte{7, 2, 5, 0, 1, 0}, "the ids are not in ascending order"},
		{true, append([]byte{7, 2, 5}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 0), "the ids are not in ascending order"},
		{false, append(append(bytes.TrimSuffix(tuple, []byte{3, 0, 1, 0}), 0xce, 1), append(deep, 0)...), "more than 100 tuples are inside each other"},
	} {
		var l log
		if _, err := read(test.home, wire.Known{}, &l, test.body); !errors.Is(err, wire.ErrMalformed) || !strings.HasSuffix(err.Error(), ": "+test.want) {
			t.Errorf("%x: %v\n got %v\nwant %s", test.body, &l, err, test.want)
		}
	}
	var l log
	nan := bytes.Replace(float, []byte{0xf9, 0x3e, 0}, []byte{0xf9, 0x7e, 0}, 1)
	if _, err := read(false, wire.Known{}, &l, nan); err != nil || !strings.Contains(l.String(), "element 0, a float64, equals nothing") {
		t.Errorf("%x: %v, error %v", nan, &l, err)
	}
}

// TestLongReasonsAreCut, at a whole rune.
func TestLongReasonsAreCut(t *testing.T) {
	reason, err := wire.ReadReason(wire.AppendReason(nil, errors.New(strings.Repeat("é", 2000)+"x")))
	if err != nil || reason.Error() != strings.Repeat("é", 512) {
		t.Errorf("got %v, error %v", reason, err)
	}
	reason, err = wire.ReadReason(wire.AppendReason(nil, errors.New("x"+strings.Repeat("é", 2000))))
	if err != nil || reason.Error() != "x"+strings.Repeat("é", 511) {
		t.Errorf("got %v, error %v", reason, err)
	}
}
