package vmtest_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

// Issue 9.10: a test can demand that messages are heard.
func TestHeard(t *testing.T) {
	c := vmtest.Config{Heard: true}
	ear := actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.Where(DepositTo.Is("ann")),
		endpoint.OnMessage(func(Deposit) actions.Action { return nil })))).Named("ear")
	mustFail(t, func(t vmtest.TB) {
		c.Run(t, ear).Perform(actions.Send(Deposit{"bob", 1}), actions.Send(Deposit{"eve", 1}))
	},
		"nobody hears a message (2 of the type): vmtest_test.Deposit, sent by", `process 2 ear is subscriber of vmtest_test.Deposit{Account: "ann"}, where Account is "ann", and in the message it is "bob"`)
	mustFail(t, func(t vmtest.TB) { c.Run(t, ear).Perform(actions.Send(Balance{})) }, "nobody hears a message (1 of the type): vmtest_test.Balance, sent by")
	mustPass(t, func(t vmtest.TB) { c.Run(t, ear).Perform(actions.Send(Deposit{"ann", 1})) })
	mustPass(t, func(t vmtest.TB) {
		m := c.Run(t, ear)
		all := vmtest.Subscriber(m, topic.All[Deposit]())
		m.Perform(actions.Send(Deposit{"bob", 1}))
		all.ExpectMessages(Deposit{"bob", 1})
	})
	mustPass(t, func(t vmtest.TB) { vmtest.Run(t, ear).Perform(actions.Send(Deposit{"bob", 1})) })
}
