package session

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/world"
)

var room1 = Place{"berlin", "room", 7}

// pair returns both sides of a session that has begun.
func pair(t testing.TB) (client, home Session) {
	t.Helper()
	client, out := Dial(config, wire.ID{Life: 3, Number: 4}, Place{"berlin", "room", 0}, 0)
	home, welcome := Accept(config, room1, out.Frame, 0)
	if welcome.Event != (Joined{7}) {
		t.Fatalf("the home has the event %v", welcome.Event)
	}
	if out := client.Receive(0, welcome.Frame); out.Event != (Joined{7}) || out.Frame != nil {
		t.Fatalf("the client has %v", out)
	}
	return client, home
}

func kindOf(t testing.TB, data []byte) wire.Kind {
	t.Helper()
	f, err := wire.ReadFrame(data)
	if err != nil {
		t.Fatal(err)
	}
	return f.Kind
}

func reasonOf(out Output) error {
	if e, ok := out.Event.(Ended); ok {
		return e.Reason
	}
	return nil
}

// TestRefused: the reason for which a home refuses reaches the client. DP-46, B-P23.
func TestRefused(t *testing.T) {
	later := wire.Hello{From: 2, To: 3, Node: "berlin", Place: "room", Terms: wire.Terms{Window: window, Heartbeat: heartbeat}}
	for name, test := range map[string]struct {
		place Place // that the client wants
		hello []byte
		want  error
	}{
		"another node":  {place: Place{"paris", "room", 0}, want: ErrNoPlace},
		"another place": {place: Place{"berlin", "kitchen", 0}, want: ErrNoPlace},
		"another life":  {place: Place{"berlin", "room", 6}, want: ErrStale},
		"versions":      {hello: later.Append(nil), want: ErrVersion},
		"malformed":     {hello: []byte{1}, want: wire.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			client, out := Dial(config, wire.ID{Life: 1, Number: 1}, test.place, 0)
			if test.hello != nil {
				out.Frame = wire.Frame{Kind: wire.HELLO, ID: client.ID(), Body: test.hello}.Append(nil)
			}
			home, refuse := Accept(config, room1, out.Frame, 0)
			if got := reasonOf(refuse); !errors.Is(got, test.want) {
				t.Errorf("the home gives the reason %v", got)
			}
			if home.Next() >= 0 {
				t.Error("the home has a session")
			}
			got := reasonOf(client.Receive(0, refuse.Frame))
			if !errors.Is(got, test.want) || !errors.Is(got, ErrRefused) {
				t.Errorf("the client has the reason %v", got)
			}
		})
	}
}

// TestReasonsArrive: the reason of an end reaches the other side, which recognises it.
func TestReasonsArrive(t *testing.T) {
	for _, reason := range []error{world.ErrSlowConsumer, io.EOF, ErrLost, ErrGap, errors.New("another")} {
		client, home := pair(t)
		out := home.End(0, reason)
		if reasonOf(out) != reason {
			t.Errorf("the home has %v", out)
		}
		if got := reasonOf(client.Receive(0, out.Frame)); got.Error() != reason.Error() || !errors.Is(got, world.Reduce(reason).(*world.Error)) {
			t.Errorf("the client has the reason %v, and not %v", got, reason)
		} else if kind := world.Reduce(reason).(*world.Error).Kind; kind != "" && !errors.Is(got, reason) {
			t.Errorf("the client does not recognise %v", reason)
		}
	}
	for _, reason := range []error{ErrGap, ErrLease, ErrCut, ErrReplaced, ErrNoSession, ErrNoAnswer} {
		if got := world.Reduce(reason); !errors.Is(got, ErrLost) || !errors.Is(got, reason) {
			t.Errorf("%v is not lost", got)
		}
	}
	for _, reason := range []error{ErrVersion, ErrNoPlace, ErrStale} {
		if got := world.Reduce(reason); !errors.Is(got, ErrRefused) || !errors.Is(got, reason) {
			t.Errorf("%v is not refused", got)
		}
	}
	client, _ := pair(t)
	if got := reasonOf(client.Cut(io.EOF)); !errors.Is(got, ErrCut) || !errors.Is(got, io.EOF) {
		t.Errorf("got %v", got)
	}
	if out := client.Cut(nil); something(out) {
		t.Errorf("the end has another end: %v", out)
	}
}

// TestLimit: a side may send as much as the other allows, is told when half a window has
// been taken, and is found out when it sends more.
func TestLimit(t *testing.T) {
	client, home := pair(t)
	body := make([]byte, wire.MaxBody)
	var last []byte
	for range 2 {
		last = client.Send(0, body).Frame
		if out := home.Receive(0, last); len(out.Event.(Data).Body) != wire.MaxBody || out.Frame != nil {
			t.Fatalf("got %v", out)
		}
	}
	if client.Room() != 0 {
		t.Errorf("there is room for %d", client.Room())
	}
	if out := home.Take(0, wire.MaxBody-1); out.Frame != nil {
		t.Error("a limit is sent for less than half a window")
	}
	out := home.Take(0, 1)
	if kindOf(t, out.Frame) != wire.BEAT {
		t.Fatalf("got %v", out)
	}
	client.Receive(0, out.Frame)
	if client.Room() != wire.MaxBody {
		t.Errorf("there is room for %d", client.Room())
	}
	// One byte too many.
	home.Receive(0, client.Send(0, body).Frame)
	client.limit++
	if got := reasonOf(home.Receive(0, client.Send(0, body[:1]).Frame)); !errors.Is(got, wire.ErrMalformed) {
		t.Errorf("got %v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a body was sent for which there is no room")
		}
	}()
	client.Send(0, body[:1])
}

// TestLimitsDoNotFall: what was allowed once stays allowed.
func TestLimitsDoNotFall(t *testing.T) {
	client, home := pair(t)
	fall := wire.Frame{Kind: wire.BEAT, ID: home.ID(), Body: wire.AppendLimit(nil, window-1)}.Append(nil)
	if got := reasonOf(client.Receive(0, fall)); !errors.Is(got, wire.ErrMalformed) {
		t.Errorf("got %v", got)
	}
}

// TestNoAnswer: a client that has no answer within its lease knows that nothing has begun.
func TestNoAnswer(t *testing.T) {
	client, _ := Dial(config, wire.ID{Life: 1, Number: 1}, room1, 0)
	if client.Room() != 0 {
		t.Errorf("there is room for %d before there is an answer", client.Room())
	}
	if out := client.Tick(lease); something(out) {
		t.Errorf("got %v too early", out)
	}
	out := client.Tick(client.Next())
	if got := reasonOf(out); !errors.Is(got, ErrNoAnswer) || errors.Is(got, ErrLease) || kindOf(t, out.Frame) != wire.BYE {
		t.Errorf("the reason is %v, and the frame %x", got, out.Frame)
	}
}

// TestBeats: a side is silent for no longer than the other wants, and says nothing that
// nobody waits for.
func TestBeats(t *testing.T) {
	client, home := pair(t)
	beats := 0
	for now := time.Duration(0); now < 10*heartbeat; now += heartbeat / 10 {
		if out := home.Tick(now); out.Frame != nil {
			beats++
			if out := client.Receive(now, out.Frame); something(out) {
				t.Fatalf("a BEAT leads to %v", out)
			}
		}
		home.rang = now
		if now == 5*heartbeat {
			client.Receive(now, home.Send(now, []byte{1}).Frame)
		}
	}
	if beats < 8 || beats > 9 {
		t.Errorf("there were %d BEATs in 10 times", beats)
	}
}

// TestLease: a side that was stopped for longer than its lease takes nothing more, even if
// frames wait for it, sends nothing more, and says why.
func TestLease(t *testing.T) {
	for name, input := range map[string]func(s *Session, now time.Duration, data []byte) Output{
		"Receive": func(s *Session, now time.Duration, data []byte) Output { return s.Receive(now, data) },
		"Tick":    func(s *Session, now time.Duration, _ []byte) Output { return s.Tick(now) },
		"Send":    func(s *Session, now time.Duration, _ []byte) Output { return s.Send(now, []byte{1}) },
		"Take":    func(s *Session, now time.Duration, _ []byte) Output { return s.Take(now, 0) },
		"End":     func(s *Session, now time.Duration, _ []byte) Output { return s.End(now, nil) },
	} {
		client, home := pair(t)
		data := home.Send(0, []byte("late")).Frame
		if out := client; out.Tick(lease).Event != nil {
			t.Errorf("%s: the session ends too early", name)
		}
		out := input(&client, lease+1, data)
		if got := reasonOf(out); !errors.Is(got, ErrLease) || !errors.Is(got, ErrLost) || kindOf(t, out.Frame) != wire.BYE {
			t.Errorf("%s: the reason is %v, and the frame %x", name, got, out.Frame)
		}
		if got := reasonOf(home.Receive(0, out.Frame)); !errors.Is(got, ErrLease) {
			t.Errorf("%s: the other side has the reason %v", name, got)
		}
	}
}

// TestLate: what belongs to a session that is over is answered by its end, and an answer
// is not answered.
func TestLate(t *testing.T) {
	client, home := pair(t)
	data := client.Send(0, []byte{1}).Frame
	home.Cut(nil)
	bye := home.Receive(0, data).Frame
	if got := reasonOf(client.Receive(0, bye)); !errors.Is(got, ErrNoSession) {
		t.Errorf("the reason is %v", got)
	}
	if out := client.Receive(0, bye); something(out) {
		t.Errorf("the answer is answered by %v", out)
	}
	next, _ := pair(t)
	next.id.Number++
	if got := next.Receive(0, data).Frame; kindOf(t, got) != wire.BYE {
		t.Errorf("a frame of another session is answered by %x", got)
	}
	if next.Room() == 0 {
		t.Error("a frame of another session has ended this one")
	}
}

// TestSuperseded: a HELLO of a later session ends the earlier one, and no other frame does.
// B-F08.
func TestSuperseded(t *testing.T) {
	dial := func(life, number uint64) []byte {
		_, out := Dial(config, wire.ID{Life: life, Number: number}, room1, 0)
		return out.Frame
	}
	for _, earlier := range [][]byte{dial(3, 4), dial(3, 3), dial(2, 9), Refuse(wire.ID{Life: 9}, nil), nil} {
		_, home := pair(t)
		if out, ok := home.Superseded(earlier); ok || something(out) {
			t.Errorf("%x supersedes: %v", earlier, out)
		}
	}
	for _, later := range [][]byte{dial(3, 5), dial(4, 1)} {
		_, home := pair(t)
		if out, ok := home.Superseded(later); !ok || reasonOf(out) != ErrReplaced {
			t.Errorf("%x does not supersede: %v", later, out)
		}
		if out, ok := home.Superseded(later); !ok || something(out) {
			t.Errorf("%x supersedes again: %v", later, out)
		}
	}
}

// TestASessionIsAValue: what happens to a copy does not happen to the original.
func TestASessionIsAValue(t *testing.T) {
	client, home := pair(t)
	before := home
	home.Receive(1, client.Send(1, []byte{1}).Frame)
	home.End(2, nil)
	if again := before; again.Receive(1, client.Send(1, []byte{2}).Frame).Event.(Ended).Reason == nil || before.Room() == 0 || before.got != 0 {
		t.Errorf("the original is %v", before)
	}
}

// TestReuse: a session that may use the memory of its frames again does so, and another one
// leaves them alone.
func TestReuse(t *testing.T) {
	client, home := pair(t)
	first := home.Send(0, []byte{1, 2, 3}).Frame
	was := slices.Clone(first)
	home.Send(0, []byte{4, 5, 6})
	if !slices.Equal(first, was) {
		t.Errorf("a frame has changed from %x to %x", was, first)
	}
	client.config.Reuse = true
	body := make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() { home.Receive(0, client.Send(0, body).Frame) }); n > 1 { // of Data, which is an Event
		t.Errorf("%v allocations for a frame", n)
	}
	if client.Send(0, make([]byte, 2*keepMemory)); client.memory != nil {
		t.Errorf("a session keeps %d bytes", cap(client.memory))
	}
}

func BenchmarkSendReceive(b *testing.B) {
	client, home := pair(b)
	body := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		out := home.Receive(0, client.Send(0, body).Frame)
		if _, ok := out.Event.(Data); !ok {
			b.Fatal(out)
		}
		if out := home.Take(0, len(body)); out.Frame != nil {
			client.Receive(0, out.Frame)
		}
	}
}

func something(out Output) bool { return out.Frame != nil || out.Event != nil }
