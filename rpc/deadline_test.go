package rpc_test

import (
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

// A call with a deadline fails in time, and not if it has an answer before. FC-15, B-F09.
func TestWithin(t *testing.T) {
	for _, server := range []string{"no server", "a slow server", "a fast server"} {
		t.Run(server, func(t *testing.T) {
			m, answers := run(t)
			switch server {
			case "a slow server":
				m.Perform(laters.Spawn(later{}))
			case "a fast server":
				m.Perform(banks.Spawn(accounts{}))
			}
			sets := vmtest.Subscriber(m, topic.All[timer.Set]())
			driver := vmtest.Publisher(m, topic.All[timer.Expired]())
			m.Perform(caller(call("a", Change{"x", 1}, rpc.Within(time.Second), rpc.Patient())))
			if server == "a fast server" {
				answers.ExpectMessages(Answer{"a", 1, ""})
				expectQuiet(t, m, 1)
				return
			}
			var set timer.Set
			for _, h := range sets.Take() {
				if h.Kind == actions.Delivery {
					set = h.About
				}
			}
			if set.After != time.Second {
				t.Fatalf("the timer is set as %+v, want After 1s", set)
			}
			answers.ExpectNothing()
			driver.Send(timer.Expired{Label: set.Label})
			answers.ExpectMessages(Answer{"a", 0, "rpc: no answer to a call of rpc_test.add within 1s: context deadline exceeded"})
			expectQuiet(t, m, 0)
		})
	}
}

// A driver of timers that was started again does not know the timer of a call, so the call
// sets it again.
func TestWithinSurvivesTheDriver(t *testing.T) {
	m, answers := run(t, laters.Spawn(later{}))
	sets := vmtest.Subscriber(m, topic.All[timer.Set]())
	driver := vmtest.Publisher(m, topic.All[timer.Expired]())
	m.Perform(caller(call("open", Change{"x", 1}, rpc.Within(time.Second))))
	answers.ExpectNothing()
	sets.Take()
	driver.Close(nil)
	driver = vmtest.Publisher(m, topic.All[timer.Expired]())
	for _, h := range sets.Take() {
		if h.Kind == actions.Delivery {
			driver.Send(timer.Expired{Label: h.About.Label})
		}
	}
	answers.ExpectMessages(Answer{"open", 0, "rpc: no answer to a call of rpc_test.add within 1s: context deadline exceeded"})
}

func TestWithinNeedsATimerAndTime(t *testing.T) {
	m, answers := run(t, laters.Spawn(later{}))
	m.Perform(caller(call("a", Change{"x", 1}, rpc.Within(time.Second)), call("b", Change{"x", 1}, rpc.Within(-time.Second))))
	answers.ExpectMessages(Answer{"b", 0, "rpc: the deadline of a call of rpc_test.add is over before it begins (Within(-1s)): context deadline exceeded"}, Answer{"a", 0, rpc.ErrNoTimer.Error()})
	expectQuiet(t, m, 0)
}
