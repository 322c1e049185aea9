package outbox

import (
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// An account identifies a sender to a receiver. The zero account is none.
type account struct {
	Receiver uint64 // the life of the receiver
	N        uint64 // counts the accounts that it has given, from 1
}

// A parcel is what a sender sends: a message or, with the number 0, a greeting, which asks
// for the account.
type parcel struct {
	Box     string
	From    uint64      // the life of the sender
	Account account     // of a greeting: the account that the sender cannot use
	N       uint64      // of the message
	First   uint64      // the first message that is not settled; of a greeting: the first of a new account
	Body    wire.Sealed // of the message
}

// A receipt is what a receiver answers to each parcel.
type receipt struct {
	Box     string
	To      uint64  // the life of the sender
	Account account // of the sender; none if that of the parcel is not known
	Last    uint64  // up to where the messages on the account are passed on or refused
	Refused []refusal
}

// A refusal says that a message will not be passed on.
type refusal struct {
	N      uint64
	Reason *world.Error
}

func init() {
	world.Register[parcel]("outbox.parcel")
	world.Register[receipt]("outbox.receipt")
}

var (
	parcelBox  = topic.FieldOf(func(p *parcel) *string { return &p.Box })
	parcelFrom = topic.FieldOf(func(p *parcel) *uint64 { return &p.From })
	receiptBox = topic.FieldOf(func(r *receipt) *string { return &r.Box })
	receiptTo  = topic.FieldOf(func(r *receipt) *uint64 { return &r.To })
)
