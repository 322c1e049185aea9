package main

import (
	"cmp"
	"fmt"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/go-marketplace/marketplace/topic"
)

// A Question is what somebody wants to know. Questions that have the same answer
// are equal.
type Question struct {
	Name  string // in lower case, with a dot at the end
	Type  dnsmessage.Type
	Class dnsmessage.Class

	DNSSEC    bool // the records of DNSSEC are wanted, too
	Unchecked bool // they need not be checked
}

// An Answer is the answer to a question. A process with a question subscribes
// to the answers to it, and gets one.
type Answer struct {
	Question Question
	Reply    Reply
}

// The fields of [Answer] that topics can pin.
var (
	About = topic.FieldOf(func(a *Answer) *Question { return &a.Question })
	Class = topic.FieldOf(func(a *Answer) *dnsmessage.Class { return &a.Question.Class })
)

// Answering is the topic of the answers to a question.
func Answering(q Question) topic.Pattern[Answer] { return topic.Where(About.Is(q)) }

// Learned tells of an answer that has come from an upstream and that may be
// kept. It is sent once, while there may be many an [Answer].
type Learned Answer

// String describes q for people.
func (q Question) String() string {
	return fmt.Sprintf("%q %s", q.Name, strings.TrimPrefix(q.Type.String(), "Type"))
}

// byQuestion orders questions. It is a comparer for package immutable.
type byQuestion struct{}

// Compare returns a negative number if p comes before q, a positive one if it
// comes after q, and zero if they are equal.
func (byQuestion) Compare(p, q Question) int {
	return cmp.Or(
		cmp.Compare(p.Name, q.Name),
		cmp.Compare(p.Type, q.Type),
		cmp.Compare(p.Class, q.Class),
		compareBools(p.DNSSEC, q.DNSSEC),
		compareBools(p.Unchecked, q.Unchecked),
	)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
