package proof

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
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

// keepers is the type of the keeper, which is written as a list.
var keepers = actions.CodedAs(actions.Define("proof.keeper", keeper.open),
	func(k keeper) (entries []string) {
		for i := k.Iterator(); !i.Done(); {
			_, entry := i.Next()
			entries = append(entries, entry)
		}
		return entries
	},
	func(entries []string) (keeper, error) { return keeper{immutable.NewList(entries...)}, nil })

func (k keeper) and(entry string) keeper { return keeper{k.Append(entry)} }

func (k keeper) open() actions.Action {
	timers := map[string]bool{}
	var all actions.Tree
	for i := k.Iterator(); !i.Done(); {
		_, entry := i.Next()
		switch verb, key, _ := strings.Cut(entry, " "); verb {
		case "timer":
			timers[key] = true
		case "fired":
			delete(timers, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(timers)) {
		all = append(all, k.expiring(key))
	}
	return append(all,
		endpoint.ObservePublishers(topic.All[Client](), endpoint.OnPresenceState(keeper.come), endpoint.OnAbsenceState(keeper.gone)),
		endpoint.Subscriber(topic.All[Put](), endpoint.OnMessageState(keeper.put)),
	)
}

func (k keeper) expiring(key string) actions.Action {
	return endpoint.Subscriber(timer.Expiring(key), endpoint.OnMessageState(keeper.expire)).As(key)
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
			k.expiring(p.Key),
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
	Name     string // empty before it has said hello
	Them, Us tcp.Addr
}

var sessions = actions.Define("proof.session", session.open)

func (s session) open() actions.Action {
	return actions.Group(
		endpoint.Publisher(tcp.Flow(s.Us, s.Them)),
		endpoint.Subscriber(tcp.Flow(s.Them, s.Us),
			endpoint.OnMessageState(session.hear),
			endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action {
				if reason == nil {
					return actions.Quit()
				}
				return actions.Fail(reason)
			}),
		),
		actions.When(s.Name != "", s.present()),
	)
}

// present returns the endpoints of a session that has said hello.
func (s session) present() actions.Action {
	return actions.Group(
		endpoint.Publisher(topic.Where(clientName.Is(s.Name))),
		endpoint.Subscriber(topic.Where(replyTo.Is(s.Name)), endpoint.OnMessageState(func(s session, r Reply) actions.Transition[session] {
			return actions.Next(s, s.tell(r.Text))
		})))
}

func (s session) hear(d tcp.Data) actions.Transition[session] {
	line, complete := bytes.CutSuffix(d.Bytes, []byte("\n"))
	words := append(strings.SplitN(string(line), " ", 3), "", "")
	switch {
	case !complete:
		return actions.Next(s)
	case words[0] == "hello":
		s.Name = words[1]
		return actions.Next(s, s.present(), s.tell("ok "+s.Name+"\n"))
	}
	return actions.Next(s, actions.Send(Put{s.Name, words[0], words[1], words[2]}))
}

func (s session) tell(text string) actions.Action {
	return actions.Send(tcp.Data{From: s.Us, To: s.Them, Bytes: []byte(text)})
}

// A porter starts a session for each client.
type porter struct{ At tcp.Addr }

var porters = actions.Define("proof.porter", porter.open)

func (p porter) open() actions.Action {
	return actions.Group(
		endpoint.ObservePublishers(tcp.Arriving(p.At), endpoint.OnPresence(func(c tcp.Data) actions.Action {
			return sessions.Spawn(session{Them: c.From, Us: c.To}, tcp.SetMode(c.From, c.To, tcp.Lines(1000), tcp.Unlimited)).Named("session")
		})),
		endpoint.ObservePublishers(tcp.ListeningAt(p.At), endpoint.OnPresence(func(l tcp.Listening) actions.Action {
			return actions.When(l.Bound != tcp.Addr{}, console.Printf("listening on %v", l.Bound))
		})),
	)
}

// keeping is the program.
func keeping(c console.Config) journal.Program {
	p := journal.Booting(
		tcp.Driver(), timer.Driver(), c.Driver(),
		keepers.Spawn(keeper{immutable.NewList[string]()}).Named("keeper"),
		porters.Spawn(porter{tcp.Listener("127.0.0.1", 0)}).Named("porter"),
	)
	p.Types = slices.Concat(tcp.Config{}.Types(), timer.Types(), c.Types(), []actions.Type{keepers.Type, porters.Type, sessions.Type})
	return p
}

// keep is the main function of the program that is killed.
func keep(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	p := keeping(console.Config{})
	c := journal.Config{Durability: journal.Sync, CheckEvery: 16, SegmentSize: 64 << 10, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Types: p.Types}
	switch os.Getenv(keeperDropsEnv) {
	case "": // all is kept, and nobody takes snapshots
		c.SnapshotEvery = -1
	default:
		c.SegmentSize, c.SnapshotEvery, c.DropOld = 16<<10, 100, true
	}
	j, err := c.Open(dir)
	if err != nil {
		return err
	}
	g := ground.Ground{Journal: j}
	return g.RunFunc(ctx, p.Boot)
}
