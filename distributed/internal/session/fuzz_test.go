package session

import (
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// FuzzSession: whatever arrives, and in whatever order things happen, a session neither
// panics nor says what it must not. An input is a byte for what happens, and for frames, a
// byte for how long it is.
func FuzzSession(f *testing.F) {
	client, home := pair(f)
	script := func(frames ...[]byte) (s []byte) {
		for _, data := range frames {
			s = append(append(s, 0, byte(len(data))), data...)
		}
		return s
	}
	data, beat := client.Send(0, []byte{1, 2}).Frame, client.Tick(heartbeat).Frame
	f.Add(true, script(data, beat, data, client.End(heartbeat, nil).Frame))
	f.Add(false, script(home.Send(0, []byte{1, 2}).Frame, home.Tick(heartbeat).Frame, home.End(heartbeat, ErrGap).Frame))
	f.Add(false, append(script(data), 1, 2, 3, 4, 5, 6))
	f.Fuzz(func(t *testing.T, atHome bool, script []byte) {
		client, home := pair(t)
		s := client
		if atHome {
			s = home
		}
		now, over, untook := time.Duration(0), false, 0
		for len(script) > 0 && len(script) < 1<<12 {
			op := script[0]
			script = script[1:]
			var out Output
			switch op % 8 {
			case 0:
				if len(script) == 0 {
					return
				}
				n := min(int(script[0]), len(script)-1)
				data := script[1 : 1+n]
				script = script[1+n:]
				if later, ok := s.Superseded(data); ok {
					out = later
					break
				}
				out = s.Receive(now, data)
			case 1:
				now += heartbeat / 2
				out = s.Tick(now)
			case 2:
				if s.Room() >= 3 {
					out = s.Send(now, []byte{1, 2, 3})
				}
			case 3:
				out = s.Take(now, untook)
				untook = 0
			case 4:
				now += lease / 3
			case 5:
				if op == 5 {
					out = s.End(now, nil)
				}
			case 6:
				if op == 6 {
					out = s.Cut(nil)
				}
			}
			if out.Frame != nil {
				f, err := wire.ReadFrame(out.Frame)
				if err != nil || f.ID != s.ID() && f.Kind != wire.BYE || over && f.Kind != wire.BYE {
					t.Fatalf("it sends %v, error %v", f, err)
				}
			}
			switch e := out.Event.(type) {
			case Joined:
				t.Fatal("it joins again")
			case Data:
				if over || len(e.Body) == 0 {
					t.Fatalf("it is told %v after its end", e)
				}
				if untook += len(e.Body); untook > window {
					t.Fatalf("%d bytes were not taken", untook)
				}
			case Ended:
				if over {
					t.Fatal("it ends again")
				}
				over = true
			}
			if over != (s.Next() < 0) || over && s.Room() > 0 {
				t.Fatalf("it is over: %v, but has an alarm at %v and room for %d", over, s.Next(), s.Room())
			}
		}
	})
}
