package console_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/eventrelay"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

type order struct{ Dish string }

// Issue 9.8: at the end of a run the log does not name drivers that wait for
// somebody, because they always do. It names the other processes that wait.
func TestDriversThatWaitAreNoMistake(t *testing.T) {
	drivers := actions.Group(console.Driver(), tcp.Driver(), udp.Driver(), timer.Driver(), eventrelay.Driver(), eventrelay.Relay("r"),
		actions.Spawn(vm.Nested(timer.Relay("r"))))
	kitchen := actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[order]()))).Named("kitchen")
	for want, boot := range map[string][]actions.Action{
		"": {drivers},
		`processes="9 kitchen as subscriber of console_test.order{}"`: {drivers, kitchen},
	} {
		var log strings.Builder
		ground := &ground.Ground{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
		if err := ground.Run(t.Context(), boot...); err != nil {
			t.Error(err)
		}
		if got := log.String(); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("want %q, got\n%s", want, got)
		}
	}
}
