package node

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/topic"
)

// Hosting returns how the machine of a host begins, and the types of its processes.
func (c *Config) Hosting() (actions.Action, []actions.Type) {
	return c.hosting(door.New("node "+c.Network.Node()), nil)
}

// WantedTopic is the topic of those who want a place.
func WantedTopic(place string, s Spec, r Restart) topic.Pattern[Wanted] {
	return Wanted{place, s.Program, s.Args, r, nil}.topic()
}

// LaunchedTopic is the topic of those who want a node.
func LaunchedTopic(name string, l Launcher, r Restart) topic.Pattern[Launched] {
	w, _ := launched(name, l, r)
	return w.topic()
}

// ExitOrder is the message of Exit.
var ExitOrder = exit{}

// Opened, Ready and Meeting are what the device of a node says and is told.
var Opened any = childOpen{}

func Ready(address string) any         { return childReady{address} }
func Meeting(node, address string) any { return childMeet{node, address} }

// Spawning returns the arguments of the operation behind Host.Spawn.
func Spawning(name string, l Launcher, r Restart) any {
	w, _ := launched(name, l, r)
	return spawning{w, 1}
}
