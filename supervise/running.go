package supervise

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// Running is present while a child of a supervisor runs: the supervisor is a publisher
// of it. It is not sent. The reason of its absence is that of the end of the child.
//
//	endpoint.ObservePublishers(topic.Where(supervise.Supervisor.Is("shop.services")),
//		endpoint.OnPresence(func(r supervise.Running) actions.Action { … }))
type Running struct {
	Supervisor string // the name of its type
	Child      string
	PID        actions.PID // of the child
}

// The fields of [Running], which topics can pin.
var (
	Supervisor = topic.FieldOf(func(r *Running) *string { return &r.Supervisor })
	ChildName  = topic.FieldOf(func(r *Running) *string { return &r.Child })
	ChildPID   = topic.FieldOf(func(r *Running) *actions.PID { return &r.PID })
)

// running returns the endpoint that says that child i runs.
func (d *kind[A]) running(s supervisor[A], i int, pid actions.PID) actions.AddEndpoint {
	name := s.Children[i].Name
	return endpoint.Publisher(topic.Where(Supervisor.Is(d.Name), ChildName.Is(name), ChildPID.Is(pid))).As(name)
}
