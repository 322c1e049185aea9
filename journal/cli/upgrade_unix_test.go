//go:build unix

package cli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/journal"
)

// A bank is a folder with builds of the bank in testdata, and a journal.
type bank struct {
	*testing.T
	bin, journal string
}

// A teller is a build of the bank that runs.
type teller struct {
	bank
	*exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *output
}

// An output may be read while a process writes to it.
type output struct {
	sync.Mutex
	b bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.Lock()
	defer o.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.Lock()
	defer o.Unlock()
	return o.b.String()
}

func (b bank) command(build string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(b.bin, build), args...)
	c.Env = append(os.Environ(), "MARKETPLACE_LOG=")
	return c
}

// opens runs a build of the bank with the journal.
func (b bank) opens(build string, args ...string) *teller {
	b.Helper()
	t := &teller{bank: b, Cmd: b.command(build, append(args, "-journal", b.journal)...), stderr: &output{}}
	t.Cmd.Stderr = t.stderr
	in, err := t.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := t.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	t.in, t.out = in, bufio.NewReader(out)
	if err := t.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = t.Process.Kill() })
	return t
}

// says types a line, and checks what the bank prints.
func (t *teller) says(line, want string) {
	t.Helper()
	if _, err := fmt.Fprintln(t.in, line); err != nil {
		t.Fatalf("%v\n%s", err, t.stderr)
	}
	if got, err := t.out.ReadString('\n'); err != nil || got != want+"\n" {
		_ = t.Wait()
		t.Fatalf("%s: the bank says %q, %v, and not %q\n%s", line, got, err, want, t.stderr)
	}
}

// ends ends the run, by a kill or by a stop.
func (t *teller) ends(kill bool) {
	t.Helper()
	signal := syscall.SIGINT
	if kill {
		signal = syscall.SIGKILL
	}
	if err := t.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if err := t.Wait(); !kill && err != nil {
		t.Fatalf("%v\n%s", err, t.stderr)
	}
}

// says runs a build that ends by itself, and checks its exit status and the words that it
// prints.
func (b bank) says(build string, status int, words []string, args ...string) {
	b.Helper()
	c := b.command(build, args...)
	done := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() })
	defer done.Stop()
	out, _ := c.CombinedOutput()
	if got := c.ProcessState.ExitCode(); got != status {
		b.Fatalf("%s %v: status %d\n%s", build, args, got, out)
	}
	for _, word := range words {
		if !strings.Contains(string(out), word) {
			b.Errorf("%s %v does not say %q:\n%s", build, args, word, out)
		}
	}
}

// rehearses rehearses a build with the journal of the plain one.
func (b bank) rehearses(build string, status int, words ...string) {
	b.Helper()
	effects := b.journal + ".effects"
	out, err := b.command("plain", "-replay", b.journal, "-effects").Output()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(effects, out, 0o600); err != nil {
		b.Fatal(err)
	}
	b.says(build, status, words, "-rehearse", b.journal, "-against", effects)
}

// refuses checks that a build does not go on from the journal, and what it says.
func (b bank) refuses(build string, words ...string) {
	b.Helper()
	b.says(build, 1, append(words, "another one"), "-journal", b.journal)
}

// TestIssue14Upgrades goes through the life of a program whose builds replace each other, as
// real processes: after a stop and after a kill, with snapshots and without.
func TestIssue14Upgrades(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds programs")
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "./testdata/bank/plain", "./testdata/bank/fee", "./testdata/bank/cents", "./testdata/bank/noaudit").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, before := range []string{"stop", "kill", "kill, with a snapshot before"} {
		// account returns a bank in which ann has 200.
		account := func(t *testing.T) bank {
			b := bank{t, bin, filepath.Join(t.TempDir(), "bank.journal")}
			run := b.opens("plain")
			run.says("ann 150", "ann has 150")
			if before == "kill, with a snapshot before" {
				run.ends(false)
				run = b.opens("plain")
			}
			run.says("ann 50", "ann has 200")
			run.ends(before != "stop")
			return b
		}
		settle := func(b bank, build string) {
			if before != "stop" {
				b.refuses(build, "recorded: ", "-settle", "-adopt")
				b.says("plain", 0, []string{"there is a snapshot after input"}, "-settle", "-journal", b.journal)
			}
		}
		t.Run(before+"/other behaviour", func(t *testing.T) {
			b := account(t)
			b.rehearses("fee", 1, "bank.account: other messages after 2 inputs", "console.driver: other commands after 2 inputs", `"ann has 200`, `"ann has 180`)
			b.rehearses("plain", 0, "console.driver: no difference in")
			settle(b, "fee")
			run := b.opens("fee")
			run.says("ann 100", "ann has 290")
			run.ends(false)
			if log := run.stderr.String(); !strings.Contains(log, "another build of the program goes on") {
				t.Errorf("the log is\n%s", log)
			}
			b.says("plain", 0, []string{"no difference", "which another build has written"}, "-replay", b.journal)
			b.says("fee", 0, []string{"no difference", "which another build has written"}, "-replay", b.journal)
			run = b.opens("plain") // back
			run.says("ann 1", "ann has 291")
			run.ends(true)
			run = b.opens("plain")
			run.says("ann 1", "ann has 292")
			run.ends(false)
			b.says("plain", 0, []string{"no difference"}, "-replay", b.journal)
		})
		t.Run(before+"/other state", func(t *testing.T) {
			b := account(t)
			settle(b, "cents")
			run := b.opens("cents")
			run.says("ann 100", "ann has 290")
			run.ends(true)
			run = b.opens("cents")
			run.says("ann 10", "ann has 290")
			run.ends(false)
			b.refuses("plain", "account", `"bank.account"`, "version 1", "Go on with the other build")
			run = b.opens("cents")
			run.says("ann 11", "ann has 291")
			run.ends(false)
			b.says("cents", 0, []string{"no difference"}, "-replay", b.journal)
		})
		t.Run(before+"/removed type", func(t *testing.T) {
			b := account(t)
			if before != "stop" {
				b.says("plain", 0, nil, "-settle", "-journal", b.journal)
			}
			b.refuses("noaudit", `audit: the program has no process type "bank.audit"`)
			run := b.opens("plain")
			run.says("enough", "audited 3")
			run.ends(false)
			run = b.opens("noaudit")
			run.says("ann 100", "ann has 290")
			run.ends(false)
		})
		t.Run(before+"/other flags", func(t *testing.T) {
			b := account(t)
			if before == "kill" { // otherwise the flag is not read again
				b.says("plain", 1, []string{"with other settings", `greeting was "has" and is "owes"`, "-settle"}, "-journal", b.journal, "-greeting", "owes")
				b.says("plain", 0, nil, "-settle", "-journal", b.journal)
			}
			run := b.opens("plain", "-greeting", "owes")
			run.says("ann 90", "ann has 290")
			run.ends(false)
			if log := run.stderr.String(); !strings.Contains(log, `greeting was \"has\" and is \"owes\"`) {
				t.Errorf("the log is\n%s", log)
			}
			b.says("plain", 0, []string{"with the flags of the recorded run: -greeting=owes", "no difference", "with other settings"}, "-replay", b.journal)
		})
	}
	t.Run("snapshot on a signal", func(t *testing.T) {
		b := bank{t, bin, filepath.Join(t.TempDir(), "bank.journal")}
		run := b.opens("plain")
		run.says("ann 200", "ann has 200")
		if err := run.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		for !strings.Contains(run.stderr.String(), "there is a snapshot, because of a signal") {
			runtime.Gosched()
		}
		run.ends(true)
		run = b.opens("fee")
		run.says("ann 100", "ann has 290")
		run.ends(false)
	})
	t.Run("replay with flags", func(t *testing.T) {
		b := bank{t, bin, filepath.Join(t.TempDir(), "bank.journal")}
		run := b.opens("plain", "-greeting", "owes")
		run.says("ann 10", "ann owes 10")
		run.ends(true)
		b.says("plain", 0, []string{"with the flags of the recorded run: -greeting=owes", "no difference"}, "-replay", b.journal)
		if got := recorded(t, b.journal).Settings(journal.Program{}); fmt.Sprint(got) != "[{greeting owes}]" {
			t.Errorf("the settings are %v", got) // and not the secret
		}
		b.says("plain", 1, []string{"recorded: digest"}, "-replay", b.journal, "-greeting", "has")
	})
}

// recorded opens a journal to read.
func recorded(t *testing.T, dir string) *journal.History {
	t.Helper()
	h, err := journal.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
