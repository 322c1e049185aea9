package text

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A login is what only a Printer hides.
type login struct {
	User, Password string
	Keys           []int
	Creds          creds
	Ports          [2]creds
}

type creds struct{ Token []byte }

// A spoken login gives a text of itself, in which everything is.
type spoken struct{ login login }

func (s spoken) String() string { return fmt.Sprint(s.login) }

// A vault is a device with a secret in its name, and a failure a reason with one.
type (
	vault   struct{ world.Alarm }
	failure struct{ login login }
)

func (v vault) DeviceName() string { return "vault " + v.Label }
func (f failure) Error() string    { return "no: " + f.login.Password }

type query struct {
	User string
	Pass word
	At   place
}

type (
	word  string
	place struct {
		Room string
		Code word
	}
)

var (
	queryUser = topic.FieldOf(func(q *query) *string { return &q.User })
	queryPass = topic.FieldOf(func(q *query) *word { return &q.Pass })
	queryAt   = topic.FieldOf(func(q *query) *place { return &q.At })
	queryRoom = topic.FieldOf(func(q *query) *string { return &q.At.Room })
)

// An open message has anything in it.
type open struct{ Part any }

var openPart = topic.FieldOf(func(o *open) *any { return &o.Part })

// What Hide calls a secret appears nowhere, and all else is unchanged.
func TestHide(t *testing.T) {
	hide := func(secrets ...string) Printer {
		return Printer{Hide: func(of, typ, field string) bool {
			return slices.Contains(secrets, of+" "+typ+"."+field) || slices.Contains(secrets, typ+"."+field)
		}}
	}
	me := login{User: "tony", Password: secret, Keys: []int{1, 2}, Creds: creds{[]byte(secret)}}
	password := hide("text.login.Password", "text.login.Creds")
	code := hide("text.place.Code", "text.query.Pass")
	for _, test := range []struct {
		p    Printer
		v    any
		want string
	}{
		{password, me, `text.login{User: "tony", Password: [7 bytes hidden], Keys: [1, 2], Creds: [hidden], Ports: [{Token: nil}, {Token: nil}]}`},
		{hide("text.creds.Token", "text.login.Password", "text.login.Keys"), &me,
			`&text.login{User: "tony", Password: [7 bytes hidden], Keys: [2 parts hidden], Creds: {Token: [7 bytes hidden]}, Ports: [{Token: [0 bytes hidden]}, {Token: [0 bytes hidden]}]}`},
		{hide("text.login."), []any{me, 3}, "[[hidden], 3]"},
		{hide("message text.login."), me, "[hidden]"},
		{hide("string."), map[string]int{secret: 3}, "{[7 bytes hidden]: 3}"},
		{hide("text.word."), []word{secret}, "[[7 bytes hidden]]"},
		{hide("text.hiddenString."), hiddenString(secret), "[hidden]"},
		// A text of its own may have it anywhere in it.
		{password, spoken{me}, "[hidden]"},
		{password, []any{&spoken{me}, vault{world.Alarm{Label: "x"}}}, "[[hidden], vault x]"},
		{hide("world.Alarm.Label"), vault{world.Alarm{Label: secret}}, "[hidden]"},
		{password, failure{me}, "[hidden]"},
		{hide("text.tree.Name"), errors.New("x"), "x"},
		// For topics, Hide is called for each part.
		{code, topic.Where(queryUser.Is("tony"), queryPass.Is(secret)), `text.query{User: "tony", Pass: [hidden]}`},
		{code, topic.Where(queryUser.Is("tony")).Topic(), `text.query{User: "tony"}`},
		{code, topic.Where(queryAt.Is(place{"hall", secret})), `text.query{At.Room: "hall", At.Code: [hidden]}`},
		{code, topic.Where(topic.Glob(queryUser, "t*"), topic.Glob(queryPass, secret+"*")), `text.query{User: ~"t*", Pass: [hidden]}`},
		{hide("text.query.At"), topic.Where(queryRoom.Is(secret)), `text.query{At.Room: [hidden]}`},
		{hide("text.word."), topic.Where(queryPass.Is(secret)), `text.query{Pass: [hidden]}`},
		{hide("text.query."), topic.Where(queryPass.Is(secret)), `text.query{[hidden]}`},
		{hide("text.query."), topic.All[query]().Topic(), `text.query{[hidden]}`},
		{hide("text.word."), topic.Like(topic.Tuple{"x", word(secret)}), "topic.Tuple{[hidden]}"},
		{hide("text.word."), topic.Like(topic.Tuple{"x", topic.Wild}), `("x", _)`},
		{hide("text.word."), topic.Where(openPart.Is(word(secret))), `text.open{Part: [7 bytes hidden]}`},
		{hide("text.word."), topic.Where(openPart.Is("x")), `text.open{Part: "x"}`},
		{hide("text.word."), topic.All[word](), "text.word{[hidden]}"},
		{hide("text.word."), topic.Any, "any"},
		{hide("text.word."), topic.Topic{}, "none"},
		{code, struct{ r any }{topic.Role{Interest: topic.Observer, Topic: topic.Where(queryPass.Is(secret)).Topic()}},
			`{r: publisher (observer) of text.query{Pass: [hidden]}}`},
	} {
		text, node := test.p.String(Message, test.v), test.p.Node(Message, test.v)
		if text != test.want || node.String() != test.want || strings.Contains(fmt.Sprintf("%#v", node), secret) {
			t.Errorf("got  %s\nor   %#v\nwant %s", text, node, test.want)
		}
	}
	// A description says what each of its values is of.
	describe := func(w *Writer) {
		w.Word("tell ")
		w.Device(world.Alarm{Label: "x"})
		w.Named(" as ", "me")
		w.Word(": ")
		w.Value(Command, 3)
		w.Word(" at ")
		w.Role(topic.Role{Topic: topic.Where(queryPass.Is(secret)).Topic()})
		w.Word(" by ")
		w.Plain(Name, "it")
		w.Because(failure{me})
	}
	for _, test := range []struct {
		secret string
		want   string
	}{
		{"device world.Alarm.Label", `tell [hidden] as "me": 3 at publisher of text.query{Pass: "hunter2"} by it: no: hunter2`},
		{"name string.", `tell world.Alarm(nil, 0ns, "x") as [2 bytes hidden]: 3 at publisher of text.query{Pass: "hunter2"} by [2 bytes hidden]: no: hunter2`},
		{"command int.", `tell world.Alarm(nil, 0ns, "x") as "me": [hidden] at publisher of text.query{Pass: "hunter2"} by it: no: hunter2`},
		{"topic text.query.Pass", `tell world.Alarm(nil, 0ns, "x") as "me": 3 at publisher of text.query{Pass: [hidden]} by it: no: hunter2`},
		{"reason text.login.Password", `tell world.Alarm(nil, 0ns, "x") as "me": 3 at publisher of text.query{Pass: "hunter2"} by it: [hidden]`},
	} {
		p := hide(test.secret)
		if text, line := p.Text(describe), p.Line(describe); text != test.want || line.String() != test.want {
			t.Errorf("%s:\ngot  %s\nor   %s\nwant %s", test.secret, text, line, test.want)
		}
	}
	var ofs []string
	for _, piece := range (Printer{}).Line(describe) {
		ofs = append(ofs, piece.Of)
	}
	if got, want := strings.Join(ofs, " "), " device  name  command  topic  name  reason"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A value with too many parts to ask for each is hidden rather than shown.
func TestHideOfTooMuch(t *testing.T) {
	p := Printer{Hide: func(_, _, field string) bool { return field == "Password" }}
	deep := &tree{Extra: &tree{Extra: spokenTree{}}}
	for range deepest {
		deep = &tree{Extra: deep}
	}
	large := map[int]int{}
	for i := range 1 << 17 {
		large[i] = i
	}
	many := make([]int, 1<<17)
	for _, v := range []any{spokenTree{deep}, spokenTree{&tree{Extra: large}}, spokenTree{&tree{Extra: []any{1, many}}},
		spokenTree{&tree{Extra: []any{10, many}}}, spokenTree{&tree{Extra: []any{100, many}}}} {
		if text := p.String(State, v); text != hiddenText {
			t.Errorf("got %s", text)
		}
	}
	if text := p.String(State, spokenTree{&tree{Extra: make([]int, 1000)}}); text != "a tree" {
		t.Errorf("got %s", text)
	}
}

type spokenTree struct{ t *tree }

func (spokenTree) String() string { return "a tree" }
