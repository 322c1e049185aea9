package vm

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// quoted returns the text of an action for the reason of a process that ends because
// the action cannot be performed. Journals have these texts, and a replay compares
// them, so they never change, also if the texts of String do.
func quoted(a actions.Action) string {
	switch a := a.(type) {
	case actions.AddEndpoint:
		return fmt.Sprintf("add %v%s", a.Role, quotedName(a.ID))
	case actions.ReplaceEndpoint:
		return fmt.Sprintf("replace%s by %v", quotedName(a.ID), a.Role)
	case actions.DeleteEndpoint:
		return "delete" + quotedName(a.ID) + quotedReason(a.Reason)
	case *actions.SendMessage:
		switch {
		case a == nil:
			return "send nothing"
		case a.Orientation == topic.Subscriber:
			return "feedback " + a.Message.String()
		}
		return "send " + a.Message.String()
	case actions.QuitProcess:
		if a.PID == 0 {
			return "quit" + quotedReason(a.Reason)
		}
		return fmt.Sprintf("kill %v%s", a.PID, quotedReason(a.Reason))
	case actions.OpenDevice:
		return "open " + quotedDevice(a.Device)
	case actions.TellDevice:
		return fmt.Sprintf("tell %s %s", quotedDevice(a.Device), text.Value(a.Command))
	}
	return fmt.Sprint(a)
}

func quotedName(id actions.EndpointID) string {
	if id == nil {
		return ""
	}
	return fmt.Sprintf(" (%s)", text.Value(id))
}

func quotedReason(reason error) string {
	if reason == nil {
		return ""
	}
	return fmt.Sprintf(" (%v)", reason)
}

func quotedDevice(d world.Device) string {
	if d == nil {
		return "no device"
	}
	return text.Value(d)
}
