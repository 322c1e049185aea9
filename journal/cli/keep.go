package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/journal"
)

// registerKeep adds the flags that say what a journal keeps, and where.
func (f *Flags) registerKeep(set *flag.FlagSet) {
	set.Func("journal-keep", "remove what is older from the journal, by `limits` with commas between them: inputs=N, age=36h or 30d, bytes=10GiB; with -journal-archive, unarchived removes also what is not archived yet", func(s string) (err error) {
		f.Config.Retention, err = journal.ParseRetention(s)
		return err
	})
	set.Func("journal-archive", "archive the journal: run this `command` for each file of it that is complete, with the path of the file and the name of the archive behind it; if it fails, it is run again later", func(s string) error {
		words := strings.Fields(s)
		if len(words) == 0 {
			return errors.New("the command is missing")
		}
		f.Config.Archive = archiveBy(words)
		return nil
	})
}

// archiveBy returns a function for journal.Config.Archive that runs a command.
func archiveBy(words []string) func(context.Context, journal.File) error {
	return func(ctx context.Context, file journal.File) error {
		cmd := exec.CommandContext(ctx, words[0], append(words[1:len(words):len(words)], file.Path, file.Archive)...)
		cmd.WaitDelay = 5 * time.Second // for its children, which may have its output
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w%s", words[0], err, lastLine(out))
		}
		return nil
	}
}

// lastLine returns the last line of the output of a command, for an error.
func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	last := lines[len(lines)-1]
	if last == "" {
		return ""
	}
	return ": " + last[:min(len(last), 200)]
}
