package tcp

import (
	"io"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// A spy can be saved while it prints, and after. The number of lines that it has left
// out is restored. (All tests with a rig check that the other processes can be
// saved.)
func TestTypeOfSpies(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", Spy("ears", io.Discard))
	r.do("a", say(us, far, "hello"), say(us, far, "world"))
	printer := `tcp.printer("ears")`
	r.expect("open "+printer, "tell "+printer+" tcp.piece", "tell "+printer+" tcp.piece")
	for range 2 {
		r.apply(vm.Input{Kind: vm.Done, Address: r.open[printer], Value: piece{}})
	}
	r.expect("close " + printer)
	r.do("a", say(us, far, "!"))
	r.end(printer, io.ErrShortWrite)
	k := r.types[2]
	if data, err := k.Encode(spy{lost: 3}); err != nil || !strings.Contains(string(data), "3") {
		t.Errorf("%s, %v", data, err)
	}
}

// A type refuses data that is none of its states.
func TestTypesRefuse(t *testing.T) {
	types := map[string]actions.Type{}
	for _, k := range append(Config{}.Types(), SpyType(func(string) io.Writer { return nil })) {
		types[k.Name] = k
	}
	const came, made = `{"Remote":"10.0.0.1:1","Local":"listener(:80)","Conn":{"Device":"x","Number":1}`, `{"Remote":"far:7","Local":"handle(\"us\")"`
	for _, test := range []struct{ kind, data, says string }{
		{"tcp.driver", `{`, "unexpected end"},
		{"tcp.driver", `{"Listeners":[{"At":"far:7","Bound":"none"}]}`, "no listener"},
		{"tcp.driver", `{"Listeners":[{"At":"nowhere","Bound":"none"}]}`, "not the text of an address"},
		{"tcp.driver", `{"Connections":[{"Remote":"none","Local":"none"}]}`, "no connection between"},
		{"tcp.connection", `{}`, "no connection between"},
		{"tcp.connection", `{"Remote":"10.0.0.1:1","Local":"listener(:80)"}`, "without a socket"},
		{"tcp.connection", made + `,"Conn":{"Device":"x","Number":1}}`, "without a socket"},
		{"tcp.connection", made + `,"Unclaimed":true}`, "alarms"},
		{"tcp.connection", made + `,"Resting":true}`, "alarms"},
		{"tcp.connection", came + `,"Unclaimed":true,"Resting":true,"PeerEnded":true}`, "alarms"},
		{"tcp.connection", came + `,"Pace":{"Credit":-1}}`, "makes no sense"},
		{"tcp.connection", came + `,"Pace":{"MaxLine":-1}}`, "makes no sense"},
		{"tcp.connection", came + `,"Pace":{"More":["eA=="]}}`, "makes no sense"},
		{"tcp.connection", came + `,"Speed":3}`, "unknown field"},
		{"tcp.spy", `{"Name":"ears"}`, `spy "ears"`},
	} {
		if _, err := types[test.kind].Decode([]byte(test.data)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %s gives %v; want %q", test.kind, test.data, err, test.says)
		}
	}
	for name, data := range map[string]string{"tcp.driver": `{}`, "tcp.connection": came + `}`} {
		if _, err := types[name].Decode([]byte(data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
