package udp

import (
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
)

// The counts in a state follow from its written form. (All tests with a rig
// check that states can be saved and restored.)
func TestKindsCount(t *testing.T) {
	s := Config{}.settings()
	m := newManager(s, port80)
	m.needed, m.bound, m.flying = true, any80, window
	for range 3 {
		m = m.send(Packet{Source: port80, Destination: peer, Body: make([]byte, 100)}).State
		m = m.send(Packet{Source: port80, Destination: far, Body: make([]byte, 10)}).State
	}
	again, err := s.readManager(m.write())
	if err != nil || again.queued != m.queued || again.asking != m.asking || again.queue.Len() != m.queue.Len() || m.queued != 3*100+3*leastSize {
		t.Errorf("%+v has been read as %+v, %v", m.desk, again.desk, err)
	}
}

// A type refuses data that is not a state of it.
func TestTypesRefuse(t *testing.T) {
	types := map[string]actions.Type{}
	for _, k := range Types() {
		types[k.Name] = k
	}
	const socket = `{"At":"listener(:80)","Bound":"[::]:80"`
	for _, test := range []struct{ kind, data, says string }{
		{"udp.driver", `[]`, "cannot unmarshal"},
		{"udp.driver", `{"Services":[{"At":"far:7"}]}`, "no local address"},
		{"udp.socket", `{}`, "no local address"},
		{"udp.socket", socket + `,"Flying":-1}`, "less than zero"},
		{"udp.socket", socket + `,"Names":[{"Host":"far","Found":true,"Waiting":[{"Destination":"far:7","To":"","Body":""}]}]}`, "has been found"},
		{"udp.socket", socket + `,"Names":[{"Host":"far","Found":true,"Addrs":["x"]}]}`, "unable to parse"},
	} {
		if _, err := types[test.kind].Decode([]byte(test.data)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %s gives %v; want %q", test.kind, test.data, err, test.says)
		}
	}
	if _, err := types["udp.socket"].Decode([]byte(socket + "}")); err != nil {
		t.Error(err)
	}
}
