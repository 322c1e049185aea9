package vm_test

import (
	"github.com/go-marketplace/marketplace/topic"
)

type Deposit struct {
	Account string
	Amount  int
}

var Account = topic.FieldOf(func(d *Deposit) *string { return &d.Account })
