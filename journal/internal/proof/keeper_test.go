package proof

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
)

// The keeper is the program that is killed. Its clients say, in lines,
//
//	hello NAME    it is there, until it goes
//	put KEY TEXT  remember this
//	timer KEY MS  remember this when so much time has passed
//	dump N        what is there to remember from entry N on?
//
// and it answers "ok NAME" or "ok KEY", or with a page of entries.

// Put asks the keeper to do something for a client.
type Put struct{ Client, Verb, Key, Text string }

// Reply is what the keeper says to a client.
type Reply struct{ Client, Text string }

// Client is what a client's session publishes while it is there.
type Client struct{ Name string }

var (
	replyTo    = topic.FieldOf(func(r *Reply) *string { return &r.Client })
	clientName = topic.FieldOf(func(c *Client) *string { return &c.Name })
)

// A keeper remembers entries, in their order.
type keeper struct{ *immutable.List[string] }

func (k keeper) and(entry string) keeper { return keeper{k.Append(entry)} }

func (k keeper) process() actions.Process {
	return actions.Next(k,
		endpoint.ObservePublishers(topic.All[Client](), endpoint.OnPresenceState(keeper.come), endpoint.OnAbsenceState(keeper.gone)),
		endpoint.Subscriber(topic.All[Put](), endpoint.OnMessageState(keeper.put)),
	)
}

func (k keeper) come(c Client) actions.Transition[keeper] {
	return actions.Next(k.and("arrived " + c.Name))
}

func (k keeper) gone(c Client, reason error) actions.Transition[keeper] {
	return actions.Next(k.and(fmt.Sprintf("left %s %v", c.Name, reason)))
}

func (k keeper) put(p Put) actions.Transition[keeper] {
	reply := func(text string) actions.Action { return actions.Send(Reply{p.Client, text + "\n"}) }
	switch p.Verb {
	case "put":
		return actions.Next(k.and("put "+p.Key+" "+p.Text), reply("ok "+p.Key))
	case "timer":
		ms, _ := strconv.Atoi(p.Text)
		return actions.Next(k.and("timer "+p.Key),
			endpoint.Subscriber(timer.Expiring(p.Key), endpoint.OnMessageState(keeper.expire)).As(p.Key),
			timer.After(p.Key, time.Duration(ms)*time.Millisecond),
			reply("ok "+p.Key))
	}
	from, _ := strconv.Atoi(p.Key)
	var page strings.Builder
	for i := from; i < min(from+pageLength, k.Len()); i++ {
		fmt.Fprintln(&page, k.Get(i))
	}
	return actions.Next(k, reply(fmt.Sprintf("%send %d", &page, k.Len())))
}

// pageLength is how many entries there are in a page at most.
const pageLength = 500

func (k keeper) expire(e timer.Expired) actions.Transition[keeper] {
	return actions.Next(k.and("fired "+e.Label), actions.Delete(e.Label))
}

// A session talks to a client.
type session struct {
	name     string
	them, us tcp.Addr
}

func (s session) process() actions.Process {
	return actions.Next(s,
		tcp.SetMode(s.them, s.us, tcp.Lines(1000), tcp.Unlimited),
		endpoint.Publisher(tcp.Flow(s.us, s.them)),
		endpoint.Subscriber(tcp.Flow(s.them, s.us),
			endpoint.OnMessageState(session.hear),
			endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action {
				if reason == nil {
					return actions.Quit()
				}
				return actions.Fail(reason)
			}),
		),
	)
}

func (s session) hear(d tcp.Data) actions.Transition[session] {
	line, complete := bytes.CutSuffix(d.Bytes, []byte("\n"))
	words := append(strings.SplitN(string(line), " ", 3), "", "")
	switch {
	case !complete:
		return actions.Next(s)
	case words[0] == "hello":
		s.name = words[1]
		return actions.Next(s,
			endpoint.Publisher(topic.Where(clientName.Is(s.name))),
			endpoint.Subscriber(topic.Where(replyTo.Is(s.name)), endpoint.OnMessage(func(r Reply) actions.Action { return s.tell(r.Text) })),
			s.tell("ok "+s.name+"\n"))
	}
	return actions.Next(s, actions.Send(Put{s.name, words[0], words[1], words[2]}))
}

func (s session) tell(text string) actions.Action {
	return actions.Send(tcp.Data{From: s.us, To: s.them, Bytes: []byte(text)})
}

// keeping is the program.
func keeping(c console.Config) []actions.Action {
	at := tcp.Listener("127.0.0.1", 0)
	return []actions.Action{
		tcp.Driver(), timer.Driver(), c.Driver(),
		actions.Spawn(keeper{immutable.NewList[string]()}.process()).Named("keeper"),
		endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(c tcp.Data) actions.Action {
			return actions.Spawn(session{them: c.From, us: c.To}.process()).Named("session")
		})),
		endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(l tcp.Listening) actions.Action {
			return actions.When(l.Bound != tcp.Addr{}, console.Printf("listening on %v", l.Bound))
		})),
	}
}

// keep is the main function of the program that is killed.
func keep(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c := journal.Config{Durability: journal.Sync, CheckEvery: 16, SegmentSize: 64 << 10, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	j, err := c.Open(dir)
	if err != nil {
		return err
	}
	g := ground.Ground{Journal: j}
	return g.Run(ctx, keeping(console.Config{})...)
}
