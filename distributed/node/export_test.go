package node

import "github.com/go-marketplace/marketplace/topic"

// WantedTopic is the topic of those who want a place.
func WantedTopic(place string, s Spec, r Restart) topic.Pattern[Wanted] {
	return Wanted{place, s.Program, s.Args, r, nil}.topic()
}

// LaunchedTopic is the topic of those who want a node.
func LaunchedTopic(name string, l Launcher, r Restart) topic.Pattern[Launched] {
	return LaunchedOf(name, l, r).topic()
}

// Opened, Ready and Meeting are what the device of a node says and is told.
var Opened any = childOpen{}

func Ready(address string) any         { return childReady{address} }
func Meeting(node, address string) any { return childMeet{node, address} }

// LaunchedOf returns what wants a node.
func LaunchedOf(name string, l Launcher, r Restart) Launched {
	w, _ := launched(name, l, r)
	return w
}
