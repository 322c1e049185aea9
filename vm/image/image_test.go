package image_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// told is an order to a clerk.
type told struct {
	name   string
	orders []order
}

func to(name string, orders ...order) told { return told{name, orders} }

// TestImage: a machine that is restored from its image goes on as the original
// would have.
func TestImage(t *testing.T) {
	ann, bob := hire("ann", 0), hire("bob", 0)
	for _, tt := range []struct {
		name   string
		staff  []actions.Action
		before []told
		after  []told
		want   []string // happens after the image
	}{
		{"the state", []actions.Action{ann},
			[]told{to("ann", open(clerkEnd{Key: "x"}), do(actions.Send(memo{"x"})))},
			[]told{to("ann", func(c clerk) actions.Transition[clerk] {
				return actions.Next(c, actions.Tell(hand{"ann"}, c.Jobs))
			})},
			[]string{"< tell hand ann for 2: 1"}},
		{"PIDs go on", []actions.Action{ann, bob},
			[]told{to("bob", do(actions.Quit()))},
			[]told{to("ann", do(hire("cid", 0)))},
			[]string{"4 cid: spawned", "< open hand cid for 4"}},
		{"fresh names go on", []actions.Action{ann},
			[]told{to("ann", openFresh(clerkEnd{Key: "x"}))},
			[]told{to("ann", openFresh(clerkEnd{Is: "publisher"}))},
			[]string{
				`2 ann: hears presence of publisher of image_test.memo{Key: "x"} in itself at subscriber of image_test.memo{Key: "x"} as vm.FreshID(1)`,
				`2 ann: hears presence of subscriber of image_test.memo{Key: "x"} in itself at publisher of image_test.memo{} as vm.FreshID(2)`,
			}},
		{"what was deleted is gone", []actions.Action{ann},
			[]told{to("ann", open(clerkEnd{ID: "e"}), do(actions.Delete("e")))},
			[]told{to("ann", open(clerkEnd{Is: "publisher"}))},
			nil},
		{"endpoints without names, in their order", []actions.Action{ann},
			[]told{to("ann", open(clerkEnd{Key: "x"}), open(clerkEnd{Key: "y"}))},
			[]told{to("ann", do(actions.Send(memo{"y"})))},
			[]string{`2 ann: hears image_test.memo{Key: "y"} at subscriber of image_test.memo{Key: "y"}`}},
		{"endpoints keep their places", []actions.Action{ann},
			[]told{to("ann", open(clerkEnd{ID: "a", Key: "x"}), open(clerkEnd{ID: "b"}), open(clerkEnd{ID: "a"}))},
			[]told{to("ann", do(actions.Send(memo{"z"})))},
			[]string{
				`2 ann: hears image_test.memo{Key: "z"} at subscriber of image_test.memo{} as "a"`,
				`2 ann: hears image_test.memo{Key: "z"} at subscriber of image_test.memo{} as "b"`,
			}},
		{"replace after the image", []actions.Action{ann, bob},
			[]told{to("ann", open(clerkEnd{ID: "a", Key: "x"})), to("bob", open(clerkEnd{Is: "publisher", Key: "x"}))},
			[]told{to("ann", open(clerkEnd{ID: "a", Key: "y"}))},
			[]string{
				`3 bob: hears absence of subscriber of image_test.memo{Key: "x"} at publisher of image_test.memo{Key: "x"}`,
				`2 ann: hears absence of publisher of image_test.memo{Key: "x"} at subscriber of image_test.memo{Key: "y"} as "a"`,
			}},
		{"demand is not new, and ends once", []actions.Action{ann, bob},
			[]told{to("ann", open(clerkEnd{Is: "counter"})), to("bob", open(clerkEnd{ID: "one", Key: "x"}), open(clerkEnd{ID: "two", Key: "x"}))},
			[]told{to("bob", do(actions.Delete("two")), do(actions.Quit()))},
			[]string{
				`2 ann: hears absence of subscriber of image_test.memo{Key: "x"} at publisher (observer) of image_test.memo{}`,
				"3 bob: ended",
				"< close hand bob for 3",
				`2 ann: hears absence of subscriber of image_test.memo{Key: "x"} at publisher (observer) of image_test.memo{}`,
				`2 ann: hears last of subscriber of image_test.memo{Key: "x"} at publisher (observer) of image_test.memo{}`,
			}},
		{"a paused device", []actions.Action{ann},
			[]told{to("ann", hold("lamp", true), hold("other", true), do(actions.Resume(hand{"other"})))},
			[]told{to("ann", do(actions.Resume(hand{"lamp"}), actions.Close(hand{"other"})))},
			[]string{"< resume hand lamp for 2", "< close hand other for 2"}},
		{"kill", []actions.Action{ann, bob},
			[]told{to("bob", open(clerkEnd{Is: "publisher"}), hold("lamp", false)), to("ann", open(clerkEnd{Key: "x"}))},
			[]told{to("ann", do(actions.Kill(3, errors.New("enough"))))},
			[]string{
				"3 bob: ended: enough", "< close hand bob for 3", "< close hand lamp for 3",
				`2 ann: hears absence of publisher of image_test.memo{Key: "x"}: enough at subscriber of image_test.memo{Key: "x"}`,
			}},
		{"a crash", []actions.Action{ann}, nil, []told{to("ann", crashes)},
			[]string{"2 ann: ended: vm: panic: overworked", "< close hand ann for 2"}},
		{"a nested machine goes on, and ends", []actions.Action{hire("ida", 1)}, nil,
			[]told{to("ida", do(hire("joe", 0))), to("joe", do(actions.Quit())), to("ida", do(actions.Quit()))},
			[]string{
				"2/3 joe: spawned", "< open hand joe for 2/3", "2/3 joe: ended", "< close hand joe for 2/3",
				"2/2 ida: ended", "< close hand ida for 2/2",
			}},
		{"three levels", []actions.Action{ann, hire("ida", 3)},
			[]told{
				to("ida", open(clerkEnd{ID: "0"}), open(clerkEnd{ID: "1", Level: 1}), open(clerkEnd{Is: "counter", ID: "3", Level: 3}), open(clerkEnd{Level: 3})),
				to("ann", open(clerkEnd{ID: "s", Key: "x"})),
			},
			[]told{
				to("ann", do(actions.Send(memo{"x"})), do(actions.Delete("s"))),
				to("ida", do(actions.Quit())),
			},
			[]string{
				`2 ann: hears image_test.memo{Key: "x"} at subscriber of image_test.memo{Key: "x"} as "s"`,
				`3/2/2/2 ida: hears image_test.memo{Key: "x"} at subscriber of image_test.memo{}`,
				`3/2/2/2 ida: hears absence of subscriber of image_test.memo{Key: "x"} at publisher (observer) of image_test.memo{} as "3"`,
				`3/2/2/2 ida: hears last of subscriber of image_test.memo{Key: "x"} at publisher (observer) of image_test.memo{} as "3"`,
				`3/2/2/2 ida: ended`,
				"< close hand ida for 3/2/2/2",
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			original := newOffice(t, tt.staff...)
			for _, b := range tt.before {
				original.tell(b.name, b.orders...)
			}
			original.lines = nil
			anew := original.anew()
			if diff := cmp.Diff(original.image(), anew.image()); diff != "" {
				t.Errorf("the image of the restored machine differs (-original +restored):\n%s", diff)
			}
			for _, o := range []*office{original, anew} {
				for _, a := range tt.after {
					o.tell(a.name, a.orders...)
				}
				o.tell("nobody", nil) // a late input, which is counted
				if diff := cmp.Diff(tt.want, o.lines); diff != "" {
					t.Errorf("what has happened, restored %v (-want +got):\n%s", o == anew, diff)
				}
			}
			if diff := cmp.Diff(original.image(), anew.image()); diff != "" {
				t.Errorf("in the end, the restored machine differs (-original +restored):\n%s", diff)
			}
		})
	}
}

// The image has everything there is to know, as plain data.
func TestImageIsData(t *testing.T) {
	o := newOffice(t, hire("ida", 1))
	o.tell("ida", open(clerkEnd{Is: "counter", ID: "c", Level: 1}), open(clerkEnd{Key: "x", Level: 1}), hold("lamp", true))
	want := &image.Image{
		Limits:      vm.Limits{Queue: 1 << 20, Steps: 1 << 16, Drain: 1 << 20},
		Stats:       o.m.Stats(),
		Incarnation: 3,
		Generation:  2,
		Last:        2,
		Processes: []image.Process{
			{PID: 2, Name: "room", Last: 2, Seq: 2, Endpoints: []image.Endpoint{
				{Seq: 1, Inner: 2, InnerSeq: 1, Role: "publisher (observer) of image_test.memo{}"},
				{Seq: 2, Inner: 2, InnerSeq: 3, Role: `subscriber of image_test.memo{Key: "x"}`},
			}},
			{Depth: 1, PID: 2, Name: "ida", Type: "image_test.clerk", Seq: 3,
				State: []byte(`{"Name":"ida","Jobs":0,"Ends":[{"Is":"counter","Key":"","ID":"c","Fresh":0,"Level":1},{"Is":"","Key":"x","ID":"","Fresh":0,"Level":1}],"Lamps":["lamp"]}`),
				Endpoints: []image.Endpoint{
					{Seq: 1, Level: 1, ID: `"c"`, Role: "publisher (observer) of image_test.memo{}", Counts: true,
						Tallies: []image.Tally{{Conversation: `image_test.memo{Key: "x"}`, Peers: 1}}},
					{Seq: 3, Level: 1, Anonymous: 2, Role: `subscriber of image_test.memo{Key: "x"}`},
				},
				Devices: []image.Device{{Device: "hand ida", Generation: 1}, {Device: "hand lamp", Generation: 2, Paused: true, Opening: true}}},
		},
	}
	if diff := cmp.Diff(want, o.image()); diff != "" {
		t.Error(diff)
	}
}
