package parts

import (
	"errors"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/topic"
)

func init() {
	distributed.RegisterAdmission("parts.own", func(w distributed.Wish) error {
		said, isMessage := w.Sent.Value().(Says)
		speaks, isEndpoint := topic.Typed[Says](w.Role.Topic)
		switch {
		case isMessage && said.On == w.Client:
			return nil // somebody on that node says something
		case isEndpoint && w.Role.Orientation == topic.Subscriber:
			return nil // anybody may listen
		case isEndpoint:
			if on, _ := On.In(speaks); on == w.Client {
				return nil // somebody on that node is present
			}
		}
		return errors.New("a node listens, and speaks for its own people")
	})
}
