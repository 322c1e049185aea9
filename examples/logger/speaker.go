package main

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

var speakers = actions.Define("logger.speaker", speaker.open)

// A speaker sends a line, and waits for the answer of the logger.
type speaker struct {
	End *world.Exit // how it has ended
}

var counted = rpc.DefineThen("logger.speaker.counted", speaker.counted)

// speak sends a line to the name "logger" at a place, and does not wait. Then it asks how
// many lines the logger has. What is sent to a place arrives in order, so the answer counts
// the line.
func speak(at distributed.Place, l Line) actions.Action {
	to := distributed.Handle{Place: at, Name: "logger"}
	return speakers.Spawn(speaker{},
		to.Send(distributed.Handle{}, l),
		rpc.CallThen(Count, All{}, counted, "", rpc.At(at)),
	)
}

// counted ends the program.
func (s speaker) counted(_ string, lines int, err error) actions.Transition[speaker] {
	end := world.ExitWith(err)
	s.End = &end
	return actions.Next(s, actions.When(err == nil, console.Printf("lines of the logger: %d", lines)), s.open())
}

// open returns what ends the program if the speaker has ended. A speaker with a journal that
// is started again then ends at once, in the same way.
func (s speaker) open() actions.Action {
	if s.End == nil {
		return nil
	}
	return endpoint.Device(world.Result{}, endpoint.OnValue(func(world.ResultOpen) actions.Action {
		return actions.Tell(world.Result{}, *s.End)
	}))
}
