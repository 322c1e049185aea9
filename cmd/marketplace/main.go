// Marketplace shows and verifies journals. It does not need the program that has written
// them.
//
//	marketplace journal info DIR
//	marketplace journal verify DIR
//	marketplace journal list -kind value -device '*:5999*' DIR
//	marketplace journal tail -f DIR
//	marketplace journal cat DIR 42
//	marketplace journal export DIR | jq .value
//	marketplace journal presence -topic '*Says*' DIR
//	marketplace journal truncate -after 41 DIR
//	marketplace journal skip DIR 42
//	marketplace journal salvage -o saved.json DIR
//	marketplace journal backup DIR DST
//	marketplace journal restore -to 41 DIR DST
//	marketplace journal erase -keys KEYS SUBJECT
//
// With -key FILE, each of them is for a journal that is encrypted with the key in FILE.
//
// It does not have the types of the values either, so it shows values as they were
// written, also those that their types hide in logs.
//
// With -json, each command prints JSON, an object a line, and so does standard error.
//
// The exit status is 0 on success; 1 if the journal is damaged or cannot be read, with a
// message on standard error; 2 if the command line is invalid; and 3 if the output lacks inputs
// that the program has dropped while the command read.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal/keys"
	"github.com/go-marketplace/marketplace/journal/wal"
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // writes fail instead
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

const usage = `usage: marketplace journal COMMAND [flags] DIR

DIR is the folder of a journal. The commands are

  info      describe the journal, and how it ends
  verify    check all hashes and entries; exit with 1 at the first damage
  list      list the inputs, a line for each
  tail      list the last inputs, and go on with those that come
  cat       show inputs in full, with their recorded results
  export    write the inputs as JSON, a line for each
  presence  show which endpoints were present, for which topics, and when
  truncate  remove the inputs after one, and say so in the journal
  skip      mark an input that the program does not get any more
  salvage   get out of a damaged journal whatever can be read
  backup    copy the journal while the program runs
  restore   copy the journal up to an input, as a journal of its own
  erase     erase what is sealed for a subject, in all journals with a key store

'marketplace journal COMMAND -h' says more about one. With -json, each prints JSON, an
object a line. The exit status is 0 on success, 1 if the journal is damaged or the
command has failed, 2 if the command line is invalid, and 3 if the output lacks inputs
that the program has dropped meanwhile.
`

// A command is one of the commands on journals.
type command struct {
	name string
	args string // what follows the flags
	help string
	run  func(*call) error
}

var commands = []command{
	{"info", "DIR", infoHelp, info},
	{"verify", "DIR", verifyHelp, verify},
	{"list", "DIR", listHelp, list},
	{"tail", "DIR", tailHelp, tail},
	{"cat", "DIR [N | N-M]...", catHelp, cat},
	{"export", "DIR", exportHelp, export},
	{"presence", "DIR", presenceHelp, presence},
	{"truncate", "DIR", truncateHelp, truncate},
	{"skip", "DIR N", skipHelp, skip},
	{"salvage", "DIR", salvageHelp, salvage},
	{"backup", "DIR DST", backupHelp, backup},
	{"restore", "DIR DST", restoreHelp, restore},
	{"erase", "SUBJECT", eraseHelp, erase},
}

// outputBuffer is how many bytes of output are written at once.
var outputBuffer = 4096

// A call is one use of a command.
type call struct {
	*flag.FlagSet
	args []string // on the command line, without the name
	json bool     // prints JSON
	dir  string
	key  *keys.Key // of an encrypted journal; nil if it is not

	missing bool // the output lacks inputs that the program has dropped meanwhile

	out    *bufio.Writer
	stderr io.Writer

	terminal io.Writer // stderr, for what controls it
}

// errUsage says that the command line is invalid, and that a message about it was
// printed. errDamage says that the journal is damaged, and that the output says where.
var (
	errUsage   = errors.New("usage")
	errDamage  = errors.New("damaged, as the report says")
	errMissing = errors.New("the output is not complete, because the program has dropped inputs meanwhile")
)

// run does what the command line says, and returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help") {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if len(args) > 0 && args[0] != "journal" {
		fmt.Fprintf(stderr, "marketplace: there is no command %q\n", args[0])
	}
	if len(args) < 2 || args[0] != "journal" {
		fmt.Fprint(stderr, usage)
		return 2
	}
	for _, c := range commands {
		if c.name == args[1] {
			return c.call(args[2:], stdout, stderr)
		}
	}
	if args[1] == "-h" || args[1] == "help" {
		fmt.Fprint(stdout, usage)
		return 0
	}
	fmt.Fprintf(stderr, "marketplace: there is no command %q\n%s", args[1], usage)
	return 2
}

func (c command) call(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	// A journal may have been written by somebody else.
	this := &call{FlagSet: flags, args: args, out: bufio.NewWriterSize(text.Plain(stdout), outputBuffer), stderr: text.Plain(stderr), terminal: stderr}
	flags.BoolVar(&this.json, "json", slices.ContainsFunc(args, isJSON), "print JSON, an object a line")
	flags.Lookup("json").DefValue = "false"
	if c.name != "erase" {
		flags.Func("key", "the journal is encrypted with the key in this `file`", func(file string) error {
			k, err := keys.ReadKey(file)
			this.key = &k
			return err
		})
	}
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: marketplace journal %s [flags] %s\n\n%s\nFlags:\n", c.name, c.args, c.help)
		flags.PrintDefaults()
	}
	err := c.run(this)
	if errors.Is(err, wal.ErrNoLog) {
		err = fmt.Errorf("journal: %s: %w", this.dir, wal.ErrNoLog)
	}
	if err == nil || errors.Is(err, errDamage) {
		err = errors.Join(err, this.out.Flush())
	}
	switch {
	case errors.Is(err, errUsage):
		return statusUsage
	case errors.Is(err, errDamage): // even if the output could not be written
		return this.fail(fmt.Errorf("%s: %w", this.dir, errDamage))
	case err == nil && this.missing:
		return this.fail(errMissing)
	case err == nil, errors.Is(err, flag.ErrHelp), errors.Is(err, syscall.EPIPE):
		return statusDone
	}
	this.out.Flush()
	return this.fail(err)
}

// parse reads the flags, which may also follow DIR, and returns the other arguments after
// DIR.
func (c *call) parse() ([]string, error) {
	words, err := c.words()
	if err != nil {
		return nil, err
	}
	if len(words) == 0 {
		return nil, c.wrong("the folder of the journal is missing")
	}
	c.dir = words[0]
	return words[1:], nil
}

// words reads the flags, and returns the other arguments.
func (c *call) words() (words []string, err error) {
	for args := c.args; ; {
		if err := c.parseFlags(args); err != nil {
			return nil, err
		}
		if c.NArg() == 0 {
			break
		}
		words = append(words, c.Arg(0))
		args = c.Args()[1:]
	}
	return words, nil
}

// only is parse for commands that take no argument but DIR.
func (c *call) only() error {
	rest, err := c.parse()
	if err == nil && len(rest) > 0 {
		err = c.wrong("unexpected argument %q", rest[0])
	}
	return err
}

// parseFlags parses the flags before the next word.
func (c *call) parseFlags(args []string) error {
	out, usage := c.Output(), c.Usage
	if c.json { // or it would print text
		c.SetOutput(io.Discard)
		c.Usage = func() {}
	}
	err := c.Parse(args)
	c.SetOutput(out)
	c.Usage = usage
	switch {
	case err == nil:
		return nil
	case errors.Is(err, flag.ErrHelp):
		if c.json {
			c.Usage()
		}
		return err
	case c.json:
		return c.wrong("%v", err)
	}
	return errUsage
}

// store returns the store of the journal.
func (c *call) store() wal.Store { return c.wrap(wal.Dir(c.dir)) }

// wrap returns a store for an encrypted journal, if it is one.
func (c *call) wrap(s wal.Store) wal.Store {
	if c.key == nil {
		return s
	}
	return keys.Encrypt(s, *c.key)
}

// wrong prints what is wrong with the command line, and the usage.
func (c *call) wrong(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if c.json {
		_ = encode(c.stderr, failure{text, "usage", statusUsage})
		return errUsage
	}
	fmt.Fprintln(c.stderr, "marketplace:", text)
	c.Usage()
	return errUsage
}
