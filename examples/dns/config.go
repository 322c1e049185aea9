package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/drivers/inet"
)

// A config says how a resolver works.
type config struct {
	listen    inet.Addr
	upstreams []inet.Addr   // in the order in which they are asked; at least one
	timeout   time.Duration // until the next one is asked
	limit     time.Duration // until a client is told that there is no answer
	cache     int           // how many answers are kept
}

// mostAttempts is how often the upstreams may be asked one question, because they
// are slow. All that have been asked may still answer, so each time takes a socket.
const mostAttempts = 100

// parse returns the config for the arguments of the program. It writes to out
// what is wrong with them, or which there are.
func parse(args []string, out io.Writer) (*config, error) {
	var c config
	flags := flag.NewFlagSet("dns", flag.ContinueOnError)
	flags.SetOutput(out)
	addr := flags.String("addr", "127.0.0.1:5353", "`host:port` to listen on, over UDP and TCP")
	flags.Func("upstream", "`ip:port` of a resolver to ask; several are asked in their order", c.addUpstreams)
	flags.DurationVar(&c.timeout, "timeout", 2*time.Second, "how long an upstream may take, until the next one is asked")
	flags.DurationVar(&c.limit, "limit", 5*time.Second, "how long an answer may take, until the client is told that there is none")
	flags.IntVar(&c.cache, "cache", 10000, "how many answers are kept")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	err := c.check(flags.Args())
	if err == nil {
		c.listen, err = inet.ParseListener(*addr)
	}
	if err != nil {
		fmt.Fprintln(out, "dns:", err)
		return nil, err
	}
	return &c, nil
}

func (c *config) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%q is no flag: all that can be said is said with flags", rest[0])
	case len(c.upstreams) == 0:
		return errors.New("there is nobody to ask: name a resolver, as in -upstream 192.0.2.1:53")
	case c.timeout <= 0:
		return fmt.Errorf("-timeout is %v: it has to be positive", c.timeout)
	case c.limit <= 0:
		return fmt.Errorf("-limit is %v: it has to be positive", c.limit)
	case c.limit/c.timeout > mostAttempts:
		return fmt.Errorf("-limit is %v and -timeout %v: that is too many attempts, because there may be %d of them", c.limit, c.timeout, mostAttempts)
	case c.cache < 0:
		return fmt.Errorf("-cache is %d: it must not be negative; 0 keeps nothing", c.cache)
	}
	return nil
}

// addUpstreams adds the upstreams in a text, which are separated by commas.
func (c *config) addUpstreams(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		u, err := parseUpstream(part)
		if err != nil {
			return err
		}
		c.upstreams = append(c.upstreams, u)
	}
	return nil
}

// parseUpstream returns the address of an upstream. It must be numeric, because
// names are looked up with it.
func parseUpstream(text string) (inet.Addr, error) {
	whole := text
	if _, _, err := net.SplitHostPort(text); err != nil {
		whole = net.JoinHostPort(strings.Trim(text, "[]"), "53")
	}
	a, err := netip.ParseAddrPort(whole)
	if err != nil || a.Port() == 0 {
		return inet.Addr{}, fmt.Errorf("%q is no IP address with a port: write 192.0.2.1:53 or [2001:db8::1]:53", text)
	}
	return inet.RemoteAddrPort(a), nil
}
