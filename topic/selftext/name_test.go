package selftext_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/topic/selftext"
	"github.com/go-marketplace/marketplace/vm"
)

type (
	says   struct{ Who string }
	number int
)

func init() {
	selftext.Keep(reflect.TypeFor[says](), "chat.Says")
	selftext.Keep(reflect.TypeFor[number](), "chat.Number")
}

var who = topic.FieldOf(func(s *says) *string { return &s.Who })

// TestKeep: texts that are written to journals and snapshots call a type by the name
// that it keeps: those of topics, of values, and of values in patterns.
func TestKeep(t *testing.T) {
	tony := topic.Where(who.Is("tony")).Topic()
	for got, want := range map[string]string{
		topic.All[says]().Topic().String():            `chat.Says{}`,
		tony.String():                                 `chat.Says{Who: "tony"}`,
		tony.Canonical():                              `chat.Says{Who: "tony"}`,
		topic.Tuple{says{"tony"}, number(3)}.String(): `(chat.Says{Who: "tony"}, chat.Number(3))`,
		topic.Tuple{number(3)}.Canonical():            `(chat.Number(3),)`,
		text.Value(says{"tony"}):                      `chat.Says{Who: "tony"}`,
		text.Value([]any{&says{"tina"}, number(3)}):   `[&chat.Says{Who: "tina"}, chat.Number(3)]`,
		selftext.NameOf(reflect.TypeFor[*says]()):     `*selftext_test.says`,
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestKeptNames: types of this library keep the names that they had first.
func TestKeptNames(t *testing.T) {
	if got := text.Value(vm.FreshID(3)); got != "vm.FreshID(3)" {
		t.Error(got)
	}
	if got := (topic.Tuple{vm.FreshID(3)}).Canonical(); got != "(vm.FreshID(3),)" {
		t.Error(got)
	}
}

// TestKeepPanics: a type has one name in texts, and a name stands for one type.
func TestKeepPanics(t *testing.T) {
	selftext.Keep(reflect.TypeFor[number](), "chat.Number") // again, with the same name
	for name, typ := range map[string]reflect.Type{
		"":            reflect.TypeFor[string](),
		"chat.Figure": reflect.TypeFor[number](),
		"chat.Says":   reflect.TypeFor[string](),
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(fmt.Sprint(r), "selftext: ") {
					t.Errorf("Keep of %v as %q: %v", typ, name, r)
				}
			}()
			selftext.Keep(typ, name)
		}()
	}
}
