package vmtest

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

type celsius float64

type tree struct {
	Name  string
	kids  []*tree
	Extra any
}

// Two surveys of one value are equal, whatever is in it, and they differ where
// the values do.
func TestSurvey(t *testing.T) {
	survey := func(v any) *survey { return outcomeOf(v, nil) }
	values := []any{
		nil, 0, int8(0), "", "0", false, 0.0, math.Copysign(0, -1), []int(nil), []int{}, []int{0}, []any{0}, []any{"0"}, []any{nil}, []any{int8(0)},
		map[string]int(nil), map[string]int{}, map[string]int{"a": 0}, map[string]int{"a": 0, "b": 0}, map[any]int{1: 0}, map[any]int{celsius(1): 0},
		map[*tree]int{{Name: "a"}: 1, {Name: "a"}: 2}, map[*tree]int{{Name: "a"}: 2, {Name: "a"}: 3},
		tree{Name: "a"}, &tree{kids: []*tree{}}, tree{kids: []*tree{nil}}, tree{kids: []*tree{{}}}, tree{Extra: tree{}}, tree{Extra: &tree{kids: []*tree{{}}}},
		time.Unix(1, 0), time.Unix(1, 1), struct{ t time.Time }{time.Unix(2, 0)}, struct{ t time.Time }{time.Unix(2, 1)},
		topic.All[tree](), topic.Like(topic.Tuple{1}), topic.Like(topic.Tuple{2}), topic.All[tree]().Topic(), topic.Any.Topic(),
		(func())(nil), func() {}, (chan int)(nil), make(chan int), actions.Quit(), actions.Fail(errors.New("a")), actions.Fail(errors.New("b")),
	}
	for i, v := range values {
		for j, w := range values {
			for range 3 {
				path, x, y, differ := difference(survey(v), survey(w))
				if differ == (i == j) {
					t.Errorf("%T %v and %T %v: differ is %v: %s: %s, %s", v, v, w, w, differ, path, x, y)
				}
			}
		}
	}
}
