//go:build linux

package node_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

func init() {
	// Only the master gives orders.
	distributed.RegisterAdmission("node_test.master", func(w distributed.Wish) error {
		if node.IsOrder(w) && w.Client != "master" {
			return errors.New("only the master gives orders")
		}
		return nil
	})
	if os.Getenv("MARKETPLACE_NODE") == "" { // nodes do not have it
		distributed.RegisterAdmission("node_test.here", func(distributed.Wish) error { return nil })
	}
	world.Register[acquaintances]("node_test.acquaintances")
}

// acquaintances are the other nodes that a node sees, in their order.
type acquaintances []string

var meets = rpc.Define[struct{}, acquaintances]("node_test.meets")

// seers is a program that says which other nodes it sees.
var seers = node.NewProgram("node_test.seer", func(struct{}) actions.SpawnProcess {
	return actions.Spawn(actions.Next(acquaintances(nil),
		endpoint.Subscriber(distributed.Nodes(),
			endpoint.OnPresenceState(func(as acquaintances, u distributed.Up) actions.Transition[acquaintances] {
				as = append(slices.Clone(as), u.Place.Node)
				slices.Sort(as)
				return actions.Next(as)
			}),
			endpoint.OnAbsenceState(func(as acquaintances, u distributed.Up, _ error) actions.Transition[acquaintances] {
				return actions.Next(slices.DeleteFunc(slices.Clone(as), func(n string) bool { return n == u.Place.Node }))
			})),
		rpc.Methods(rpc.Handle(meets, func(as acquaintances, _ struct{}) (acquaintances, acquaintances, error) { return as, as, nil })),
	))
})

// child returns the device of a node.
func (r *rig) child(name string) *vmtest.Device {
	r.t.Helper()
	for _, d := range r.m.Devices() {
		if d.IsOpen() && strings.Contains(d.Device().DeviceName(), fmt.Sprintf(", %q, ", name)) {
			return d
		}
	}
	r.t.Fatalf("node %q is not started", name)
	return nil
}

// TestSoloIsNotAnnounced: the other nodes are not told of one that is solo, which is told of none,
// and there is no Member of it. DP-40.
func TestSoloIsNotAnnounced(t *testing.T) {
	r := newRig(t)
	members := vmtest.ObservePublishers(r.m, topic.All[node.Member]())
	nodes := map[string]*vmtest.Device{}
	for i, name := range []string{"a", "solo", "b"} {
		var how node.Launcher = node.Local{}
		if name == "solo" {
			how = node.Options{Launcher: how, Solo: true}
		}
		vmtest.Publisher(r.m, node.LaunchedTopic(name, how, node.Always))
		d := r.child(name)
		nodes[name] = d
		d.Value(node.Opened)
		d.Value(node.Ready(fmt.Sprint("127.0.0.1:", i)))
	}
	nodes["a"].ExpectCommands(node.Meeting("b", "127.0.0.1:2"))
	nodes["b"].ExpectCommands(node.Meeting("a", "127.0.0.1:0"))
	nodes["solo"].ExpectCommands()
	var seen []string
	for _, h := range members.Take() {
		seen = append(seen, h.About.Node)
	}
	if !slices.Equal(seen, []string{"a", "b"}) {
		t.Errorf("there are the members %q", seen)
	}
}

// TestSolo: nodes that are started later do not learn of one that is solo either, and it sees its
// parent alone. A network that finds its nodes by itself has no solo nodes. DP-40.
func TestSolo(t *testing.T) {
	h := hosting(t)
	for name, how := range map[string]node.Launcher{"a": node.Local{}, "solo": node.Options{Launcher: node.Local{}, Solo: true}} {
		must(t, h.Spawn(t.Context(), name, how, node.Never))
	}
	must(t, h.Spawn(t.Context(), "b", node.Local{}, node.Never))
	for _, tt := range []struct{ name, want string }{{"a", "[b master]"}, {"b", "[a master]"}, {"solo", "[master]"}} {
		at := distributed.Place{Node: tt.name, Name: "seer"}
		must(t, h.Run(t.Context(), at, seers.With(struct{}{}), node.Never))
		got := ""
		for began := time.Now(); got != tt.want && time.Since(began) < 20*time.Second; {
			all, err := rpc.Do(t.Context(), h.Client(), meets, struct{}{}, rpc.At(at))
			must(t, err)
			if got = fmt.Sprint(all); strings.Contains(got, "solo") {
				break
			}
		}
		if got != tt.want {
			t.Errorf("node %q sees %v, want %v", tt.name, got, tt.want)
		}
	}
	other := node.New(distributed.Memory().Node("master")).Start(t.Context())
	defer other.Close()
	err := other.Spawn(t.Context(), "solo", node.Options{Launcher: node.Local{}, Solo: true}, node.Never)
	if !errors.Is(err, node.ErrLaunch) {
		t.Errorf("on another network: %v", err)
	}
}

// TestSpawnedNodeHasAnAdmission: a node that was started can have an Admission, which says who
// gives it orders. Without one, all nodes of the realm can end it. B-F02.
func TestSpawnedNodeHasAnAdmission(t *testing.T) {
	far, other := distributed.Place{Node: "far"}, distributed.Place{Node: "other", Name: "ender"}
	for _, admission := range []distributed.Admission{"", "node_test.master"} {
		present := make(chan struct{}, 2)
		h := hosting(t, wants(far.At(endpoint.Subscriber(topic.All[counter](), endpoint.OnPresence(func(counter) actions.Action {
			present <- struct{}{}
			return nil
		})))))
		must(t, h.SpawnAll(t.Context(), map[string]node.Launcher{"far": node.Options{Launcher: node.Local{}, Admission: admission}, "other": node.Local{}}, node.Never))
		must(t, h.Run(t.Context(), place, counters.With(0), node.Never))
		err := h.Run(t.Context(), other, enders.With("far"), node.Never)
		must(t, err)
		if admission == "" {
			if err := h.WaitNode(within(t), "far"); !errors.Is(err, node.ErrDown) {
				t.Errorf("without an admission, the node has ended with %v", err)
			}
			continue
		}
		<-present // the order to end has come before
		call(t, h, whoami, struct{}{})
		again := distributed.Place{Node: "other", Name: "orders"}
		must(t, h.Run(t.Context(), again, orderers.With("far"), node.Never))
		if err := h.Wait(within(t), again); !errors.Is(err, distributed.ErrNotAdmitted) {
			t.Errorf("another node that wants to run a program there hears %v", err)
		}
		must(t, h.Exit(t.Context(), "far"))
	}
}

// orderers is a program that wants a program to run on a node.
var orderers = node.NewProgram("node_test.orderer", func(name string) actions.SpawnProcess {
	return actions.Spawn(actions.Stateless(actions.Yield(func(struct{}) actions.Transition[struct{}] {
		return actions.Next(struct{}{}, node.Run(distributed.Place{Node: name, Name: "mine"}, counters.With(0), node.Never))
	})))
})

// TestOptionsAreChecked: Options that make no sense, and an Admission that one of both programs
// does not have, are refused by name.
func TestOptionsAreChecked(t *testing.T) {
	h := hosting(t)
	out := outputsOf(t, h)
	for want, how := range map[string]node.Options{
		"Options without a Launcher":                 {},
		"Options in Options":                         {Launcher: node.Options{Launcher: node.Local{}}},
		`has registered no Admission "nobody knows"`: {Launcher: node.Local{}, Admission: "nobody knows"},
	} {
		if err := h.Spawn(t.Context(), "far", how, node.Never); !errors.Is(err, node.ErrLaunch) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := h.Spawn(t.Context(), "far", node.Options{Launcher: node.Local{}, Admission: "node_test.here"}, node.Never); !errors.Is(err, node.ErrDown) {
		t.Errorf("the node goes on without its Admission: %v", err)
	}
	if line := <-out; !strings.Contains(line.Text, `has registered no Admission "node_test.here"`) {
		t.Errorf("the node says %q", line.Text)
	}
}

// TestIsOrder: what is an order to a node, and what is not. B-F02.
func TestIsOrder(t *testing.T) {
	publisher := func(p topic.Topic) distributed.Wish {
		return distributed.Wish{Role: topic.Role{Orientation: topic.Publisher, Topic: p}}
	}
	wanted := node.WantedTopic("x", counters.With(1), node.Always).Topic()
	for name, tt := range map[string]struct {
		wish distributed.Wish
		want bool
	}{
		"an order to end":               {distributed.Wish{Sent: topic.MessageOf(node.ExitOrder)}, true},
		"a wish for a program":          {publisher(wanted), true},
		"a publisher of everything":     {publisher(topic.Any.Topic()), true},
		"another message":               {distributed.Wish{Sent: topic.MessageOf(counter{})}, false},
		"another publisher":             {publisher(topic.All[counter]().Topic()), false},
		"somebody who sees what is run": {distributed.Wish{Role: topic.Role{Orientation: topic.Subscriber, Topic: wanted}}, false},
	} {
		if got := node.IsOrder(tt.wish); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestOnGiveUp: those who want a place or a node say what is done when it is given up, which is
// done once, and not at the failures before. DP-35.
func TestOnGiveUp(t *testing.T) {
	places, nodes := make(listener, 100), make(listener, 100)
	r := node.Restart{Intensity: 1, Period: time.Hour, Pause: supervise.Backoff{Min: time.Millisecond}}
	h := hosting(t,
		wants(node.Run(place, failing.With(""), r, node.OnGiveUp(func(w node.Wanted, reason error) actions.Action { return places.put("%s: %s", w.Place, kind(reason)) }))),
		wants(node.Spawn("none", node.Local{Binary: "/does/not/exist"}, r, node.OnGiveUp(func(l node.Launched, reason error) actions.Action { return nodes.put("%s: %s", l.Node, kind(reason)) }))))
	must(t, h.Spawn(t.Context(), "far", node.Local{}, node.Always))
	places.expect(t, "counter: given up")
	nodes.expect(t, "none: given up")
	must(t, h.Run(t.Context(), distributed.Place{Node: "far", Name: "other"}, counters.With(0), node.Never))
	if len(places)+len(nodes) > 0 {
		t.Error("it was done twice")
	}
}
