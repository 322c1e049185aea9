package cli

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-marketplace/marketplace/journal"
)

// A pair is the numbers of two inputs.
type pair struct {
	given    bool
	from, to uint64
}

func (p *pair) read(s string) error {
	a, b, ok := strings.Cut(s, ",")
	from, err := strconv.ParseUint(a, 10, 64)
	to, err2 := strconv.ParseUint(b, 10, 64)
	if !ok || err != nil || err2 != nil {
		return errors.New("it must be the numbers of two inputs, as in 3,7")
	}
	*p = pair{true, from, to}
	return nil
}

// Register adds the flags to set.
func (f *Flags) Register(set *flag.FlagSet) {
	f.set = set
	set.StringVar(&f.dir, "journal", "", "keep a journal in this `folder`, and go on from what is there")
	set.Func("durability", fmt.Sprintf("what the journal promises, a `level`: sync, batch or memory (default %v)", f.Config.Durability), func(s string) (err error) {
		f.Config.Durability, err = journal.ParseDurability(s)
		return err
	})
	f.registerKeep(set)
	set.BoolVar(&f.Config.Trace, "trace", f.Config.Trace, "have the journal keep every step")
	set.Func("cut", "if the journal is damaged: go on without this input, and all that follow, `N@HASH`, as the error about the damage says", func(s string) (err error) {
		f.Config.Cut, err = journal.ParseCut(s)
		return err
	})
	set.BoolVar(&f.Config.Adopt, "adopt", f.Config.Adopt, "go on from a journal of another version of the program, and do not compare results with it")
	set.StringVar(&f.keys, "journal-keys", "", "seal values with the keys in this `folder`")
	set.StringVar(&f.master, "journal-master", "", "the keys are encrypted with the master key in this `file`, 64 hexadecimal digits")
	set.StringVar(&f.key, "journal-encrypt", "", "the journal is encrypted with the key in this `file`, 64 hexadecimal digits")
	set.BoolVar(&f.settle, "settle", false, "do not run, but recover the journal, take a snapshot, from which another build of the program can go on, and end")
	set.StringVar(&f.replay, "replay", "", "do not run, but replay the journal in this `folder`, and say whether it differs from what was recorded")
	set.Uint64Var(&f.until, "until", 0, "with -replay: stop after the input with this `number`")
	set.Func("diff", "with -replay: show what differs between the states after two inputs, `N,M`", f.diff.read)
	set.BoolVar(&f.step, "step", false, "with -replay: step through the run, here in the terminal")
	set.BoolVar(&f.effects, "effects", false, "with -replay: print commands and messages, for -rehearse of another build of the program")
	set.StringVar(&f.rehearse, "rehearse", "", "do not run, but say what this build of the program would do otherwise with the inputs in the journal in this `folder`")
	set.StringVar(&f.against, "against", "", "with -rehearse: a `file` with what the build has printed that has written the journal, with -replay and -effects")
	set.Uint64Var(&f.from, "from", 0, "with -effects or -rehearse: begin with the input with this `number`, and not with the oldest snapshot")
}

// own are the flags of this package.
var own = []string{"journal", "journal-keys", "journal-master", "journal-encrypt", "durability", "trace", "cut", "adopt", "settle", "journal-keep", "journal-archive", "replay", "until", "diff", "step", "effects", "rehearse", "against", "from"}

// Given reports whether any of the flags is on the command line.
func (f *Flags) Given() bool { return len(f.given()) > 0 }

func (f *Flags) given() map[string]bool {
	given := map[string]bool{}
	if f.set == nil {
		return given
	}
	f.set.Visit(func(g *flag.Flag) {
		if slices.Contains(own, g.Name) {
			given[g.Name] = true
		}
	})
	return given
}

// ErrUsage says that the flags contradict each other, or that one is missing or invalid.
// The error that wraps it says which.
var ErrUsage = errors.New("invalid flags")

func (f *Flags) check() error {
	given := f.given()
	for _, with := range []struct{ flag, needs string }{
		{"durability", "journal"}, {"trace", "journal"}, {"cut", "journal"}, {"adopt", "journal"}, {"settle", "journal"},
		{"until", "replay"}, {"diff", "replay"}, {"step", "replay"}, {"effects", "replay"}, {"against", "rehearse"}, {"journal-master", "journal-keys"},
		{"journal-keep", "journal"}, {"journal-archive", "journal"},
	} {
		if given[with.flag] && !given[with.needs] {
			return fmt.Errorf("%w: -%s needs -%s", ErrUsage, with.flag, with.needs)
		}
	}
	for _, name := range []string{"journal-keys", "journal-encrypt"} {
		if given[name] && !given["journal"] && !given["replay"] && !given["rehearse"] {
			return fmt.Errorf("%w: -%s needs -journal, -replay or -rehearse", ErrUsage, name)
		}
	}
	if given["from"] && !given["effects"] && !given["rehearse"] {
		return fmt.Errorf("%w: -from needs -effects or -rehearse", ErrUsage)
	}
	for _, folder := range []struct{ flag, dir string }{{"journal", f.dir}, {"replay", f.replay}, {"rehearse", f.rehearse}, {"journal-keys", f.keys}} {
		if given[folder.flag] && folder.dir == "" {
			return fmt.Errorf("%w: -%s needs a folder", ErrUsage, folder.flag)
		}
	}
	if given["until"] && f.until == 0 {
		return fmt.Errorf("%w: -until 0: the first input is 1", ErrUsage)
	}
	for _, both := range [][2]string{{"journal", "replay"}, {"step", "diff"}, {"step", "until"}, {"diff", "until"}, {"settle", "adopt"},
		{"rehearse", "journal"}, {"rehearse", "replay"}, {"effects", "step"}, {"effects", "diff"}, {"effects", "until"}} {
		if given[both[0]] && given[both[1]] {
			return fmt.Errorf("%w: either -%s or -%s, not both", ErrUsage, both[0], both[1])
		}
	}
	return nil
}
